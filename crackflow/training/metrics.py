"""Metrics by name: `train.metrics` picks those that Keras follows while it trains.

crackflow/evaluation/metrics.py has those that evaluate reports. These take one-hot truth and softmax probabilities,
(N, H, W, C) float32, class 0 the background. A pixel is predicted as crack where P(background) < 0.5. The ratios pool
counts over all pixels since the last reset, so they do not depend on the batch size. dice_coef_multiclass is a mean
over batches, as in the original.

A new metric is its entry in `METRICS` and its name in `MetricName` (crackflow/params/training.py).
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import keras
from keras import ops

from crackflow.params import MetricName


class CrackRatio(keras.metrics.Metric):  # type: ignore[misc]
    """A ratio of pooled true positives, false positives and false negatives of the foreground.

    By hand, for P(crack) [.9 .8 .2 .6] and truth [1 0 0 1]: pixels 0, 1, 3 are predicted, so tp = 2, fp = 1, fn = 0;
    IoU = 2/3, F1 = 4/5, precision = 2/3, recall = 1. No crack predicted and none there gives 1. None predicted where
    there is one, or one predicted where there is none, gives 0.

    Args:
        ratio: from (tp, fp, fn) to (numerator, denominator).
        name: what Keras calls it in logs.
    """

    def __init__(self, ratio: Callable[[Any, Any, Any], tuple[Any, Any]], name: str) -> None:
        super().__init__(name=name)
        self.ratio = ratio
        self.tp = self.add_weight(name="tp", initializer="zeros")
        self.fp = self.add_weight(name="fp", initializer="zeros")
        self.fn = self.add_weight(name="fn", initializer="zeros")

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:  # noqa: ARG002 Keras's signature
        """Add the counts of a batch."""
        truth = ops.cast(y_true[..., 0] < 0.5, "float32")
        positive = ops.cast(y_pred[..., 0] < 0.5, "float32")
        self.tp.assign_add(ops.sum(truth * positive))
        self.fp.assign_add(ops.sum((1.0 - truth) * positive))
        self.fn.assign_add(ops.sum(truth * (1.0 - positive)))

    def result(self) -> Any:
        """The ratio of the counts so far, in 0..1."""
        numerator, denominator = self.ratio(self.tp, self.fp, self.fn)
        anything = self.tp + self.fp + self.fn > 0
        return ops.where(anything, numerator / ops.maximum(denominator, 1.0), 1.0)


def dice_coef_multiclass(truth: Any, predicted: Any) -> Any:
    """The original experiment's figure, under its own name: Dice over all classes, the background included.

    With one-hot truth both sums in the denominator are the number of pixels, so this is the mean probability of the
    right class: soft pixel accuracy. On crack photographs it is near 0.97 where all is predicted as background.
    """
    both = ops.sum(truth * predicted)
    return 2.0 * both / (ops.sum(truth) + ops.sum(predicted))


# (tp, fp, fn) to numerator and denominator
RATIOS: dict[MetricName, Callable[[Any, Any, Any], tuple[Any, Any]]] = {
    "crack_iou": lambda tp, fp, fn: (tp, tp + fp + fn),
    "crack_f1": lambda tp, fp, fn: (2.0 * tp, 2.0 * tp + fp + fn),
    "crack_precision": lambda tp, fp, _: (tp, tp + fp),
    "crack_recall": lambda tp, _, fn: (tp, tp + fn),
}
# Each makes what Keras takes: a metric of its own with sums of its own, or a function of (truth, predicted).
METRICS: dict[MetricName, Callable[[], Any]] = {
    "dice_coef_multiclass": lambda: dice_coef_multiclass,
    **{name: partial(CrackRatio, ratio, name) for name, ratio in RATIOS.items()},
}


def make(names: Iterable[MetricName]) -> list[Any]:
    """Give fresh metrics for `model.compile`, in the order of their names in `train.metrics`."""
    return [METRICS[name]() for name in names]
