"""Choose the threshold above which a pixel is called crack: on one subset, to be used on another.

Crack probabilities are rounded up to levels of 1/256. Only the number of crack and background pixels at each level is
kept of an image. Counts at every threshold follow by summing from the top, so all images at all thresholds fit in a few
megabytes and nothing is predicted twice.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from crackflow.errors import DataError
from crackflow.evaluation.metrics import Counts, Integers, by_image, f1, iou, per_image, pooled
from crackflow.evaluation.places import EVERY, Places
from crackflow.inference.components import ClassMask
from crackflow.inference.operating_point import Probabilities, crack_probability

ThresholdMetric = Literal["pooled_iou", "per_image_iou", "pooled_f1"]
THRESHOLD_METRICS = {"pooled_iou": (pooled, iou), "per_image_iou": (per_image, iou), "pooled_f1": (pooled, f1)}

# Every threshold is one of these, and each is exact in float32 and in JSON.
THRESHOLDS: NDArray[np.float64] = np.arange(256) / 256


class ChosenThreshold(NamedTuple):
    """A threshold and what it reached on the subset that it was chosen on."""

    threshold: float
    value: float


def levels(probabilities: Probabilities, truth: ClassMask) -> Integers:
    """Count the pixels of one image at each level of crack probability.

    A probability above k/256 and not above (k+1)/256 is at level k + 1, so a pixel is above threshold k/256 exactly
    when its level is above k. Scaling by a power of two is exact, so `counts_at` agrees with
    `operating_point.classify` in every pixel.

    Args:
        probabilities: float32 (H, W, C), the background first.
        truth: uint8 (H, W), class numbers.

    Returns:
        int64 (2, 257): background and crack pixels of truth at levels 0 to 256.

    Raises:
        ModelError: when a probability is not a number.
    """
    level = np.clip(np.ceil(crack_probability(probabilities) * 256), 0, 256).astype(np.int64)
    found = np.bincount((level + 257 * (truth > 0)).ravel(), minlength=2 * 257)
    return np.asarray(found.reshape(2, 257), np.int64)


def counts_at(found: Integers) -> Counts:
    """Turn levels into counts at each of THRESHOLDS.

    Args:
        found: int64 (N, 2, 257), one `levels` an image.

    Returns:
        Counts of shape (N, 256).
    """
    above = found[..., ::-1].cumsum(axis=-1)[..., ::-1]
    total, positive = above[..., :1], above[..., 1:]
    negative = total - positive
    return Counts(positive[:, 1], positive[:, 0], negative[:, 1], negative[:, 0])


def choose_threshold(at: Counts, metric: ThresholdMetric, places: Places | None = None) -> ChosenThreshold:
    """Pick the threshold with the best figure; of equals the one nearest to 1/2.

    Args:
        at: counts of shape (N, 256), as `counts_at` gives them.
        metric: what to maximise.
        places: which of the images are foreign, and how much these count; None where none is.

    Returns:
        The threshold, one of THRESHOLDS, and its figure.

    Raises:
        DataError: when no image has a crack pixel.
    """
    if not (at.tp + at.fn).any():
        raise DataError(
            f"a threshold can't be chosen on {len(at.tp)} valid images without a crack pixel; "
            "add cracked pairs, or raise split.shares.valid"
        )
    reduce, ratio = THRESHOLD_METRICS[metric]
    figures = (places or EVERY).mean(lambda counts: reduce(ratio, counts), at)
    best = np.flatnonzero(figures == np.nanmax(figures))
    index = best[np.abs(THRESHOLDS[best] - 0.5).argmin()]
    return ChosenThreshold(float(THRESHOLDS[index]), float(figures[index]))


def ods_f1(at: Counts) -> float:
    """Best pooled F1 over thresholds ("optimal dataset scale", Arbelaez et al. 2011): an oracle, it sees the truth.

    Args:
        at: counts of shape (N, 256).

    Returns:
        0..1; NaN where no image has a crack.
    """
    figures = pooled(f1, at)
    return float(np.nanmax(figures)) if (at.tp + at.fn).any() else float("nan")


def ois_f1(at: Counts) -> float:
    """Mean over cracked images of each one's best F1 ("optimal image scale"): an oracle, it sees the truth.

    Args:
        at: counts of shape (N, 256).

    Returns:
        0..1; NaN where no image has a crack.
    """
    cracked = at.select(np.asarray((at.tp + at.fn)[:, 0] > 0))
    return float(by_image(f1, cracked).max(axis=1).mean()) if cracked.tp.size else float("nan")
