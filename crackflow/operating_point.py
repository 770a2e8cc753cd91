"""From probabilities to classes at a given threshold. How the threshold is chosen is in thresholds.py."""

import numpy as np
from numpy.typing import NDArray

from crackflow.errors import ModelError

Classes = NDArray[np.uint8]
Probabilities = NDArray[np.float32]


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


def classify(probabilities: Probabilities, threshold: float) -> Classes:
    """Turn probabilities into classes.

    Args:
        probabilities: float32 (H, W, C), the background first.
        threshold: 0..1; a pixel is foreground where 1 - P(background) is above it.

    Returns:
        uint8 (H, W): 0, or the likeliest foreground class.

    Raises:
        ModelError: when a probability is not a number.
    """
    foreground = crack_probability(probabilities) > np.float32(threshold)
    likeliest = probabilities[..., 1:].argmax(axis=-1) + 1
    return np.where(foreground, likeliest, 0).astype(np.uint8)
