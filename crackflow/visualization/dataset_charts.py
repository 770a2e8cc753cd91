"""The charts of statistics: images by subset and source, share of crack, thickness of the labels."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullFormatter, PercentFormatter, ScalarFormatter

from crackflow.visualization.charts import COLOURS, HATCHES, make_plain, new_figure, save


def subsets_and_sources(path: Path, table: pd.DataFrame, crack_shares: Mapping[str, float]) -> None:
    """Draw how many images each subset has, of which sources they are, and how much crack each source shows.

    Args:
        path: the PNG to write.
        table: counts; a row a source (the index), a column a subset.
        crack_shares: mean share of crack pixels by source, 0..1.
    """
    figure = Figure(figsize=(13, max(4.0, 1.6 + 0.32 * len(table))), layout="constrained")
    left, right, far = figure.subplots(1, 3, width_ratios=(3, 5, 3))
    left.set_title("Images by subset", loc="left")
    right.set_title("Images by source", loc="left")
    far.set_title("Crack, share of the pixels", loc="left")
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
    shares = [crack_shares[source] for source in rows.index]
    far.bar_label(
        far.barh(rows.index, shares, color="#595959"), [f"{100 * share:.2f} %" for share in shares], padding=3
    )
    far.tick_params(labelleft=False)
    far.xaxis.set_major_formatter(PercentFormatter(1, symbol=" %"))
    left.yaxis.set_major_locator(MaxNLocator(integer=True))
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.set_ylabel("images")
    right.set_xlabel("images")
    far.set_xlabel("mean over the source's images")
    for axes in (right, far):
        axes.set_ylim(-0.6, max(len(rows) - 0.4, 2.4))
        make_plain(axes, "x")
    right.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(table.columns))
    make_plain(left, "y")
    left.margins(y=0.1)
    right.margins(x=0.1)
    far.margins(x=0.25)
    save(path, figure)


def thickness_by_source(path: Path, table: pd.DataFrame) -> None:
    """Draw how thick each source draws its cracks: the range of its masks, the thinnest source on top.

    Args:
        path: the PNG to write.
        table: a row a source (the index) with columns p10, median and p90, px, and masks, how many there are. Without
            a row the chart says that there is no mask.
    """
    rows = table.sort_values("median", ascending=False, kind="stable")
    figure, axes = new_figure(8.4, 1.6 + 0.34 * max(len(rows), 2), "Label thickness by source")
    places = range(len(rows))
    axes.hlines(places, rows["p10"], rows["p90"], color=COLOURS[5], linewidth=7, label="10 % to 90 % of the masks")
    axes.plot(rows["median"], places, "o", color=COLOURS[0], markersize=8, label="median")
    for place, (median, high) in enumerate(zip(rows["median"], rows["p90"], strict=True)):
        axes.annotate(f"{median:.1f}", (max(median, high), place), (8, 0), textcoords="offset points", va="center")
    axes.set_yticks(
        list(places), [f"{source} ({masks})" for source, masks in zip(rows.index, rows["masks"], strict=True)]
    )
    axes.set_ylim(-0.6, max(len(rows) - 0.4, 1.4))
    axes.set_xlabel("mean thickness of a mask, px of the resized pair")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=False, axis="y")
    axes.grid(axis="x", color="#dddddd", linewidth=0.8)
    if len(rows):
        axes.set_xscale("log")
        axes.set_xlim(0.8, 1.6 * float(rows["p90"].max()))
        ticks = [tick for tick in (1, 2, 5, 10, 20, 50, 100, 200, 500) if tick <= 1.6 * float(rows["p90"].max())]
        axes.set_xticks(ticks)
        axes.xaxis.set_major_formatter(ScalarFormatter())
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
    else:
        axes.text(0.5, 0.5, "no mask with a crack", transform=axes.transAxes, ha="center")
    save(path, figure)
