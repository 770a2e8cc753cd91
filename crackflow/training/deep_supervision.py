"""Deep supervision: losses at lower levels of the way up, so that they learn from the truth and not by hearsay alone.

Lee et al. 2015, arXiv 1409.5185. The truth of a level is the truth averaged over its larger pixels, so a crack of 1 px
is a faint one there and not lost. Losses of the levels count in training alone: what valid and the metrics look at is
the network's own output.
"""

from typing import Any

import keras
from keras import ops


class Supervised(keras.Model):  # type: ignore[misc]
    """A functional model with probabilities at full size first, and those of lower levels after them.

    Attributes:
        level_weight: weight of each level's loss beside the full-size one.
        level_loss: a loss as `crackflow.training.losses` has them; a level's truth is not 0 or 1, so a cross-entropy.
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
        """The loss compiled with, and in training those of the levels."""
        full, *levels = y_pred
        loss = super().compute_loss(x, y, full, sample_weight, training)
        if training:
            for level in levels:
                loss += self.level_weight * self.level_loss(truth_at(y, level), level)
        return loss

    def compute_metrics(self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """The metrics compiled with, of the full-size probabilities."""
        return super().compute_metrics(x, y, y_pred[0], sample_weight)


def truth_at(truth: Any, level: Any) -> Any:
    """Average one-hot truth over the pixels of a level.

    Args:
        truth: (N, H, W, C) float32.
        level: (N, H/k, W/k, C), for any whole k.

    Returns:
        (N, H/k, W/k, C) float32, sums of 1 over C.
    """
    factor = truth.shape[1] // level.shape[1]
    return ops.average_pool(truth, factor, factor)
