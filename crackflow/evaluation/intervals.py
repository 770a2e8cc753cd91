"""Confidence intervals by resampling groups: how far a figure depends on which photographs are in test.

Percentile bootstrap (Efron and Tibshirani 1993, chapter 13). Crops of one photograph are not independent. So the groups
of the split are drawn with replacement, never single images (Davison and Hinkley 1997, section 3.8). The interval of a
figure and that of the difference between two models come from the same draws.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crackflow.evaluation.headline import HEADLINE
from crackflow.evaluation.image_scores import ImageScores
from crackflow.evaluation.metrics import Counts, Figures, Ratio, by_image, f1, iou, precision, recall

RESAMPLES = 2000
LEVEL = 0.95
SEED = 0

Weights = NDArray[np.int64]


class Resamples(NamedTuple):
    """How often each image is in each resample."""

    weights: Weights
    """int64 (RESAMPLES, N)"""
    groups: int
    """how many groups there are to draw from"""


def draw_groups(groups: Sequence[object], resamples: int = RESAMPLES, seed: int = SEED) -> Resamples:
    """Draw as many groups as there are, with replacement, many times.

    Args:
        groups: of each of the N images, what belongs together.
        resamples: how many times.
        seed: the same one gives the same draws.

    Returns:
        How often each image is in each resample.
    """
    codes = pd.factorize(np.asarray(groups))[0]
    number = int(codes.max()) + 1
    often = np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), size=resamples)
    return Resamples(np.asarray(often[:, codes], np.int64), number)


def resampled(
    name: str, counts: Counts, weights: Weights, tolerant_f1: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Compute a headline figure of each resample.

    Args:
        name: of HEADLINE.
        counts: of shape (N,), any foreground class against the background.
        weights: int (S, N), how often each image is in each resample.
        tolerant_f1: (N,), NaN where truth has no crack; needed for the figure of that name alone.

    Returns:
        (S,); NaN where the figure is undefined on a resample.
    """
    if name in _POOLED:
        summed = [weights @ part for part in (counts.tp, counts.fp, counts.fn, counts.tn)]
        return _POOLED[name](Counts(*summed), empty=np.nan)
    values, among = _of_images(name, counts, tolerant_f1)
    taken = weights @ among.astype(np.int64)
    total = weights @ np.where(among, values, 0.0)
    return np.asarray(np.divide(total, taken, out=np.full(len(weights), np.nan), where=taken > 0))


def percentile_interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Give the interval that holds LEVEL of the values, as much of the rest below it as above it.

    Args:
        values: of one figure, or of a difference; NaN is left out.

    Returns:
        Its two ends; NaN where no value is defined.
    """
    defined = values[~np.isnan(values)]
    if not defined.size:
        return float("nan"), float("nan")
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(defined, [tail, 1 - tail])
    return float(low), float(high)


def headline_intervals(images: Sequence[ImageScores]) -> dict[str, Any]:
    """Give the interval of every headline figure.

    Args:
        images: the scored images, at least one.

    Returns:
        The block `intervals` of metrics/evaluation.json: level, resamples, groups, and below `crack` by the figure's
        name [low, high]. None where the figure is undefined, or the same in every resample: that all images are of one
        group, or that none had a false alarm, is no certainty.
    """
    counts = Counts.stack(image.counts for image in images)
    tolerant = np.array([image.tolerant_f1 for image in images])
    drawn = draw_groups([image.group for image in images])
    found = {}
    for one in HEADLINE:
        low, high = percentile_interval(resampled(one.name, counts, drawn.weights, tolerant))
        found[one.name] = [low, high] if high > low else None
    return {"level": LEVEL, "resamples": RESAMPLES, "groups": drawn.groups, "crack": found}


_POOLED: dict[str, Ratio] = {
    "pooled_iou": iou,
    "pooled_f1": f1,
    "pooled_precision": precision,
    "pooled_recall": recall,
}
_MEANS: dict[str, Ratio] = {"per_image_iou": iou, "per_image_f1": f1, "positives_iou": iou, "positives_f1": f1}


def _of_images(name: str, counts: Counts, tolerant_f1: NDArray[np.float64] | None) -> tuple[Figures, NDArray[np.bool_]]:
    """The values that a figure is the mean of, and which images it is the mean over."""
    cracked = counts.tp + counts.fn > 0
    if name in _MEANS:
        return by_image(_MEANS[name], counts), cracked | name.startswith("per_image")
    if name == "tolerant_f1" and tolerant_f1 is not None:
        return tolerant_f1, cracked
    if name == "false_alarms_images":
        return (counts.fp > 0).astype(np.float64), ~cracked
    if name == "false_alarms_area":
        return counts.fp / (counts.fp + counts.tn), ~cracked
    raise ValueError(f"{name} can't be resampled here; expected one of {[one.name for one in HEADLINE]}")
