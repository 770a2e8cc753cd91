import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from crackflow.imaging.resize import resize_image, resize_mask


def test_shrinking_averages():
    blocks = np.array([[0, 100, 8, 8], [200, 100, 8, 8], [0, 0, 1, 3], [0, 0, 5, 7]], np.uint8)
    assert resize_image(blocks, 2).tolist() == [[100, 8], [0, 4]]


def test_a_dark_line_stays_visible_when_shrunk_eightfold():
    image = np.full((64, 64, 3), 200, np.uint8)
    image[:, 33] = 0
    # one of eight columns is black: 200 * 7 / 8
    assert resize_image(image, 8)[:, 4].tolist() == [[175] * 3] * 8


def test_a_side_that_shrinks_is_averaged_while_the_other_grows():
    image = np.zeros((4, 64), np.uint8)
    image[:, ::8] = 160
    assert np.unique(resize_image(image, 8)).tolist() == [20]


def test_growing_keeps_a_line_darker_than_linear_interpolation():
    image = np.full((16, 16), 200, np.uint8)
    image[:, 8] = 0
    linear = cv2.resize(image, (18, 18), interpolation=cv2.INTER_LINEAR)
    assert resize_image(image, 18).min() < linear.min()


def test_a_mask_grows_without_moving():
    classes = np.zeros((16, 16), np.uint8)
    classes[4:12, 4:12] = 1
    expected = np.zeros((32, 32), np.uint8)
    expected[8:24, 8:24] = 1
    np.testing.assert_array_equal(resize_mask(classes, 32, 2), expected)


@settings(deadline=None)
@given(
    height=st.integers(8, 80),
    width=st.integers(8, 80),
    size=st.integers(8, 64),
    row=st.integers(0),
    diagonal=st.booleans(),
)
def test_a_line_of_one_pixel_never_breaks(height, width, size, row, diagonal):
    side = max(height, width)
    if diagonal:
        classes = np.eye(side, dtype=np.uint8)
    else:
        classes = np.zeros((height, width), np.uint8)
        classes[row % height] = 1
    found = resize_mask(classes, size, 2)
    assert found.any(axis=0).all()
    labels, _ = cv2.connectedComponents(found, connectivity=8)
    assert labels - 1 == 1


def test_several_classes_keep_the_one_that_covers_most():
    # blocks of 2 x 2: all 2; two of 1, one of 2; nothing; below them nothing, nothing; one of 2, the rest background
    classes = np.array(
        [[2, 2, 1, 1, 0, 0], [2, 2, 2, 0, 0, 0], [0] * 6, [0] * 6, [0] * 6, [0, 0, 0, 0, 0, 2]], np.uint8
    )
    # a lone pixel of four is what a line covers half of, 1/4 = (1/2) / 2, and is no line's to spare
    assert resize_mask(classes, 3, 3).tolist() == [[2, 1, 0], [0, 0, 0], [0, 0, 2]]
