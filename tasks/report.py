"""Stage report: everything that the other stages left, on one page."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

from crackflow.atomic import write_text
from crackflow.evaluation.headline import (
    BY_NAME,
    HEADLINE,
    figure_text,
    figure_words,
    interval_text,
    interval_words,
    is_no_better_than_black,
)
from crackflow.imaging.images import read_stored_mask, write_png
from crackflow.imaging.pairs import ResizedPairs
from crackflow.params import Params
from crackflow.visualization.html_report import leak_rows, render, split_warning
from crackflow.visualization.prediction_sheet import Compared, comparison
from tasks.workspace import Workspace

WORST = 10
SHEET_WIDTH = 256
# The figures above the table, in large letters.
LEAD = ("pooled_iou", "pooled_f1", "positives_iou")
# Relative to reports/, where the page lies.
FILES = (
    ("../models/flexunet.keras", "the model: Keras 3, pixels 0 to 255 in, class probabilities out"),
    ("../models/operating_point.json", "threshold, component filter, flips, and how they were chosen"),
    ("../predictions/test", "the predicted mask of each test image"),
    ("../metrics/evaluation.json", "every figure with its protocol, for machines and dvc metrics diff"),
    ("evaluation.csv", "the same as name and value, those of the original experiment first"),
    ("per_image.csv", "a row a test image"),
    ("per_source.csv", "a row a source"),
    ("foreign_per_image.csv", "a row an image of a place never seen"),
    ("foreign_per_source.csv", "a row a source of places never seen"),
    ("precision_recall.csv", "a row a threshold, without the component filter"),
    ("calibration.csv", "a row a bin of crack probability: how many of its pixels are crack"),
    ("calibration_by_source.csv", "the same for each source"),
    ("operating_point.csv", "a row a component filter: the figures it reaches on valid"),
    ("train_losses.csv", "a row an epoch"),
    ("train_metrics.csv", "a row an epoch"),
    ("mini_test", "the images shown above at full size: photographs, masks, predictions, overlays"),
    ("epoch_change_infer", "predictions after each epoch"),
    ("dataset.json", "counts, sizes, groups, leaks, masks, near-duplicates, label audit, rejected pairs"),
    ("suspicious.csv", "a row a label, the one that looks most wrong first, with its measures"),
    ("../data/split.csv", "which pair went where, and why together"),
)


def run(workspace: Workspace, params: Params) -> None:
    """Write reports/index.html and the sheet of the worst images.

    Args:
        workspace: the reports, figures, predictions and resized test pairs are read.
        params: classes and report are read.
    """
    metrics = _read_json(workspace.metrics_json)
    point = _read_json(workspace.operating_point)
    raw = _read_json(workspace.raw_json)
    sources = _by_source(workspace.reports / "per_source.csv")
    foreign = metrics.get("foreign")
    worst = draw_worst(workspace, len(params.classes), workspace.reports / "worst.png")
    dataset = _read_json(workspace.reports / "dataset.json")
    values = {
        "title": params.report.title,
        "origin": raw["origin"],
        "dataset": dataset,
        "warning": split_warning(dataset["split"]["protocol"], dataset["split"]["leaks"]["this"]),
        "leaks": leak_rows(dataset["split"]["leaks"]),
        "headline": headline_rows(metrics),
        "lead": LEAD,
        "interval_words": interval_words(metrics),
        "protocol": metrics["protocol"],
        "oracle": metrics["oracle"],
        "original": metrics["original"],
        "classes": metrics.get("classes"),
        "flips": metrics.get("flips"),
        "point": point,
        "threshold_metric": figure_words(BY_NAME[point["metric"]], metrics["protocol"]),
        "sources": sources,
        "foreign": foreign,
        "foreign_headline": headline_rows(foreign) if foreign else None,
        "foreign_sources": _by_source(workspace.reports / "foreign_per_source.csv"),
        "epochs": len(pd.read_csv(workspace.reports / "train_losses.csv")),
        "epoch_sheet": (workspace.reports / "epoch_change_infer/sheet.png").exists(),
        "worst": worst,
        "files": FILES,
    }
    write_text(workspace.reports / "index.html", render(values))


def headline_rows(figures: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Set each headline figure beside what an all-black mask reaches.

    Args:
        figures: as metrics/evaluation.json.

    Returns:
        By the figure's name: words, meaning, the model's figure with and without its interval, the interval, the black
        mask's figure, and whether the model is no better than black.
    """
    return {
        one.name: {
            "words": figure_words(one, figures["protocol"]),
            "meaning": one.meaning,
            "ours": figure_text(figures, one),
            "value": figure_text(figures, one, interval=False),
            "interval": interval_text(figures, one),
            "black": figure_text(figures, one, "all_background"),
            "no_better": is_no_better_than_black(figures, one),
        }
        for one in HEADLINE
    }


def draw_worst(workspace: Workspace, num_classes: int, path: Path) -> list[dict[str, Any]]:
    """Draw the sheet of the worst images: the lowest IoU first, of equals the one with most wrong pixels.

    Args:
        workspace: per_image.csv, the predictions and the resized pairs are read.
        num_classes: of the masks.
        path: the picture to write.

    Returns:
        The rows of per_image.csv that are shown, with `wrong`, the pixels that are.
    """
    images = pd.read_csv(workspace.reports / "per_image.csv", dtype={"stem": str, "source": str}, keep_default_na=False)
    wrong = (images["fp"] + images["fn"]).rename("wrong")
    order = images.assign(wrong=wrong).sort_values(["iou", "wrong", "stem"], ascending=[True, False, True])
    worst = [{str(name): value for name, value in row.items()} for row in order.head(WORST).to_dict("records")]
    write_png(path, comparison([_compared(workspace, row, num_classes) for row in worst], num_classes, SHEET_WIDTH))
    return worst


def _by_source(path: Path) -> list[dict[Any, Any]]:
    return pd.read_csv(path, keep_default_na=False, na_values=[""]).to_dict("records")


def _read_json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))


def _compared(workspace: Workspace, row: dict[str, Any], num_classes: int) -> Compared:
    image, truth = ResizedPairs(workspace.resized, num_classes).pair(row["stem"])
    predicted = read_stored_mask(workspace.predictions / f"{row['stem']}.png", num_classes)
    return Compared(row["stem"], row["iou"], image, truth, predicted)
