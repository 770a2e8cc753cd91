"""Choose which pieces of foreground are dropped as false alarms: on one subset, to be used on another.

At a given threshold a picture is kept as its pieces alone: area, highest probability, how many of its pixels are
crack. What any pair of smallest area and lowest peak would leave follows from these, to the pixel.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crackflow.evaluation.metrics import Counts, Integers, iou, pooled, positives, recall
from crackflow.evaluation.thresholds import METRICS, Metric
from crackflow.inference.operating_point import Classes, Probabilities, components, crack_probability, kept

Levels = NDArray[np.uint16]
Shares = NDArray[np.float64]

# Of probabilities here: 1/65536, the finest that 16 bits hold.
SCALE = 65536
# Steps of about the square root of 2, in pixels of 512 x 512.
_AREAS = (0, 125, 180, 250, 350, 500, 700, 1000, 1400, 2000, 2800, 4000, 5600, 8000)
# 1 - 2^-k: steps of the logit of about 0.35, which do not crowd where networks saturate and bfloat16 is coarse.
# The last but 0 is 1 - 2^-15, the highest that SCALE can hold and a probability can exceed.
_PEAKS = (0.0, *(1 - 2.0**-step for step in np.arange(1, 15.5, 0.5)))
# A row a pair (smallest_share, peak), the mildest first; peaks are whole multiples of 1 / SCALE, exact in float32.
GRID: Shares = np.array([(area / 512**2, np.floor(peak * SCALE) / SCALE) for area in _AREAS for peak in _PEAKS])


POSITIVES = "positives_iou"  # judged beside the metric: a pooled figure hardly feels the loss of a thin crack


class Pieces(NamedTuple):
    """What is kept of one picture: a number for each of its K pieces of foreground."""

    areas: Integers
    """pixels"""
    peaks: Levels
    """highest level of crack probability"""
    right: Integers
    """pixels that are crack"""
    crack: int
    """crack pixels of the picture, found or not"""
    pixels: int
    """of the picture"""


class Dropping(NamedTuple):
    """What was chosen, and what it does on the subset that it was chosen on."""

    smallest_share: float
    peak: float
    value: float
    """of the metric"""
    false_alarms: float
    """share of crack-free pictures; NaN without any"""
    outcome: str
    """why this pair, in words"""


def fine_levels(probabilities: Probabilities) -> Levels:
    """Sort crack probabilities into levels of 1 / SCALE.

    Args:
        probabilities: float32 (..., C), the background first.

    Returns:
        uint16 (...): above m exactly where the probability is above m / SCALE, for every whole m from 0 to SCALE - 2.

    Raises:
        ModelError: when a probability is not a number.
    """
    return np.clip(np.ceil(crack_probability(probabilities) * SCALE), 0, SCALE - 1).astype(np.uint16)


def pieces(levels: Levels, truth: Classes, threshold: float) -> Pieces:
    """Take a picture apart.

    Args:
        levels: uint16 (H, W), as `fine_levels` gives them.
        truth: uint8 (H, W), class numbers.
        threshold: a whole multiple of 1 / SCALE, at most 1 - 2 / SCALE.

    Returns:
        Its pieces of foreground.
    """
    found = components(levels, threshold * SCALE)
    cracked = found.labels[truth > 0]
    right = np.bincount(cracked, minlength=len(found.areas) + 1)[1:]
    return Pieces(found.areas, found.peaks.astype(np.uint16), right, cracked.size, truth.size)


def counts_of(pictures: Sequence[Pieces]) -> Counts:
    """Count what each pair of GRID leaves of each picture; agrees with `operating_point.classify` in every pixel.

    Args:
        pictures: N of them.

    Returns:
        Counts of shape (N, len(GRID)).
    """
    shares, peaks = GRID[:, :1], GRID[:, 1:] * SCALE
    tp, area = np.zeros((2, len(pictures), len(GRID)), np.int64)
    for number, picture in enumerate(pictures):
        keep = kept(picture.areas, picture.peaks, picture.pixels, shares, peaks).astype(np.int64)
        tp[number], area[number] = keep @ picture.right, keep @ picture.areas
    crack = np.array([[picture.crack] for picture in pictures], np.int64)
    pixels = np.array([[picture.pixels] for picture in pictures], np.int64)
    return Counts(tp, area - tp, crack - tp, pixels - crack - area + tp)


def tabulate(at: Counts, metric: Metric) -> pd.DataFrame:
    """Say what each pair costs and brings.

    Args:
        at: counts of shape (N, len(GRID)).
        metric: the figure by which pairs are compared.

    Returns:
        A row a pair: smallest_share, peak, the figure under the name of `metric`, positives_iou, the mean IoU of the
        pictures with cracks, pooled recall, and false_alarms, the share of crack-free pictures with any crack pixel,
        NaN without such pictures.
    """
    reduce, ratio = METRICS[metric]
    free = (at.tp + at.fn)[:, 0] == 0
    alarms = ((at.tp + at.fp)[free] > 0).mean(axis=0) if free.any() else np.full(len(GRID), np.nan)
    figures = {metric: reduce(ratio, at), POSITIVES: positives(iou, at)}
    figures |= {"recall": pooled(recall, at), "false_alarms": alarms}
    return pd.DataFrame({"smallest_share": GRID[:, 0], "peak": GRID[:, 1], **figures})


def choose_dropping(table: pd.DataFrame, metric: Metric, target: float, cost: float) -> Dropping:
    """Pick the pair with the best figures among those that keep false alarms within the target; of equals the mildest.

    Two figures count alike: the metric, and the mean IoU of the pictures with cracks, in which a thin crack that is
    dropped weighs as much as a broad one.

    Args:
        table: as `tabulate` gives it.
        metric: as given to `tabulate`.
        target: 0..1, largest share of crack-free pictures with any crack pixel; 1 switches dropping off.
        cost: 0..1, largest loss of each of the two figures against dropping nothing. Where the target is not to be had
            for it, the pair with the fewest false alarms is taken that is.

    Returns:
        The pair and what it does. Nothing is dropped where there is no crack-free picture.
    """
    figures, alarms = table[[metric, POSITIVES]].to_numpy(), table["false_alarms"].to_numpy()
    affordable = (figures >= figures[0] - cost).all(axis=1)
    both = figures.sum(axis=1)
    if target >= 1:
        index, outcome = 0, "switched off: any share of false alarms is allowed"
    elif np.isnan(alarms).all():
        index, outcome = 0, "nothing is dropped: no crack-free images to measure false alarms on"
    elif (within := affordable & (alarms <= target)).any():
        index, outcome = _best(both, within), f"false alarms are within the target of {target:g}"
    else:
        index = _best(both, affordable & (alarms == alarms[affordable].min()))
        outcome = (
            f"the target of {target:g} is missed: fewer false alarms would cost more than {cost:g} "
            f"of {metric} or of {POSITIVES}"
        )
    row = table.iloc[index]
    return Dropping(
        float(row["smallest_share"]), float(row["peak"]), float(row[metric]), float(row["false_alarms"]), outcome
    )


def _best(figures: NDArray[np.float64], among: NDArray[np.bool_]) -> int:
    return int(np.flatnonzero(among & (figures == figures[among].max()))[0])
