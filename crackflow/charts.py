"""Charts of the report. Each is written whole or not at all, and to the same bytes for the same numbers."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# Okabe and Ito's colours, dark ones first; yellow is left out because it is faint on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# Lines and bars differ by these too, so that a chart can be read without colour.
STYLES = ("-", "--", ":", "-.")
HATCHES = ("", "//", "..", "xx")
DPI = 120


def lines(
    path: Path, frame: pd.DataFrame, series: Mapping[str, str], x: str, xlabel: str, ylabel: str, title: str
) -> None:
    """Draw columns of `frame` as lines, for instance the losses by epoch.

    Args:
        path: the PNG to write.
        frame: a row a point; missing values leave gaps.
        series: label -> column.
        x: the column of the horizontal axis.
        xlabel: name of that axis, with its unit.
        ylabel: name of the vertical axis, with its unit.
        title: heading.
    """
    figure, axes = _figure(7.2, 4.2, title)
    few = "o" if len(frame) <= 60 else None
    for index, (label, column) in enumerate(series.items()):
        axes.plot(
            frame[x],
            frame[column],
            label=label,
            color=COLOURS[index % len(COLOURS)],
            linestyle=STYLES[index % len(STYLES)],
            marker=few,
            markersize=3.5,
        )
    axes.set(xlabel=xlabel, ylabel=ylabel)
    if pd.api.types.is_integer_dtype(frame[x]):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.legend(frameon=False)
    save(path, figure)


def precision_recall(path: Path, table: pd.DataFrame, point: tuple[float, float], label: str) -> None:
    """Draw precision over recall, with lines of equal F1 and the point that is used.

    Args:
        path: the PNG to write.
        table: columns recall and precision, a row a threshold; NaN leaves a gap.
        point: recall and precision at the operating point.
        label: the words at that point.
    """
    figure, axes = _figure(5.4, 5, "Precision and recall on test, crack pixels pooled")
    for value in (0.2, 0.4, 0.6, 0.8):
        # F1 = 2 P R / (P + R), solved for P
        reach = np.linspace(value / (2 - value), 1, 500)
        axes.plot(reach, value * reach / (2 * reach - value), color="#bbbbbb", linewidth=0.8)
        axes.annotate(f"F1 {value}", (1, value / (2 - value)), fontsize=8, color="#767676", ha="right", va="bottom")
    axes.plot(table["recall"], table["precision"], color=COLOURS[0])
    axes.plot(*point, "o", color=COLOURS[1], markersize=8, label=label)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.01))
    axes.legend(frameon=False, loc="lower left")
    save(path, figure)


def subsets_and_sources(path: Path, table: pd.DataFrame) -> None:
    """Draw how many images each subset has, and of which sources they are.

    Args:
        path: the PNG to write.
        table: counts; a row a source (the index), a column a subset.
    """
    figure = Figure(figsize=(11, max(4.0, 1.6 + 0.32 * len(table))), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(2, 3))
    left.set_title("Images by subset", loc="left")
    right.set_title("Images by source", loc="left")
    # the largest on top
    rows = table.loc[table.sum(axis=1).sort_values(kind="stable").index]
    before = np.zeros(len(rows))
    for index, subset in enumerate(table.columns):
        look: dict[str, Any] = {"color": COLOURS[index], "hatch": HATCHES[index], "edgecolor": "white"}
        left.bar_label(left.bar(subset, table[subset].sum(), **look), padding=2)
        right.barh(rows.index, rows[subset], left=before, label=subset, **look)
        before += rows[subset].to_numpy()
    for place, total in enumerate(before):
        right.annotate(f"{total:.0f}", (total, place), (4, 0), textcoords="offset points", va="center")
    left.set_ylabel("images")
    right.set_xlabel("images")
    right.set_ylim(-0.6, max(len(rows) - 0.4, 2.4))
    right.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(table.columns))
    _plain(left, "y")
    _plain(right, "x")
    left.margins(y=0.1)
    right.margins(x=0.1)
    save(path, figure)


def save(path: Path, figure: Figure) -> None:
    """Write `figure` as PNG at once: a reader never sees a part of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    # Without the version that matplotlib signs with, an update of matplotlib alone changes no byte.
    figure.savefig(part, format="png", dpi=DPI, metadata={"Software": None})
    os.replace(part, path)


def _figure(width: float, height: float, title: str) -> tuple[Figure, Axes]:
    """A figure with one set of axes; made without pyplot, whose global state outlives the figure."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left")
    _plain(axes, "y")
    return figure, axes


def _plain(axes: Axes, along: Literal["x", "y"]) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=along, color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
