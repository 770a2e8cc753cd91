"""All figures of one evaluation, from the scores of its pictures: nested for machines, as tables for people."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crackflow.evaluation import metrics
from crackflow.evaluation.metrics import (
    Classes,
    Counts,
    Integers,
    by_image,
    f1,
    iou,
    per_image,
    pooled,
    positives,
    precision,
    recall,
)
from crackflow.evaluation.thresholds import THRESHOLDS, counts_at, levels, ods_f1, ois_f1

RATIOS = {"iou": iou, "f1": f1, "precision": precision, "recall": recall}
# What each reduction means; kept with the figures, since two papers' IoU differ by just this.
REDUCTIONS = {
    "pooled": "ratio of pixels summed over images",
    "per_image": "mean over images; both sides empty 1, one side empty 0",
    "positives": "mean over images with cracks",
}


@dataclass(frozen=True)
class Scored:
    """What is kept of one picture; its pixels are not.

    Attributes:
        stem: its name.
        source: where it comes from.
        counts: any foreground class against the background.
        by_class: each foreground class against all others, in the order of the classes.
        tolerant_f1: NaN where truth has no crack.
        dice: the original's dice_coef_multiclass.
        dice_all_background: the same for a mask without any crack.
        crossentropy: mean over pixels.
        levels: int64 (2, 257), for other thresholds.
    """

    stem: str
    source: str
    counts: Counts
    by_class: tuple[Counts, ...]
    tolerant_f1: float
    dice: float
    dice_all_background: float
    crossentropy: float
    levels: Integers


def score(
    stem: str,
    source: str,
    probabilities: NDArray[np.float32],
    predicted: Classes,
    truth: Classes,
    tolerance_px: int,
) -> Scored:
    """Score one picture.

    Args:
        stem: its name.
        source: where it comes from.
        probabilities: float32 (H, W, C), the background first.
        predicted: uint8 (H, W), the class numbers that `probabilities` were turned into.
        truth: uint8 (H, W), class numbers.
        tolerance_px: of the tolerant F1.

    Returns:
        Everything that the figures need.
    """
    return Scored(
        stem=stem,
        source=source,
        counts=metrics.counts(predicted, truth),
        by_class=tuple(metrics.counts(predicted, truth, number) for number in range(1, probabilities.shape[-1])),
        tolerant_f1=metrics.tolerant_f1(predicted, truth, tolerance_px),
        dice=metrics.dice_coef_multiclass(probabilities, truth),
        dice_all_background=metrics.dice_coef_multiclass_all_background(truth),
        crossentropy=metrics.categorical_crossentropy(probabilities, truth),
        levels=levels(probabilities, truth),
    )


def figures(scored: Sequence[Scored], class_names: Sequence[str]) -> dict[str, Any]:
    """Compute every figure.

    Args:
        scored: the pictures, at least one.
        class_names: the background first.

    Returns:
        Nested by name: `crack` at the chosen threshold, `oracle` at the best ones in hindsight, `original` as the
        original experiment measured, `all_background` what an empty mask gets by the measures of `crack`, and with more
        than two classes `classes`. NaN where a figure is undefined.
    """
    counts = Counts.stack(picture.counts for picture in scored)
    tolerant = np.array([picture.tolerant_f1 for picture in scored])
    at = counts_at(np.stack([picture.levels for picture in scored]))
    found: dict[str, Any] = {
        "crack": _crack(counts, tolerant),
        "oracle": {"ods_f1": ods_f1(at), "ois_f1": ois_f1(at)},
        "original": {
            "categorical_crossentropy": float(np.mean([picture.crossentropy for picture in scored])),
            "dice_coef_multiclass": float(np.mean([picture.dice for picture in scored])),
            "dice_coef_multiclass_all_background": float(np.mean([picture.dice_all_background for picture in scored])),
        },
        # Whatever is missed altogether has a tolerant F1 of 0, and stays undefined where there was nothing to find.
        "all_background": _crack(counts.all_background(), tolerant * 0),
    }
    if len(class_names) > 2:
        stacks = [Counts.stack(column) for column in zip(*(picture.by_class for picture in scored), strict=True)]
        found["classes"] = {
            name: {"pooled": {"iou": float(pooled(iou, stack)), "f1": float(pooled(f1, stack))}}
            for name, stack in zip(class_names[1:], stacks, strict=True)
        }
    return found


def brief(counts: Counts) -> dict[str, Any]:
    """Give the four figures by which two ways to predict are compared, nested as in `figures`.

    Args:
        counts: of shape (N,), any foreground class against the background.
    """
    return {
        "pooled": {"iou": float(pooled(iou, counts)), "f1": float(pooled(f1, counts))},
        "positives": {"iou": float(positives(iou, counts))},
        "false_alarms": {"images": metrics.false_alarms(counts).images},
    }


def per_image_table(scored: Sequence[Scored]) -> pd.DataFrame:
    """A row a picture, by stem. The means of the ratios' columns are the `per_image` figures."""
    pictures = sorted(scored, key=lambda picture: picture.stem)
    counts = Counts.stack(picture.counts for picture in pictures)
    table = {
        "stem": [picture.stem for picture in pictures],
        "source": [picture.source for picture in pictures],
        "crack_share": (counts.tp + counts.fn) / (counts.tp + counts.fp + counts.fn + counts.tn),
        **{name: by_image(ratio, counts) for name, ratio in RATIOS.items()},
        "tolerant_f1": [picture.tolerant_f1 for picture in pictures],
        "tp": counts.tp,
        "fp": counts.fp,
        "fn": counts.fn,
    }
    return pd.DataFrame(table)


def per_source_table(scored: Sequence[Scored]) -> pd.DataFrame:
    """A row a source, by name: how many images, how many with cracks, and the figures of `crack`, flat."""
    rows = []
    for source in sorted({picture.source for picture in scored}):
        own = [picture for picture in scored if picture.source == source]
        counts = Counts.stack(picture.counts for picture in own)
        crack = _crack(counts, np.array([picture.tolerant_f1 for picture in own]))
        number = int(np.count_nonzero(counts.tp + counts.fn))
        rows.append({"source": source, "images": len(own), "images_with_cracks": number, **flat(crack)})
    return pd.DataFrame(rows)


def precision_recall_table(scored: Sequence[Scored]) -> pd.DataFrame:
    """A row a threshold, rising: pooled precision, recall, F1 and IoU; precision is NaN where nothing is predicted."""
    at = counts_at(np.stack([picture.levels for picture in scored]))
    order = ("precision", "recall", "f1", "iou")
    return pd.DataFrame({"threshold": THRESHOLDS, **{name: pooled(RATIOS[name], at) for name in order}})


def flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Join the names of nested figures with underscores: {"pooled": {"iou": 0.5}} to {"pooled_iou": 0.5}."""
    out: dict[str, Any] = {}
    for name, value in nested.items():
        out |= flat(value, f"{prefix}{name}_") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return out


def plain(nested: Mapping[str, Any]) -> dict[str, Any]:
    """Round every figure to 6 decimals, and put None where it is undefined, as JSON wants it."""
    return {name: plain(value) if isinstance(value, Mapping) else _plain(value) for name, value in nested.items()}


def _crack(counts: Counts, tolerant: NDArray[np.float64]) -> dict[str, Any]:
    alarms = metrics.false_alarms(counts)
    known = tolerant[~np.isnan(tolerant)]
    return {
        "pooled": {name: float(pooled(ratio, counts)) for name, ratio in RATIOS.items()},
        "per_image": {name: float(per_image(ratio, counts)) for name, ratio in RATIOS.items()},
        "positives": {name: float(positives(RATIOS[name], counts)) for name in ("iou", "f1")},
        "tolerant_f1": float(known.mean()) if known.size else math.nan,
        "false_alarms": {"images": alarms.images, "area": alarms.area},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 6)
    return value
