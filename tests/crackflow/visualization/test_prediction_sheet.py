import numpy as np

from crackflow.visualization.contact_sheet import GAP, LINE_PX
from crackflow.visualization.overlays import legend, overlay
from crackflow.visualization.prediction_sheet import Compared, comparison

SIDE = 32


def compared(stem, level):
    truth, predicted = np.zeros((SIDE, SIDE), np.uint8), np.zeros((SIDE, SIDE), np.uint8)
    truth[:, :8], predicted[:, 4:12] = 1, 2
    return Compared(stem, 0.25, np.full((SIDE, SIDE, 3), level, np.uint8), truth, predicted)


def test_each_row_has_image_truth_prediction_and_overlay():
    pictures = [compared("a", 50), compared("b", 200)]
    out = comparison(pictures, num_classes=3, width=SIDE)
    # Four pictures of 32 px are too narrow for the legend, which then takes more lines.
    top = GAP + legend(4 * (SIDE + GAP) - GAP).shape[0] + GAP + LINE_PX
    for one in pictures:
        # Class 1 of 3 is stored as 127, class 2 as 255.
        truth, predicted = (np.repeat(level[..., None], 3, axis=2) for level in (127 * one.truth, 127 * one.predicted))
        expected = (one.image, truth, predicted + (predicted > 0), overlay(one.image, one.truth, one.predicted))
        for column, picture in enumerate(expected):
            left = GAP + column * (SIDE + GAP)
            assert (out[top : top + SIDE, left : left + SIDE] == picture).all(), (one.stem, column)
        top += SIDE + LINE_PX + GAP
    assert out.shape[0] == top


def test_the_caption_says_name_and_iou():
    one = compared("a", 50)
    same, other = comparison([one], 3, SIDE), comparison([one._replace(iou=0.75)], 3, SIDE)
    assert (same[: -LINE_PX - GAP] == other[: -LINE_PX - GAP]).all()
    assert (same != other).any()
