"""Choose the component filter, which removes false alarms: on one subset, to be used on another.

A filter is a pair: a component of the foreground is removed where its area is below the smallest one, or its highest
probability not above the peak. At a given threshold three numbers are kept of each component: its area, its
highest probability, and how many of its pixels are crack. What any filter would leave follows from these, to the pixel.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crackflow.evaluation.metrics import Counts, Integers, iou, pooled, positives, recall
from crackflow.evaluation.places import EVERY, Places
from crackflow.evaluation.thresholds import THRESHOLD_METRICS, ThresholdMetric
from crackflow.inference.components import SCALE, ClassMask, Levels, components, passes_filter

Filters = NDArray[np.float64]

# Steps of about the square root of 2, in pixels of 512 x 512.
_AREAS = (0, 125, 180, 250, 350, 500, 700, 1000, 1400, 2000, 2800, 4000, 5600, 8000)
# 1 - 2^-k: about equal steps of the logit, 0.35. Networks saturate near 1, where equal steps of the probability would
# be too coarse.
# The last but 0 is 1 - 2^-15, the highest that SCALE can hold and a probability can exceed.
_PEAKS = (0.0, *(1 - 2.0**-step for step in np.arange(1, 15.5, 0.5)))
# A row a filter: smallest_area in pixels of 512 x 512, and peak; the mildest first. Peaks are whole multiples of
# 1 / SCALE, exact in float32.
GRID: Filters = np.array([(area, np.floor(peak * SCALE) / SCALE) for area in _AREAS for peak in _PEAKS])

# Judged beside the metric: the loss of a thin crack hardly changes a pooled figure.
POSITIVES = "positives_iou"


class ImageComponents(NamedTuple):
    """What is kept of one image: numbers for each of the K components of its foreground."""

    areas: Integers
    """pixels"""
    peaks: Levels
    """highest level of crack probability"""
    right: Integers
    """pixels that are crack"""
    crack: int
    """crack pixels of the image, found or not"""
    pixels: int
    """of the image"""


class FilterChoice(NamedTuple):
    """The chosen filter, and what it does on the subset that it was chosen on."""

    smallest_area: float
    """px"""
    peak: float
    value: float
    """of the metric"""
    false_alarms: float
    """share of crack-free images with one; NaN without crack-free images"""
    outcome: str
    """why this filter, in words"""


def image_components(levels: Levels, truth: ClassMask, threshold: float) -> ImageComponents:
    """Find the components of one image.

    Args:
        levels: uint16 (H, W), as `fine_levels` gives them.
        truth: uint8 (H, W), class numbers.
        threshold: a whole multiple of 1 / SCALE, at most 1 - 2 / SCALE.

    Returns:
        Its components.
    """
    found = components(levels, threshold * SCALE)
    cracked = found.labels[truth > 0]
    right = np.bincount(cracked, minlength=len(found.areas) + 1)[1:]
    return ImageComponents(found.areas, found.peaks.astype(np.uint16), right, cracked.size, truth.size)


def grid_for(pixels: int) -> Filters:
    """Give the filters that are tried on images of a size: areas in the steps of GRID, as a share of the image.

    Args:
        pixels: of an image.

    Returns:
        (len(GRID), 2): smallest_area in pixels of such an image, and peak.
    """
    return GRID * [pixels / 512**2, 1]


def counts_by_filter(images: Sequence[ImageComponents], grid: Filters) -> Counts:
    """Count what each filter leaves of each image; agrees with `operating_point.classify` in every pixel.

    Args:
        images: N of them.
        grid: (G, 2), as `grid_for` gives it.

    Returns:
        Counts of shape (N, G).
    """
    smallest, peaks = grid[:, :1], grid[:, 1:] * SCALE
    tp, area = np.zeros((2, len(images), len(grid)), np.int64)
    for number, image in enumerate(images):
        keep = passes_filter(image.areas, image.peaks, smallest, peaks).astype(np.int64)
        tp[number], area[number] = keep @ image.right, keep @ image.areas
    crack = np.array([[image.crack] for image in images], np.int64)
    pixels = np.array([[image.pixels] for image in images], np.int64)
    return Counts(tp, area - tp, crack - tp, pixels - crack - area + tp)


def filter_table(at: Counts, grid: Filters, metric: ThresholdMetric, places: Places | None = None) -> pd.DataFrame:
    """Give the figures that each filter reaches.

    Args:
        at: counts of shape (N, G).
        grid: (G, 2), the filters that were counted.
        metric: the figure by which filters are compared.
        places: which of the images are foreign, and how much these count; None where none is.

    Returns:
        A row a filter: smallest_area (px), peak, the figure under the name of `metric`, positives_iou (the mean IoU of
        the images with cracks), pooled recall, and false_alarms (the share of crack-free images with any crack pixel,
        NaN without such images).
    """
    reduce, ratio = THRESHOLD_METRICS[metric]
    places = places or EVERY
    figures = {
        metric: places.mean(lambda counts: reduce(ratio, counts), at),
        POSITIVES: places.mean(lambda counts: positives(iou, counts), at),
        "recall": places.mean(lambda counts: pooled(recall, counts), at),
        "false_alarms": places.mean(_share_with_alarms, at),
    }
    return pd.DataFrame({"smallest_area": grid[:, 0], "peak": grid[:, 1], **figures})


def choose_filter(table: pd.DataFrame, metric: ThresholdMetric, target: float, cost: float) -> FilterChoice:
    """Pick the best filter among those that keep false alarms within the target; of equals the mildest.

    Two figures count alike: the metric, and the mean IoU of the images with cracks, in which a thin crack that is lost
    weighs as much as a broad one.

    Args:
        table: as `filter_table` gives it.
        metric: as given to `filter_table`.
        target: 0..1, largest share of crack-free images with any crack pixel; 1 switches the filter off.
        cost: 0..1, largest loss of each of the two figures against no filter. Where no filter reaches the target at
            this cost, the one with the fewest false alarms at this cost is taken.

    Returns:
        The filter and what it does. Nothing is removed where there is no crack-free image.
    """
    figures, alarms = table[[metric, POSITIVES]].to_numpy(), table["false_alarms"].to_numpy()
    affordable = (figures >= figures[0] - cost).all(axis=1)
    both = figures.sum(axis=1)
    if target >= 1:
        index, outcome = 0, "switched off: any share of false alarms is allowed"
    elif np.isnan(alarms).all():
        index, outcome = 0, "nothing is removed: there are no crack-free images to measure false alarms on"
    elif (within := affordable & (alarms <= target)).any():
        index, outcome = _best(both, within), f"false alarms are within the target of {target:g}"
    else:
        index = _best(both, affordable & (alarms == alarms[affordable].min()))
        outcome = (
            f"the target of {target:g} is missed: fewer false alarms would cost more than {cost:g} "
            f"of {metric} or of {POSITIVES}"
        )
    row = table.iloc[index]
    return FilterChoice(
        float(row["smallest_area"]), float(row["peak"]), float(row[metric]), float(row["false_alarms"]), outcome
    )


def _share_with_alarms(at: Counts) -> NDArray[np.float64]:
    free = (at.tp + at.fn)[:, 0] == 0
    return ((at.tp + at.fp)[free] > 0).mean(axis=0) if free.any() else np.full(at.tp.shape[1], np.nan)


def _best(figures: NDArray[np.float64], among: NDArray[np.bool_]) -> int:
    return int(np.flatnonzero(among & (figures == figures[among].max()))[0])
