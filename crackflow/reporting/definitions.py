"""What each figure is and what each column of a table holds; the report says it, and docs/reference is made of it."""

from typing import NamedTuple

from crackflow.evaluation.headline import BY_NAME, figure_words


class Definition(NamedTuple):
    """How a headline figure is computed.

    Attributes:
        formula: over the pixels tp, fp, fn and tn of an image, and over `right` and `found` (see WORDS).
        images: which ones count.
        nothing: what counts where nothing is there.
        tolerance: within which distance a pixel is right.
    """

    formula: str
    images: str
    nothing: str
    tolerance: str = "0 px"


WORDS = (
    (
        "tp, fp and fn are an image's pixels: crack predicted as crack, background predicted as crack, crack that is "
        "missed. tn is the rest. With more than two classes every class but the background is crack. Sum and mean go "
        "over images."
    ),
    (
        'What is called "right" is the share of an image\'s predicted crack pixels that have a crack pixel of truth '
        'within the tolerance; "found" is the share of the crack pixels of truth that have a predicted one. The '
        "distance is Euclidean, between the centres of pixels."
    ),
)

_POOLED = "undefined without a crack pixel in truth or prediction"
_EACH = "an image counts 1 where both masks are empty, 0 where one is"
_CRACKED = "an empty prediction counts 0; undefined without such an image"
_FREE = "undefined without such an image"
FIGURES = {
    "pooled_iou": Definition("sum(tp) / sum(tp + fp + fn)", "all", _POOLED),
    "pooled_f1": Definition("sum(2 * tp) / sum(2 * tp + fp + fn)", "all", _POOLED),
    "pooled_precision": Definition("sum(tp) / sum(tp + fp)", "all", "undefined without a predicted crack pixel"),
    "pooled_recall": Definition("sum(tp) / sum(tp + fn)", "all", "undefined without a crack pixel in truth"),
    "per_image_iou": Definition("mean(tp / (tp + fp + fn))", "all", _EACH),
    "per_image_f1": Definition("mean(2 * tp / (2 * tp + fp + fn))", "all", _EACH),
    "positives_iou": Definition("mean(tp / (tp + fp + fn))", "with cracks", _CRACKED),
    "positives_f1": Definition("mean(2 * tp / (2 * tp + fp + fn))", "with cracks", _CRACKED),
    "tolerant_f1": Definition(
        "mean(2 * right * found / (right + found))", "with cracks", _CRACKED, "evaluate.tolerance_px"
    ),
    "false_alarms_images": Definition("mean(fp > 0)", "crack-free", _FREE),
    "false_alarms_area": Definition("mean(fp / (fp + tn))", "crack-free", _FREE),
}

_STEM = {"stem": "name of the image, without its extension"}
_SOURCE = {"source": "where the image comes from, told by its name"}
_SHARES = {
    "precision": "share of the predicted crack pixels that are crack",
    "recall": "share of the crack pixels that are predicted",
}
_BIN = {
    "low, high": "ends of the bin of crack probability; a bin without a pixel is left out",
    "pixels": "how many pixels have such a probability",
    "probability": "their mean probability",
    "crack_share": "share of them that is crack",
}
_EPOCH = {
    "epoch": "number of the epoch, from 1",
    "NAME": "the figure on train",
    "val_NAME": "the figure on valid",
    "foreign_NAME": "the figure on foreign_valid, where the split has one",
}
# file below reports/ -> column, or several of one meaning -> what it holds; words in capitals stand for names
COLUMNS: dict[str, dict[str, str]] = {
    "per_image.csv": {
        **_STEM,
        **_SOURCE,
        "crack_share": "share of the image's pixels that truth calls crack",
        "iou, f1": "of its crack pixels; 1 where truth and prediction are both empty, 0 where one is",
        **{name: f"{words}; likewise where nothing is there" for name, words in _SHARES.items()},
        "tolerant_f1": "F1 within the tolerance; empty where truth has no crack",
        "tp": "pixels: crack that was found",
        "fp": "pixels: false alarm",
        "fn": "pixels: crack that was missed",
    },
    "per_source.csv": {
        "source": "the source, told by the names of its images",
        "images": "how many it has",
        "images_with_cracks": "how many of them have a crack",
        **{name: figure_words(one, {}) for name, one in BY_NAME.items()},
        "per_image_precision, per_image_recall": "mean over all images; 1 where both masks are empty, 0 where one is",
        "ece": "calibration error: mean distance between crack probability and share of crack",
        "operating_point": "how a pixel becomes crack, in words",
    },
    "evaluation.csv": {
        "first": "name of the figure; this file has no header. crack_NAME is of the model, all_background_NAME of a "
        "mask without any crack",
        "second": "its value; empty where it is undefined",
    },
    "precision_recall.csv": {
        "threshold": "a pixel is crack where its probability is above; no component is removed",
        **_SHARES,
        "f1, iou": "pooled over all test images, as the two before",
    },
    "calibration.csv": _BIN,
    "calibration_by_source.csv": {**_SOURCE, **_BIN},
    "operating_point.csv": {
        "smallest_area": "components of fewer pixels are removed",
        "peak": "components that are nowhere above this probability are removed",
        "METRIC": "evaluate.threshold_metric on valid, with this component filter",
        "positives_iou": "mean IoU of the images with cracks",
        "recall": "pooled",
        "false_alarms": "share of the crack-free images with a false alarm",
        "chosen": "1 for the filter that is used, else 0",
    },
    "suspicious.csv": {
        "rank": "1 for the label that looks most wrong",
        **_STEM,
        **_SOURCE,
        "subset": "train, valid, test, foreign_valid or foreign_test",
        "score": "how wrong the label looks, 0 to 1",
        "reason, words": "why",
        "darker, brighter": "share of the label's pixels that are darker, or brighter, than 95 % of the surface "
        "beside it",
        "excess": "area of the label over the area of the crack's core in it",
        "covered": "share of the image that the label covers",
        "border": "share of the image's border that the label covers",
        "unmarked": "length of dark lines without a label, in sides of the image",
        "frayed": "area of gaps of 1 or 2 px in the label, over its own area",
        "standing_out": "the larger one of darker and brighter: the contrast of the label",
        "thickness": "width of the label, px",
        "same_mask_as": "another photograph with the very same label",
    },
    "train_losses.csv, train_metrics.csv": _EPOCH,
}
