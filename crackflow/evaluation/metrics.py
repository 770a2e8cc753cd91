"""Figures for predicted masks: counts, ratios of counts, and the ways to reduce many images to one figure.

The three are kept apart because published crack figures differ more by how they were reduced than by the network. A
figure is named by all of them: `per_image(iou, counts)` is another figure than `pooled(iou, counts)`, and what an empty
image counts is an argument or part of a reduction's definition, never a side effect.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from crackflow.inference.components import BoolMask, ClassMask

Integers = NDArray[np.int64]
Figures = NDArray[np.float64]


@dataclass(frozen=True)
class Counts:
    """Pixels by what they are and what they were taken for: true and false positives and negatives.

    Four int64 arrays of one shape: () for one image, (N,) for N images, (N, T) for N images at T thresholds.
    """

    tp: Integers
    fp: Integers
    fn: Integers
    tn: Integers

    @classmethod
    def stack(cls, images: Iterable["Counts"]) -> "Counts":
        """Put the counts of single images behind each other: shape (N,)."""
        rows = np.array([(c.tp, c.fp, c.fn, c.tn) for c in images], np.int64).reshape(-1, 4)
        return cls(*rows.T)

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.tp + other.tp, self.fp + other.fp, self.fn + other.fn, self.tn + other.tn)

    def select(self, which: BoolMask) -> "Counts":
        """Keep the images for which `which`, bool (N,), is true."""
        return Counts(self.tp[which], self.fp[which], self.fn[which], self.tn[which])

    def total(self) -> "Counts":
        """Sum over the images, the first axis."""
        return Counts(self.tp.sum(axis=0), self.fp.sum(axis=0), self.fn.sum(axis=0), self.tn.sum(axis=0))

    def all_background(self) -> "Counts":
        """Give the counts that predicting no crack at all would get on the same images."""
        nothing = np.zeros_like(self.tp)
        return Counts(nothing, nothing, self.tp + self.fn, self.fp + self.tn)


def counts(predicted: ClassMask | BoolMask, truth: ClassMask | BoolMask, of_class: int | None = None) -> Counts:
    """Count the pixels of one image.

    Args:
        predicted: (H, W), bool or class numbers.
        truth: (H, W), bool or class numbers.
        of_class: the class that is positive, against all others; None takes every class but the background, 0.

    Returns:
        Counts of shape ().

    Raises:
        ValueError: when the two differ in shape.
    """
    if predicted.shape != truth.shape:
        raise ValueError(f"received a prediction of shape {predicted.shape} for a truth of {truth.shape}")
    p = predicted > 0 if of_class is None else predicted == of_class
    t = truth > 0 if of_class is None else truth == of_class
    tp, predicted_crack, true_crack = (np.int64(np.count_nonzero(mask)) for mask in (p & t, p, t))
    fp, fn = predicted_crack - tp, true_crack - tp
    return Counts(*(np.asarray(part) for part in (tp, fp, fn, truth.size - tp - fp - fn)))


class Ratio(Protocol):
    """A ratio of counts, in 0..1, with `empty` where its denominator is 0."""

    def __call__(self, counts: Counts, *, empty: float) -> Figures: ...  # noqa: D102


def iou(counts: Counts, *, empty: float) -> Figures:
    """Intersection over union (Jaccard index), tp / (tp + fp + fn); `empty` where neither side has a crack."""
    return _divide(counts.tp, counts.tp + counts.fp + counts.fn, empty)


def f1(counts: Counts, *, empty: float) -> Figures:
    """F1 (Dice of the crack class), 2 tp / (2 tp + fp + fn); `empty` where neither side has a crack."""
    return _divide(2 * counts.tp, 2 * counts.tp + counts.fp + counts.fn, empty)


def precision(counts: Counts, *, empty: float) -> Figures:
    """Share of the predicted crack that is crack, tp / (tp + fp); `empty` where none is predicted."""
    return _divide(counts.tp, counts.tp + counts.fp, empty)


def recall(counts: Counts, *, empty: float) -> Figures:
    """Share of the crack that is predicted, tp / (tp + fn); `empty` where there is none."""
    return _divide(counts.tp, counts.tp + counts.fn, empty)


def pooled(ratio: Ratio, counts: Counts) -> Figures:
    """Ratio of the counts summed over all images (micro): a large crack weighs more; NaN where undefined."""
    return ratio(counts.total(), empty=np.nan)


def by_image(ratio: Ratio, counts: Counts) -> Figures:
    """Ratio of each image; 1 where truth and prediction are both empty, 0 where one of them is."""
    both_empty = counts.tp + counts.fp + counts.fn == 0
    return np.where(both_empty, 1.0, ratio(counts, empty=0.0))


def per_image(ratio: Ratio, counts: Counts) -> Figures:
    """Mean of `by_image`: each image weighs the same, and a rightly empty one counts 1; NaN without images."""
    figures = by_image(ratio, counts)
    return _divide(figures.sum(axis=0), np.full(figures.shape[1:], len(figures)), np.nan)


def positives(ratio: Ratio, counts: Counts) -> Figures:
    """Mean of `by_image` over the images that have cracks: no credit for empty ones; NaN without any."""
    cracked = counts.tp + counts.fn > 0
    return _divide(np.where(cracked, by_image(ratio, counts), 0.0).sum(axis=0), cracked.sum(axis=0), np.nan)


class FalseAlarms(NamedTuple):
    """What is predicted on crack-free images; NaN where there are none."""

    images: float
    """share of them with any predicted crack pixel"""
    area: float
    """mean over them of the share of pixels that is predicted crack"""


def false_alarms(counts: Counts) -> FalseAlarms:
    """Say how often, and how much, cracks are seen where there are none.

    Args:
        counts: of shape (N,).

    Returns:
        Both figures, 0..1 or NaN.
    """
    free = counts.select(counts.tp + counts.fn == 0)
    if not free.fp.size:
        return FalseAlarms(np.nan, np.nan)
    return FalseAlarms(float((free.fp > 0).mean()), float((free.fp / (free.fp + free.tn)).mean()))


def tolerant_f1(predicted: ClassMask | BoolMask, truth: ClassMask | BoolMask, tolerance_px: int) -> float:
    """F1 that forgives small shifts: labels of thin cracks are rarely right to the pixel.

    A predicted crack pixel is right when truth has one at most `tolerance_px` away, and the reverse for recall.
    Distance is Euclidean, between the centres of pixels.

    Args:
        predicted: (H, W), bool or class numbers; any class but 0 is crack.
        truth: as `predicted`.
        tolerance_px: largest distance, px; 0 gives the plain F1.

    Returns:
        0..1; NaN where truth has no crack.
    """
    p, t = predicted > 0, truth > 0
    if not t.any():
        return float("nan")
    right = int(np.count_nonzero(p & _near(t, tolerance_px))) / max(int(np.count_nonzero(p)), 1)
    found = int(np.count_nonzero(t & _near(p, tolerance_px))) / int(np.count_nonzero(t))
    return 2 * right * found / (right + found) if right + found else 0.0


def _near(mask: BoolMask, radius: int) -> BoolMask:
    """Pixels whose centre lies at most `radius` px from that of a pixel of the mask: a Euclidean disc around each."""
    if not mask.any():
        return mask
    distance = cv2.distanceTransform(np.logical_not(mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # the next distance between pixels after r is the root of r^2 + 1; half a step keeps clear of rounding
    return np.asarray(distance**2 < radius**2 + 0.5)


def _divide(part: NDArray[np.number], whole: NDArray[np.number], empty: float) -> Figures:
    out = np.full(np.shape(part), empty, np.float64)
    np.divide(part, whole, out=out, where=np.asarray(whole > 0))
    return out
