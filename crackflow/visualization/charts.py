"""Lines by epoch, and the look that all charts share: read without colour, the same bytes for the same numbers."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from crackflow.atomic import replacing

# Okabe and Ito's colours, dark ones first; yellow is left out because it is faint on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
# Lines and bars differ by these too, so that a chart can be read without colour.
STYLES = ("-", "--", ":", "-.")
HATCHES = ("", "//", "..", "xx", "++")
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
    figure, axes = new_figure(7.2, 4.2, title)
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


def save(path: Path, figure: Figure) -> None:
    """Write `figure` as PNG at once: a reader never sees a part of it."""
    with replacing(path) as part:
        # The version that matplotlib signs with would change the bytes with every update.
        figure.savefig(part, format="png", dpi=DPI, metadata={"Software": None})


def new_figure(width: float, height: float, title: str) -> tuple[Figure, Axes]:
    """Make a figure of `width` by `height` inches with one set of axes; pyplot's global state would outlive it."""
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.set_title(title, loc="left")
    make_plain(axes, "y")
    return figure, axes


def make_plain(axes: Axes, along: Literal["x", "y"]) -> None:
    """Leave of the frame two sides, and of the grid the lines to read values `along` that axis by."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis=along, color="#dddddd", linewidth=0.8)
    axes.set_axisbelow(True)
