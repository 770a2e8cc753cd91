"""Losses by name: `train.loss` picks and weighs them. Keras ops alone, so that they run on any Keras backend.

Each takes one-hot truth and softmax probabilities, both (N, H, W, C) float32 with class 0 the background. It gives one
number for the batch, or one per pixel, (N, H, W); 0 is the best. `total` averages over pixels and adds up the losses.

A new loss is a function here, its entry in `LOSSES` and its name in `LossName` (crackflow/params/training.py).
"""

from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops

from crackflow.params import LossName

Loss = Callable[[Any, Any], Any]

# Added above and below the ratio, so that nothing there and nothing predicted is a perfect answer and not 0/0.
SMOOTH = 1.0
FOCAL_GAMMA = 2.0  # Lin et al. 2017, arXiv 1708.02002
TVERSKY_FALSE_POSITIVES, TVERSKY_FALSE_NEGATIVES = 0.3, 0.7  # Salehi et al. 2017, arXiv 1706.05721


def categorical_crossentropy(truth: Any, predicted: Any) -> Any:
    """-log P(right class) of each pixel."""
    return keras.losses.categorical_crossentropy(truth, predicted)


def binary_crossentropy(truth: Any, predicted: Any) -> Any:
    """Cross-entropy of foreground against background of each pixel, whatever the foreground class."""
    return keras.losses.binary_crossentropy(1.0 - truth[..., :1], 1.0 - predicted[..., :1])


def focal(truth: Any, predicted: Any) -> Any:
    """Focal cross-entropy of each pixel: a right and confident pixel counts little."""
    return keras.losses.categorical_focal_crossentropy(truth, predicted, alpha=1.0, gamma=FOCAL_GAMMA)


def dice(truth: Any, predicted: Any) -> Any:
    """1 - soft Dice of the foreground classes (Milletari et al. 2016, arXiv 1606.04797).

    Pixels are pooled over the batch, so a crop with few crack pixels counts less than one with many. Classes are
    averaged. `keras.losses.dice` also counts the background, and gives 1 where truth and prediction are empty.
    """
    return _overlap_loss(truth, predicted, 0.5, 0.5)


def tversky(truth: Any, predicted: Any) -> Any:
    """1 - soft Tversky index of the foreground classes: as Dice, but misses cost more than false positives."""
    return _overlap_loss(truth, predicted, TVERSKY_FALSE_POSITIVES, TVERSKY_FALSE_NEGATIVES)


def _overlap_loss(truth: Any, predicted: Any, false_positives: float, false_negatives: float) -> Any:
    truth, predicted = truth[..., 1:], predicted[..., 1:]
    both = ops.sum(truth * predicted, axis=(0, 1, 2))
    extra = ops.sum((1.0 - truth) * predicted, axis=(0, 1, 2))
    missed = ops.sum(truth * (1.0 - predicted), axis=(0, 1, 2))
    index = (both + SMOOTH) / (both + false_positives * extra + false_negatives * missed + SMOOTH)
    return 1.0 - ops.mean(index)


LOSSES: dict[LossName, Loss] = {
    "categorical_crossentropy": categorical_crossentropy,
    "binary_crossentropy": binary_crossentropy,
    "focal": focal,
    "dice": dice,
    "tversky": tversky,
}


def total(weights: Mapping[LossName, float], crack_weight: float = 1.0) -> Loss:
    """Make the weighted sum of named losses.

    Args:
        weights: the weight of each loss, by its name in `LOSSES`, as `train.loss` has them.
        crack_weight: how often a pixel that is not background counts, in losses that are per pixel.

    Returns:
        A function of (truth, predicted) that Keras can compile with.
    """

    def loss(truth: Any, predicted: Any) -> Any:
        values = {name: LOSSES[name](truth, predicted) for name in weights}
        return sum(weights[name] * _mean(value, truth, crack_weight) for name, value in values.items())

    loss.__name__ = "+".join(weights)
    return loss


def _mean(value: Any, truth: Any, crack_weight: float) -> Any:
    """The mean over pixels of a loss that is per pixel; a loss that is one number as it is."""
    if len(value.shape) == 0:
        return value
    if crack_weight == 1:
        return ops.mean(value)
    weights = 1.0 + (crack_weight - 1.0) * (1.0 - truth[..., 0])
    return ops.sum(value * weights) / ops.sum(weights)
