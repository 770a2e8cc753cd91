"""What is kept of one scored image: counts and sums from which every figure follows. Its pixels are not kept."""

from dataclasses import dataclass

from crackflow.evaluation import metrics, original_metrics
from crackflow.evaluation.metrics import Counts, Integers
from crackflow.evaluation.thresholds import levels
from crackflow.inference.components import ClassMask
from crackflow.inference.operating_point import Probabilities, crack_probability
from crackflow.statistics.calibration import histogram


@dataclass(frozen=True)
class ImageScores:
    """The scores of one image.

    Attributes:
        stem: its name.
        source: where it comes from.
        group: what it is not independent of: crops of its photograph and near-duplicates share it.
        counts: any foreground class against the background.
        by_class: each foreground class against all others, in the order of the classes.
        tolerant_f1: NaN where truth has no crack.
        dice: the original's dice_coef_multiclass.
        dice_all_background: the same for a mask without any crack.
        crossentropy: mean over pixels.
        levels: int64 (2, 257), for other thresholds.
        odds: int64 (2, 512), for calibration.
    """

    stem: str
    source: str
    group: str
    counts: Counts
    by_class: tuple[Counts, ...]
    tolerant_f1: float
    dice: float
    dice_all_background: float
    crossentropy: float
    levels: Integers
    odds: Integers

    @property
    def has_crack(self) -> bool:
        """Whether truth has a crack pixel."""
        return bool(self.counts.tp + self.counts.fn > 0)


def score_image(
    stem: str,
    source: str,
    group: str,
    probabilities: Probabilities,
    predicted: ClassMask,
    truth: ClassMask,
    tolerance_px: int,
) -> ImageScores:
    """Score one image.

    Args:
        stem: its name.
        source: where it comes from.
        group: what it is not independent of.
        probabilities: float32 (H, W, C), the background first.
        predicted: uint8 (H, W), the class numbers that `probabilities` were turned into.
        truth: uint8 (H, W), class numbers.
        tolerance_px: of the tolerant F1.

    Returns:
        Everything that the figures need.

    Raises:
        ModelError: when a probability is not a number.
    """
    return ImageScores(
        stem=stem,
        source=source,
        group=group,
        counts=metrics.counts(predicted, truth),
        by_class=tuple(metrics.counts(predicted, truth, number) for number in range(1, probabilities.shape[-1])),
        tolerant_f1=metrics.tolerant_f1(predicted, truth, tolerance_px),
        dice=original_metrics.dice_coef_multiclass(probabilities, truth),
        dice_all_background=original_metrics.dice_coef_multiclass_all_background(truth),
        crossentropy=original_metrics.categorical_crossentropy(probabilities, truth),
        levels=levels(probabilities, truth),
        odds=histogram(crack_probability(probabilities), truth > 0),
    )
