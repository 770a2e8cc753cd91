"""From probabilities to classes at a given operating point; evaluation/operating_point_search.py chooses it.

A pixel is foreground above a threshold. Connected components of the foreground are removed where they are small, or
where the network is nowhere sure of them: most false alarms look like that (docs/explanation/operating-point.md).
"""

import hashlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from crackflow.errors import ModelError

ClassMask = NDArray[np.uint8]
Probabilities = NDArray[np.float32]
Levels = NDArray[np.uint16]
Score = NDArray[np.float32] | Levels
BoolMask = NDArray[np.bool_]

# As levels, probabilities are whole multiples of 1/65536, the finest that 16 bits hold.
SCALE = 65536


@dataclass(frozen=True)
class OperatingPoint:
    """How probabilities become a mask.

    Attributes:
        threshold: 0..1; a pixel is foreground where 1 - P(background) is above it.
        smallest_share: 0..1; components that cover less than this share of the image are removed. A share and not
            pixels, so that it holds at a photograph's own size.
        peak: 0..1; components whose probability is nowhere above it are removed.
        flips: the probabilities are the mean over the image's flips.
    """

    threshold: float
    smallest_share: float = 0.0
    peak: float = 0.0
    flips: bool = False

    def __post_init__(self) -> None:
        for name in ("threshold", "smallest_share", "peak"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 to 1")

    def words(self) -> str:
        """Say it in words, without a comma, so that a CSV needs no quotes."""
        parts = [f"crack above {self.threshold:.4g}"]
        if self.smallest_share:
            parts.append(f"components below {self.smallest_share:.2g} of the image removed")
        if self.peak:
            parts.append(f"components nowhere above {self.peak:.5g} removed")
        if not (self.smallest_share or self.peak):
            parts.append("no component removed")
        return "; ".join([*parts, "mean over four flips" if self.flips else "no flips"])


class Components(NamedTuple):
    """The 8-connected components of one image's foreground."""

    labels: NDArray[np.int32]
    """(H, W): 0, or the number of the pixel's component, from 1."""
    areas: NDArray[np.int64]
    """(K,): pixels of each."""
    peaks: Score
    """(K,): highest score of each."""


def crack_probability(probabilities: Probabilities) -> Probabilities:
    """Probability of any class but the background.

    Args:
        probabilities: float32 (..., C), the background first.

    Returns:
        float32 (...), 0..1.

    Raises:
        ModelError: when a probability is not a number.
    """
    score = 1 - probabilities[..., 0]
    if not np.isfinite(score).all():
        raise ModelError("the model predicts NaN, expected probabilities; its weights have diverged: train again")
    return np.asarray(score)


def fine_levels(probabilities: Probabilities) -> Levels:
    """Round crack probabilities up to levels of 1 / SCALE.

    Args:
        probabilities: float32 (..., C), the background first.

    Returns:
        uint16 (...): above m exactly where the probability is above m / SCALE, for every whole m from 0 to SCALE - 2.

    Raises:
        ModelError: when a probability is not a number.
    """
    return np.clip(np.ceil(crack_probability(probabilities) * SCALE), 0, SCALE - 1).astype(np.uint16)


def components(score: Score, threshold: float) -> Components:
    """Find the components of the foreground.

    Args:
        score: (H, W), any number type.
        threshold: on the scale of `score`; a pixel is foreground above it.

    Returns:
        The components; two pixels that touch at a corner belong to one.
    """
    foreground = score > score.dtype.type(threshold)
    number, found, stats, _ = cv2.connectedComponentsWithStats(foreground.view(np.uint8), connectivity=8)
    labels = np.asarray(found, np.int32)
    peaks = np.zeros(number, score.dtype)
    np.maximum.at(peaks, labels[foreground], score[foreground])
    return Components(labels, stats[1:, cv2.CC_STAT_AREA].astype(np.int64), peaks[1:])


def passes_filter(
    areas: NDArray[np.int64], peaks: Score, pixels: int, smallest_share: ArrayLike, peak: ArrayLike
) -> BoolMask:
    """Say which components pass the filter; the arguments are broadcast.

    Args:
        areas: pixels of each component.
        peaks: highest score of each.
        pixels: of the image.
        smallest_share: as in OperatingPoint.
        peak: on the scale of `peaks`.

    Returns:
        True where a component is large enough and the network sure enough of it.
    """
    large = areas >= np.asarray(smallest_share, np.float64) * pixels
    return np.asarray(large & (peaks > np.asarray(peak).astype(peaks.dtype)))


def classify(probabilities: Probabilities, point: OperatingPoint) -> ClassMask:
    """Turn probabilities into classes.

    Args:
        probabilities: float32 (H, W, C), the background first; those that `point.flips` asks for.
        point: what is foreground, and which components of it are removed.

    Returns:
        uint8 (H, W): 0, or the likeliest foreground class.

    Raises:
        ModelError: when a probability is not a number.
    """
    score = crack_probability(probabilities)
    foreground = score > np.float32(point.threshold)
    if point.smallest_share or point.peak:
        found = components(score, point.threshold)
        keep = passes_filter(found.areas, found.peaks, score.size, point.smallest_share, point.peak)
        foreground = np.concatenate([[False], keep])[found.labels]
    likeliest = probabilities[..., 1:].argmax(axis=-1) + 1
    return np.where(foreground, likeliest, 0).astype(np.uint8)


def as_json(point: OperatingPoint) -> dict[str, Any]:
    """Give its fields for JSON, as models/operating_point.json has them beside others."""
    return asdict(point)


def sha256(path: Path) -> str:
    """The file's checksum, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
