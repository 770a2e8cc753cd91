"""From probabilities to classes at a given operating point; evaluation/operating_point_search.py chooses it.

A pixel is foreground above a threshold. Connected components of the foreground are removed where they are small, or
where the network is nowhere sure of them: most false alarms look like that (docs/explanation/operating-point.md).
"""

import hashlib
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crackflow.errors import ModelError
from crackflow.inference.components import SCALE, ClassMask, Levels, filtered_foreground

Probabilities = NDArray[np.float32]


@dataclass(frozen=True)
class OperatingPoint:
    """How probabilities become a mask.

    Attributes:
        threshold: 0..1; a pixel is foreground where 1 - P(background) is above it.
        smallest_area: 0 and up, px; components of fewer pixels are removed. These are pixels at the model's scale:
            where a photograph is looked at at half its size, 100 px are 400 of its own.
        peak: 0..1; components whose probability is nowhere above it are removed.
        flips: the probabilities are the mean over the image's flips.
    """

    threshold: float
    smallest_area: float = 0.0
    peak: float = 0.0
    flips: bool = False

    def __post_init__(self) -> None:
        for name in ("threshold", "peak"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 to 1")
        if not (self.smallest_area >= 0 and math.isfinite(self.smallest_area)):
            raise ValueError(f"smallest_area is {self.smallest_area}, expected pixels, 0 or more")

    def words(self) -> str:
        """Say it in words, without a comma, so that a CSV needs no quotes."""
        parts = [f"crack above {self.threshold:.4g}"]
        if self.smallest_area:
            parts.append(f"components below {self.smallest_area:.4g} px removed")
        if self.peak:
            parts.append(f"components nowhere above {self.peak:.5g} removed")
        if not (self.smallest_area or self.peak):
            parts.append("no component removed")
        return "; ".join([*parts, "mean over four flips" if self.flips else "no flips"])


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
    foreground = filtered_foreground(score, point.threshold, point.smallest_area, point.peak)
    likeliest = probabilities[..., 1:].argmax(axis=-1) + 1
    return np.where(foreground, likeliest, 0).astype(np.uint8)


def classify_levels(levels: Levels, point: OperatingPoint) -> ClassMask:
    """Turn levels of crack probability into a mask; agrees with `classify`, to 1 / SCALE, where there are two classes.

    Args:
        levels: uint16 (H, W), as `fine_levels` gives them.
        point: what is foreground, and which components of it are removed.

    Returns:
        uint8 (H, W): 1 where there is foreground.
    """
    found = filtered_foreground(levels, point.threshold * SCALE, point.smallest_area, point.peak * SCALE)
    return found.view(np.uint8)


def as_json(point: OperatingPoint) -> dict[str, Any]:
    """Give its fields for JSON, as models/operating_point.json has them beside others."""
    return asdict(point)


def sha256(path: Path) -> str:
    """The file's checksum, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
