"""Losses by name, written in Keras ops alone so that they run on any Keras backend.

Each takes one-hot truth and softmax probabilities, both (N, H, W, C) float32 with class 0 the background, and gives one
number for the batch, 0 at best. `total` adds them up by the weights of `train.loss`. The cross-entropies, focal among
them, take a weight for crack pixels besides: cracks are one pixel in thirty.
"""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import keras
from keras import ops

from crackflow.params import LossName

Loss = Callable[[Any, Any], Any]


class PixelLoss(Protocol):
    """A mean over pixels, of which those of cracks count `crack_weight` times."""

    def __call__(self, truth: Any, predicted: Any, crack_weight: float = 1.0) -> Any: ...  # noqa: D102


# Both empty is a perfect answer, not 0/0: one pixel of agreement is given to every class.
SMOOTH = 1.0
FOCAL_GAMMA = 2.0  # Lin et al. 2017, arXiv 1708.02002
TVERSKY_FALSE_POSITIVES, TVERSKY_FALSE_NEGATIVES = 0.3, 0.7  # Salehi et al. 2017, arXiv 1706.05721


def categorical_crossentropy(truth: Any, predicted: Any, crack_weight: float = 1.0) -> Any:
    """Mean over pixels of -log P(right class)."""
    return _mean(keras.losses.categorical_crossentropy(truth, predicted), truth, crack_weight)


def binary_crossentropy(truth: Any, predicted: Any, crack_weight: float = 1.0) -> Any:
    """Mean over pixels of the cross-entropy of foreground against background, whatever the foreground class."""
    return _mean(keras.losses.binary_crossentropy(1.0 - truth[..., :1], 1.0 - predicted[..., :1]), truth, crack_weight)


def focal(truth: Any, predicted: Any, crack_weight: float = 1.0) -> Any:
    """Mean over pixels of the focal cross-entropy: right and confident pixels count little."""
    by_pixel = keras.losses.categorical_focal_crossentropy(truth, predicted, alpha=1.0, gamma=FOCAL_GAMMA)
    return _mean(by_pixel, truth, crack_weight)


def dice(truth: Any, predicted: Any) -> Any:
    """1 - soft Dice of the foreground classes (Milletari et al. 2016, arXiv 1606.04797).

    Pixels are pooled over the batch, so that a crop with few crack pixels does not weigh as much as a full one, and
    classes are averaged. `keras.losses.dice` counts the background and scores both-empty as 1.
    """
    return _overlap_loss(truth, predicted, 0.5, 0.5)


def tversky(truth: Any, predicted: Any) -> Any:
    """1 - soft Tversky index of the foreground classes: Dice that forgives false positives more than misses."""
    return _overlap_loss(truth, predicted, TVERSKY_FALSE_POSITIVES, TVERSKY_FALSE_NEGATIVES)


def total(weights: Mapping[LossName, float], crack_weight: float = 1.0) -> Loss:
    """Make the weighted sum of named losses.

    Args:
        weights: name of a loss in this module to its weight, as `train.loss`.
        crack_weight: how often the cross-entropies count a pixel that is no background.

    Returns:
        A function of (truth, predicted) that Keras can compile with.
    """

    def loss(truth: Any, predicted: Any) -> Any:
        parts = [weight * OVERLAP[name](truth, predicted) for name, weight in weights.items() if name in OVERLAP]
        parts += [
            weight * PIXELWISE[name](truth, predicted, crack_weight)
            for name, weight in weights.items()
            if name in PIXELWISE
        ]
        return sum(parts)

    loss.__name__ = "+".join(weights)
    return loss


def _mean(by_pixel: Any, truth: Any, crack_weight: float) -> Any:
    if crack_weight == 1:
        return ops.mean(by_pixel)
    weights = 1.0 + (crack_weight - 1.0) * (1.0 - truth[..., 0])
    return ops.sum(by_pixel * weights) / ops.sum(weights)


def _overlap_loss(truth: Any, predicted: Any, false_positives: float, false_negatives: float) -> Any:
    truth, predicted = truth[..., 1:], predicted[..., 1:]
    both = ops.sum(truth * predicted, axis=(0, 1, 2))
    extra = ops.sum((1.0 - truth) * predicted, axis=(0, 1, 2))
    missed = ops.sum(truth * (1.0 - predicted), axis=(0, 1, 2))
    index = (both + SMOOTH) / (both + false_positives * extra + false_negatives * missed + SMOOTH)
    return 1.0 - ops.mean(index)


PIXELWISE: dict[LossName, PixelLoss] = {
    "categorical_crossentropy": categorical_crossentropy,
    "binary_crossentropy": binary_crossentropy,
    "focal": focal,
}
OVERLAP: dict[LossName, Loss] = {"dice": dice, "tversky": tversky}
