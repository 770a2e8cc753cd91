"""All figures of one evaluation, nested by name."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crackflow.evaluation.image_scores import ImageScores
from crackflow.evaluation.metrics import (
    Counts,
    f1,
    false_alarms,
    iou,
    per_image,
    pooled,
    positives,
    precision,
    recall,
)
from crackflow.evaluation.thresholds import counts_at, ods_f1, ois_f1
from crackflow.statistics.calibration import Integers, fit_temperature, reliability

RATIOS = {"iou": iou, "f1": f1, "precision": precision, "recall": recall}
# What each reduction means. It is kept with the figures, since published IoUs differ by just this.
REDUCTIONS = {
    "pooled": "ratio of pixels summed over images",
    "per_image": "mean over images; both sides empty 1, one side empty 0",
    "positives": "mean over images with cracks",
}


def figures(images: Sequence[ImageScores], class_names: Sequence[str]) -> dict[str, Any]:
    """Compute every figure.

    Args:
        images: the scored images, at least one.
        class_names: the background first.

    Returns:
        Nested by name: `crack` at the operating point, `oracle` at the best thresholds in hindsight, `original` as the
        original experiment measured, `all_background` what an empty mask gets by the measures of `crack`,
        `calibration`, and with more than two classes `classes`. NaN where a figure is undefined.
    """
    counts, tolerant = _stacked(images)
    at = counts_at(np.stack([image.levels for image in images]))
    found: dict[str, Any] = {
        "crack": _crack(counts, tolerant),
        "oracle": {"ods_f1": ods_f1(at), "ois_f1": ois_f1(at)},
        "original": {
            "categorical_crossentropy": float(np.mean([image.crossentropy for image in images])),
            "dice_coef_multiclass": float(np.mean([image.dice for image in images])),
            "dice_coef_multiclass_all_background": float(np.mean([image.dice_all_background for image in images])),
        },
        # An empty mask misses every crack: its tolerant F1 is 0, and undefined where there is no crack.
        "all_background": _crack(counts.all_background(), tolerant * 0),
        "calibration": calibration(images),
    }
    if len(class_names) > 2:
        stacks = [Counts.stack(column) for column in zip(*(image.by_class for image in images), strict=True)]
        found["classes"] = {
            name: {"pooled": {"iou": float(pooled(iou, stack)), "f1": float(pooled(f1, stack))}}
            for name, stack in zip(class_names[1:], stacks, strict=True)
        }
    return found


def crack_figures(images: Sequence[ImageScores]) -> dict[str, Any]:
    """Compute the figures of `crack` alone, nested as in `figures`; NaN where one is undefined."""
    return _crack(*_stacked(images))


def calibration(images: Sequence[ImageScores], chosen_on: Integers | None = None) -> dict[str, float]:
    """Say how well crack probabilities hold.

    Args:
        images: the scored images, at least one.
        chosen_on: int64 (2, 512), the same counts of the images that the operating point was chosen on; None where they
            are not at hand.

    Returns:
        `ece`, the expected calibration error, and `excess`, by how much the mean probability is above the share of
        crack pixels; likewise `all_background_ece` of a mask without any crack, which is that share. With `chosen_on`
        the temperature that is best there, and `ece_at_temperature` on `images`.
    """
    counted = np.sum([image.odds for image in images], axis=0)
    curve = reliability(counted)
    black = float(counted[1].sum() / counted.sum())
    found = {"ece": curve.error, "excess": curve.excess, "all_background_ece": black}
    if chosen_on is not None:
        found["temperature"] = fit_temperature(chosen_on)
        found["ece_at_temperature"] = reliability(counted, found["temperature"]).error
    return found


def foreign_figures(figures: Mapping[str, Any], by_source: Iterable[Mapping[Any, Any]]) -> dict[str, Any]:
    """Give the block `foreign` of metrics/evaluation.json.

    Args:
        figures: of places never seen, with intervals and protocol.
        by_source: the rows of crackflow.evaluation.tables.per_source_table for the same images.

    Returns:
        `crack`, `all_background`, `intervals` and `protocol` as for test; `by_source`, the pooled IoU of each source
        that has cracks, and `mean_of_sources`, their plain mean: a large source counts no more there than a small one.
    """
    found = {str(row["source"]): float(row["pooled_iou"]) for row in by_source if row["images_with_cracks"]}
    mean = float(np.mean(list(found.values()))) if found else math.nan
    kept = {name: figures[name] for name in ("crack", "all_background", "intervals", "protocol")}
    return {**kept, "by_source": found, "mean_of_sources": mean}


def four_figures(counts: Counts) -> dict[str, Any]:
    """Compute the four figures by which two ways to predict are compared, nested as in `figures`.

    Args:
        counts: of shape (N,), any foreground class against the background.
    """
    return {
        "pooled": {"iou": float(pooled(iou, counts)), "f1": float(pooled(f1, counts))},
        "positives": {"iou": float(positives(iou, counts))},
        "false_alarms": {"images": false_alarms(counts).images},
    }


def flat(nested: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Join the names of nested figures with underscores: {"pooled": {"iou": 0.5}} to {"pooled_iou": 0.5}."""
    out: dict[str, Any] = {}
    for name, value in nested.items():
        out |= flat(value, f"{prefix}{name}_") if isinstance(value, Mapping) else {f"{prefix}{name}": value}
    return out


def plain(nested: Mapping[str, Any]) -> dict[str, Any]:
    """Round every figure to 6 decimals, and put None where it is undefined, as JSON wants it."""
    return {name: plain(value) if isinstance(value, Mapping) else _plain(value) for name, value in nested.items()}


def _stacked(images: Sequence[ImageScores]) -> tuple[Counts, NDArray[np.float64]]:
    return Counts.stack(image.counts for image in images), np.array([image.tolerant_f1 for image in images])


def _crack(counts: Counts, tolerant: NDArray[np.float64]) -> dict[str, Any]:
    alarms = false_alarms(counts)
    known = tolerant[~np.isnan(tolerant)]
    return {
        "pooled": {name: float(pooled(ratio, counts)) for name, ratio in RATIOS.items()},
        "per_image": {name: float(per_image(ratio, counts)) for name, ratio in RATIOS.items()},
        "positives": {name: float(positives(RATIOS[name], counts)) for name in ("iou", "f1")},
        "tolerant_f1": float(known.mean()) if known.size else math.nan,
        "false_alarms": {"images": alarms.images, "area": alarms.area},
    }


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if isinstance(value, float):
        return None if math.isnan(value) else round(value, 6)
    return value
