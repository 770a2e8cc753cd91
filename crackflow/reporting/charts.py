"""The charts of the report: training by epoch, what another threshold would give, and how well probabilities hold."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from crackflow.reporting.svg_charts import Axes, Chart, lines

# Prefix of a column -> what was measured.
SUBSETS = {"": "train", "val_": "valid", "foreign_": "foreign valid"}


def training_charts(losses: pd.DataFrame, metrics: pd.DataFrame) -> list[Chart]:
    """Draw each figure by epoch: one chart for the loss, one for each metric.

    Args:
        losses: reports/train_losses.csv: epoch, loss, val_loss, and foreign_loss where there is one.
        metrics: reports/train_metrics.csv, in the same way.

    Returns:
        The charts; a figure without a single number has none.
    """
    drawn: list[Chart] = []
    for table in (losses, metrics):
        names = [
            name for name in table.columns if name != "epoch" and not name.startswith(tuple(filter(None, SUBSETS)))
        ]
        for name in names:
            series = {words: prefix + name for prefix, words in SUBSETS.items() if prefix + name in table.columns}
            if table[list(series.values())].notna().any(axis=None):
                words = name.replace("_", " ").replace("iou", "IoU")
                title = f"{words[0].upper()}{words[1:]} by epoch"
                drawn.append(lines(f"by-epoch-{len(drawn)}", title, table, "epoch", series, Axes("epoch", words)))
    return drawn


def threshold_charts(curve: pd.DataFrame, figures: Mapping[str, Any]) -> dict[str, Chart | None]:
    """Draw the figures of test over the threshold, and precision over recall.

    Args:
        curve: reports/precision_recall.csv: threshold, precision, recall, f1, iou.
        figures: as metrics/evaluation.json, for the operating point.

    Returns:
        `thresholds` and `precision_recall`; None for what is undefined everywhere, as without a crack in truth.
    """
    pooled, threshold = figures["crack"]["pooled"], figures["protocol"]["threshold"]
    iou, whole = pooled["iou"], (0.0, 1.0)
    series = {"IoU": "iou", "precision": "precision", "recall": "recall"}
    by_threshold = None
    if curve[list(series.values())].notna().any(axis=None):
        by_threshold = lines(
            "by-threshold",
            "Figures at other thresholds",
            curve,
            "threshold",
            series,
            Axes("threshold", "figure", whole, whole),
            None if iou is None else (threshold, iou, f"operating point: threshold {threshold:.4g}, IoU {iou:.3f}"),
        )
    at = (pooled["recall"], pooled["precision"])
    if curve[["recall", "precision"]].dropna().empty:
        return {"thresholds": by_threshold, "precision_recall": None}
    against = lines(
        "precision-recall",
        "Precision over recall",
        curve,
        "recall",
        {"precision": "precision"},
        Axes("recall", "precision", whole, whole),
        (*at, f"operating point: recall {at[0]:.3f}, precision {at[1]:.3f}") if None not in at else None,
    )
    return {"thresholds": by_threshold, "precision_recall": against}


def calibration_chart(curve: pd.DataFrame) -> Chart | None:
    """Draw the reliability curve: the share of crack over the crack probability.

    Args:
        curve: reports/calibration.csv: probability and crack_share, a row a bin.

    Returns:
        The chart, with the diagonal on which every probability would hold; None without a bin.
    """
    if curve.empty:
        return None
    series = {"pixels that are crack": "crack_share", "as the probability says": "probability"}
    axes = Axes("crack probability", "share of pixels", (0.0, 1.0), (0.0, 1.0))
    # the probability stands for the diagonal too
    table = curve.assign(mean=curve["probability"])
    return lines("calibration", "Share of crack by probability", table, "mean", series, axes)
