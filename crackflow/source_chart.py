"""The chart of statistics: how many images, by subset and by source."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from crackflow.charts import COLOURS, HATCHES, make_plain, save


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
    left.yaxis.set_major_locator(MaxNLocator(integer=True))
    right.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.set_ylabel("images")
    right.set_xlabel("images")
    right.set_ylim(-0.6, max(len(rows) - 0.4, 2.4))
    right.legend(frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=len(table.columns))
    make_plain(left, "y")
    make_plain(right, "x")
    left.margins(y=0.1)
    right.margins(x=0.1)
    save(path, figure)
