"""Figures that Keras follows while it trains, by name; crackflow/evaluation/metrics.py has those that evaluate reports.

They take one-hot truth and softmax probabilities, (N, H, W, C) float32, class 0 the background. A pixel is called crack
where P(background) < 0.5; the ratios pool counts over all pixels since the last reset, which is why they do not depend
on the batch size. dice_coef_multiclass is, as in the original, a mean over batches.
"""

from collections.abc import Callable, Iterable
from typing import Any

import keras
from keras import ops


class CrackRatio(keras.metrics.Metric):  # type: ignore[misc]
    """A ratio of pooled true positives, false positives and false negatives of the foreground.

    By hand, for P(crack) [.9 .8 .2 .6] and truth [1 0 0 1]: called crack are pixels 0, 1, 3, so tp = 2, fp = 1, fn = 0;
    IoU = 2/3, F1 = 4/5, precision = 2/3, recall = 1. Nothing called and nothing there counts as 1; nothing called where
    there is something, or something called where there is nothing, as 0.

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
        called = ops.cast(y_pred[..., 0] < 0.5, "float32")
        self.tp.assign_add(ops.sum(truth * called))
        self.fp.assign_add(ops.sum((1.0 - truth) * called))
        self.fn.assign_add(ops.sum(truth * (1.0 - called)))

    def result(self) -> Any:
        """The ratio of the counts so far, in 0..1."""
        numerator, denominator = self.ratio(self.tp, self.fp, self.fn)
        anything = self.tp + self.fp + self.fn > 0
        return ops.where(anything, numerator / ops.maximum(denominator, 1.0), 1.0)


def dice_coef_multiclass(truth: Any, predicted: Any) -> Any:
    """The original experiment's figure, under its own name: Dice over all classes, the background included.

    With one-hot truth both sums in the denominator are the number of pixels, so this is the mean probability of the
    right class: soft pixel accuracy, near 0.97 for calling everything background on crack photographs.
    """
    both = ops.sum(truth * predicted)
    return 2.0 * both / (ops.sum(truth) + ops.sum(predicted))


# numerator and denominator out of (tp, fp, fn)
RATIOS: dict[str, Callable[[Any, Any, Any], tuple[Any, Any]]] = {
    "crack_iou": lambda tp, fp, fn: (tp, tp + fp + fn),
    "crack_f1": lambda tp, fp, fn: (2.0 * tp, 2.0 * tp + fp + fn),
    "crack_precision": lambda tp, fp, _: (tp, tp + fp),
    "crack_recall": lambda tp, _, fn: (tp, tp + fn),
}


def make(names: Iterable[str]) -> list[Any]:
    """Give fresh metrics for `model.compile`.

    Args:
        names: as `train.metrics`: dice_coef_multiclass or a key of `RATIOS`.

    Returns:
        One Keras metric or metric function a name, in that order.
    """
    return [
        dice_coef_multiclass if name == "dice_coef_multiclass" else CrackRatio(RATIOS[name], name) for name in names
    ]
