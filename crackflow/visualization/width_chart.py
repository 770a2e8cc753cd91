"""The chart of label thickness: how thick each source draws its cracks."""

from pathlib import Path

import pandas as pd
from matplotlib.ticker import NullFormatter, ScalarFormatter

from crackflow.visualization.charts import COLOURS, new_figure, save


def thickness_by_source(path: Path, table: pd.DataFrame) -> None:
    """Draw the range of thickness of each source's masks, the thinnest source on top.

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
