"""Deep supervision: extra losses at lower resolutions of the network (Lee et al. 2015, arXiv 1409.5185).

The truth at a lower resolution is the mean of the truth over each larger pixel, so a crack of 1 px becomes faint there
and is not lost. The extra losses count in training only. Validation and metrics use the output at full size.
"""

from typing import Any

import keras
from keras import ops


class Supervised(keras.Model):  # type: ignore[misc]
    """A functional model whose outputs are probabilities at full size, then those at lower resolutions.

    Attributes:
        level_weight: weight of each extra loss; the loss at full size has 1.
        level_loss: a cross-entropy of `crackflow.training.losses`, since averaged truth is not 0 or 1.
    """

    level_weight: float
    level_loss: Any

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Any:
        """The compiled loss, and in training the extra losses."""
        full, *levels = y_pred
        loss = super().compute_loss(x, y, full, sample_weight, training)
        if training:
            for level in levels:
                loss += self.level_weight * self.level_loss(truth_at(y, level), level)
        return loss

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The compiled metrics of the probabilities at full size."""
        return super().compute_metrics(x, y, y_pred[0], sample_weight)


def truth_at(truth: Any, level: Any) -> Any:
    """Average one-hot truth over the pixels of a lower resolution.

    Args:
        truth: (N, H, W, C) float32.
        level: (N, H/k, W/k, C), for any whole k.

    Returns:
        (N, H/k, W/k, C) float32 that sum to 1 over C.
    """
    factor = truth.shape[1] // level.shape[1]
    return ops.average_pool(truth, factor, factor)
