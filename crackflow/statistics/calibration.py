"""Calibration: does a crack come as often as its probability says?

Reliability curve, expected calibration error and temperature scaling as Guo et al. (2017), "On calibration of modern
neural networks", sections 2, 3 and 4.2, for the one probability that a pixel is crack. Pixels are not kept: an image
comes down to how many of its pixels have which log-odds, in CELLS cells.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special

# Cells of equal width of log-odds between -REACH and REACH: the probabilities of a cell differ by a twentieth at most.
REACH = 12.0
CELLS = 512
MIDDLES = np.asarray((np.arange(CELLS) + 0.5) * (2 * REACH / CELLS) - REACH, np.float64)
# Bins of equal width of probability, as many as in the paper.
BINS = 15
# Limits of a temperature: a network beyond them says nothing that scaling could mend.
TEMPERATURES = (0.05, 20.0)

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Reliability(NamedTuple):
    """A reliability curve, and what follows from it. Bins without a pixel are left out.

    Attributes:
        low, high: float64 (B,), the ends of each bin.
        pixels: int64 (B,).
        probability: float64 (B,), the mean crack probability of its pixels.
        share: float64 (B,), the share of them that is crack.
    """

    low: Floats
    high: Floats
    pixels: Integers
    probability: Floats
    share: Floats

    @property
    def error(self) -> float:
        """Expected calibration error: mean over pixels of |probability - share| of their bin; NaN without pixels."""
        return self._mean(np.abs(self.probability - self.share))

    @property
    def excess(self) -> float:
        """By how much the mean probability is above the share of crack; NaN without pixels."""
        return self._mean(self.probability - self.share)

    def _mean(self, values: Floats) -> float:
        return float((values * self.pixels).sum() / self.pixels.sum()) if self.pixels.sum() else float("nan")


def histogram(probability: NDArray[np.floating], is_true: NDArray[np.bool_]) -> Integers:
    """Count pixels by their log-odds.

    Args:
        probability: any shape, 0..1.
        is_true: of the same shape.

    Returns:
        int64 (2, CELLS): pixels that are not true, and those that are. Sums of histograms are those of all pixels.
    """
    with np.errstate(divide="ignore"):
        odds = special.logit(np.asarray(probability, np.float32))
    cell = np.clip((odds + REACH) * (CELLS / (2 * REACH)), 0, CELLS - 1).astype(np.int64)
    found = np.bincount((cell + CELLS * is_true).ravel(), minlength=2 * CELLS)
    return np.asarray(found.reshape(2, CELLS), np.int64)


def reliability(counted: Integers, temperature: float = 1.0) -> Reliability:
    """Draw the reliability curve.

    Args:
        counted: int64 (2, CELLS), as `histogram` gives it.
        temperature: log-odds are divided by it.
    """
    probability = special.expit(MIDDLES / temperature)
    bins = np.minimum((probability * BINS).astype(np.int64), BINS - 1)
    pixels = np.bincount(bins, counted.sum(axis=0), BINS)
    kept = pixels > 0
    inside = pixels[kept]
    means = [
        np.bincount(bins, weights, BINS)[kept] / inside for weights in (counted.sum(axis=0) * probability, counted[1])
    ]
    edges = np.arange(BINS + 1) / BINS
    return Reliability(edges[:-1][kept], edges[1:][kept], inside.astype(np.int64), means[0], means[1])


def fit_temperature(counted: Integers) -> float:
    """Find the temperature that makes the truth most likely.

    Args:
        counted: int64 (2, CELLS), of images that the network was not trained on.

    Returns:
        Above 1 where the network is surer than it should be, below 1 where it is less sure. The smallest mean
        cross-entropy within TEMPERATURES; 1 where all pixels are of one kind, which no temperature can fit.
    """
    if not counted.sum(axis=1).all():
        return 1.0

    def surprise(log_temperature: float) -> float:
        odds = MIDDLES / np.exp(log_temperature)
        return float(-(counted[1] * special.log_expit(odds) + counted[0] * special.log_expit(-odds)).sum())

    found = optimize.minimize_scalar(surprise, bounds=tuple(np.log(TEMPERATURES)), method="bounded")
    return float(np.exp(found.x))
