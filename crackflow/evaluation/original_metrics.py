"""The figures of the original experiment, as it computed them: over all classes, the background included."""

import numpy as np
from numpy.typing import NDArray

from crackflow.inference.components import ClassMask

# keras.config.epsilon(): probabilities are kept this far from 0 and 1 before their logarithm is taken.
EPSILON = 1e-7


def dice_coef_multiclass(probabilities: NDArray[np.float32], truth: ClassMask) -> float:
    """The original experiment's figure, 2 sum(p t) / (sum p + sum t) over ALL classes, truth one-hot.

    Probabilities add to 1 in each pixel, so this is the mean probability of the right class: soft pixel accuracy. Where
    cracks are few, predicting none scores nearly 1; never read it without `dice_coef_multiclass_all_background`.

    Args:
        probabilities: float32 (H, W, C).
        truth: uint8 (H, W), class numbers.

    Returns:
        0..1.
    """
    right = _of_right_class(probabilities, truth).sum(dtype=np.float64)
    return float(2 * right / (probabilities.sum(dtype=np.float64) + truth.size))


def dice_coef_multiclass_all_background(truth: ClassMask) -> float:
    """Give `dice_coef_multiclass` of a mask that is background all over: the share of background in truth.

    Args:
        truth: uint8 (H, W), class numbers.

    Returns:
        0..1.
    """
    return float(np.count_nonzero(truth == 0) / truth.size)


def categorical_crossentropy(probabilities: NDArray[np.float32], truth: ClassMask) -> float:
    """Mean of -log(probability of the right class), natural logarithm, probabilities clipped as Keras does.

    Args:
        probabilities: float32 (H, W, C).
        truth: uint8 (H, W), class numbers.

    Returns:
        0 to -log(EPSILON), about 16.1.
    """
    right = np.clip(_of_right_class(probabilities, truth), EPSILON, 1 - EPSILON)
    return float(-np.log(right, dtype=np.float64).mean())


def _of_right_class(probabilities: NDArray[np.float32], truth: ClassMask) -> NDArray[np.float32]:
    return np.take_along_axis(probabilities, truth[..., None].astype(np.intp), axis=-1)[..., 0]
