"""The chart of evaluate: precision over recall at every threshold."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from crackflow.visualization.charts import COLOURS, new_figure, save


class Spot(NamedTuple):
    """A point on the chart, and the words for it."""

    recall: float
    precision: float
    label: str


def precision_recall(path: Path, table: pd.DataFrame, used: Spot, unfiltered: Spot | None = None) -> None:
    """Draw precision over recall, with lines of equal F1 and the operating point.

    Args:
        path: the PNG to write.
        table: columns recall and precision, a row a threshold; NaN leaves a gap.
        used: the operating point. With a component filter it lies off the curve, which is of thresholds alone.
        unfiltered: the same threshold without the filter, on the curve; None where there is no filter.
    """
    figure, axes = new_figure(5.4, 5, "Precision and recall on test, crack pixels pooled")
    for value in (0.2, 0.4, 0.6, 0.8):
        # F1 = 2 P R / (P + R), solved for P
        reach = np.linspace(value / (2 - value), 1, 500)
        axes.plot(reach, value * reach / (2 * reach - value), color="#bbbbbb", linewidth=0.8)
        axes.annotate(f"F1 {value}", (1, value / (2 - value)), fontsize=8, color="#767676", ha="right", va="bottom")
    axes.plot(table["recall"], table["precision"], color=COLOURS[0])
    if unfiltered:
        axes.annotate("", used[:2], unfiltered[:2], arrowprops={"arrowstyle": "-", "color": COLOURS[1]})
        axes.plot(*unfiltered[:2], "o", color=COLOURS[1], markerfacecolor="white", markersize=8, label=unfiltered.label)
    axes.plot(*used[:2], "o", color=COLOURS[1], markersize=8, label=used.label)
    axes.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.01))
    axes.legend(frameon=False, loc="lower left")
    save(path, figure)
