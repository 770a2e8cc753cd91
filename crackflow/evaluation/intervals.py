"""Confidence intervals of the headline figures: how far a figure depends on which photographs are in test.

Crops of one photograph are not independent. So the groups of the split are the units, never single images. Every
headline figure is a ratio of two sums over images, and crackflow.statistics.ratios says how well such a ratio is known.
The interval of a figure and that of the difference between two models come from there.
benchmarks/accuracy/intervals.py measures how often the intervals hold the truth.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crackflow.evaluation.headline import HEADLINE
from crackflow.evaluation.image_scores import ImageScores
from crackflow.evaluation.metrics import Counts, Ratio, by_image, f1, iou
from crackflow.statistics.ratios import ratio, ratio_interval

LEVEL = 0.95
METHOD = "linearized ratio of sums over groups, t on log-odds"
"""The method, as files of figures name it."""

Values = NDArray[np.float64]


class Sums(NamedTuple):
    """A headline figure as a ratio: the sum of `part` over the sum of `whole`, both float64 of equal shape."""

    part: Values
    whole: Values


def image_sums(name: str, counts: Counts, tolerant_f1: Values | None = None) -> Sums:
    """Give what each image adds to a headline figure.

    Args:
        name: of HEADLINE.
        counts: of shape (N,), any foreground class against the background.
        tolerant_f1: (N,), NaN where truth has no crack; needed for the figure of that name alone.

    Returns:
        Of shape (N,).

    Raises:
        ValueError: when there is no such figure.
    """
    tp, fp, fn, tn = (part.astype(np.float64) for part in (counts.tp, counts.fp, counts.fn, counts.tn))
    pooled = {
        "pooled_iou": Sums(tp, tp + fp + fn),
        "pooled_f1": Sums(2 * tp, 2 * tp + fp + fn),
        "pooled_precision": Sums(tp, tp + fp),
        "pooled_recall": Sums(tp, tp + fn),
    }
    if name in pooled:
        return pooled[name]
    cracked = tp + fn > 0
    if name in _MEANS:
        return _mean(by_image(_MEANS[name], counts), cracked | name.startswith("per_image"))
    if name == "tolerant_f1" and tolerant_f1 is not None:
        return _mean(tolerant_f1, cracked)
    if name == "false_alarms_images":
        return _mean((fp > 0).astype(np.float64), ~cracked)
    if name == "false_alarms_area":
        return _mean(fp / np.maximum(fp + tn, 1), ~cracked)
    raise ValueError(f"{name} has no interval here; expected one of {[one.name for one in HEADLINE]}")


def group_sums(sums: Sums, groups: Sequence[object]) -> Sums:
    """Add up what the images of each group add.

    Args:
        sums: of N images.
        groups: of each image, what belongs together.

    Returns:
        Of shape (G,), in the order in which groups come first.
    """
    codes = pd.factorize(np.asarray(groups))[0]
    return Sums(*(np.bincount(codes, part).astype(np.float64) for part in sums))


def headline_intervals(images: Sequence[ImageScores]) -> dict[str, Any]:
    """Give the interval of every headline figure.

    Args:
        images: the scored images, at least one.

    Returns:
        The block `intervals` of metrics/evaluation.json: level, method, groups, resamples (0: none are drawn), and
        below `crack` by the figure's name [low, high]. None where the figure is undefined, 0 or 1, or the same in every
        group: that all images are of one group, or that none had a false alarm, is no certainty.
    """
    counts = Counts.stack(image.counts for image in images)
    tolerant = np.array([image.tolerant_f1 for image in images])
    groups = [image.group for image in images]
    found = {}
    for one in HEADLINE:
        low, high = ratio_interval(ratio(*group_sums(image_sums(one.name, counts, tolerant), groups)), LEVEL)
        found[one.name] = [low, high] if high > low else None
    return {"level": LEVEL, "method": METHOD, "groups": len(set(groups)), "resamples": 0, "crack": found}


_MEANS: dict[str, Ratio] = {"per_image_iou": iou, "per_image_f1": f1, "positives_iou": iou, "positives_f1": f1}


def _mean(values: Values, among: NDArray[np.bool_]) -> Sums:
    """The mean of the values of some images, as sums."""
    return Sums(np.where(among, values, 0.0), among.astype(np.float64))
