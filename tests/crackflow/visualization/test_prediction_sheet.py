import numpy as np
import pytest

from crackflow.visualization.overlays import legend, overlay
from crackflow.visualization.prediction_sheet import Compared, comparison

SIDE = 48


def compared(stem, seed):
    """Noise, so that each picture is found again; truth and prediction of three classes that overlap in part."""
    rng = np.random.default_rng(seed)
    image = rng.integers(60, 200, (SIDE, SIDE, 3)).astype(np.uint8)
    truth, predicted = (rng.integers(0, 3, (SIDE, SIDE)).astype(np.uint8) for _ in range(2))
    return Compared(stem, 0.25, image, truth, predicted)


def pictures_of(one):
    """Class 1 of 3 is stored as 127, class 2 as 255."""
    levels = np.array([0, 127, 255], np.uint8)
    return one.image, levels[one.truth], levels[one.predicted], overlay(one.image, one.truth, one.predicted)


def test_each_row_has_image_truth_prediction_and_overlay_in_that_order(place_of):
    rows = [compared("a", 1), compared("b", 2)]
    out = comparison(rows, num_classes=3, width=SIDE)
    places = [[place_of(out, picture) for picture in pictures_of(one)] for one in rows]
    for row in places:
        assert len({top for top, _ in row}) == 1
        assert np.diff([left for _, left in row]).min() > SIDE
    assert places[0][0][0] + SIDE < places[1][0][0]
    assert [left for _, left in places[0]] == [left for _, left in places[1]]


def test_the_legend_stands_above_all_pictures(place_of):
    one = compared("a", 1)
    out = comparison([one], 3, SIDE)
    top, left = place_of(out, one.image)
    right = place_of(out, pictures_of(one)[-1])[1] + SIDE
    assert place_of(out, legend(right - left))[0] < top


def test_the_caption_says_name_and_iou_below_the_pictures(place_of):
    one = compared("a", 1)
    out = comparison([one], 3, SIDE)
    bottom = place_of(out, one.image)[0] + SIDE
    for changed in (one._replace(iou=0.75), one._replace(stem="b")):
        other = comparison([changed], 3, SIDE)
        assert (out[:bottom] == other[:bottom]).all()
        assert (out[bottom:] != other[bottom:]).any()


@pytest.mark.parametrize("width", [24, 96])
def test_pictures_are_scaled_to_the_width(width):
    colour = np.array((10, 200, 30), np.uint8)
    crack = np.ones((SIDE, SIDE), np.uint8)  # so that the overlay leaves no pixel of the image as it is
    one = Compared("a", 1.0, np.broadcast_to(colour, (SIDE, SIDE, 3)), crack, crack)
    out = comparison([one], 3, width)
    rows, columns = np.nonzero((out == colour).all(-1))
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (width, width)
