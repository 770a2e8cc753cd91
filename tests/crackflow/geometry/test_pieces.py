import math

import cv2
import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt
from skimage.measure import label

from crackflow.geometry.pieces import distances, pieces


def two_lines(between):
    mask = np.zeros((20, 60), np.bool_)
    mask[10, 3:20] = mask[10, 20 + between : 50] = True
    return mask


@pytest.mark.parametrize(("between", "expected"), [(1, 1), (5, 1), (6, 2), (7, 2)])
def test_gaps(between, expected):
    found = list(pieces(two_lines(between), 5.0))
    assert len(found) == expected
    assert sum(piece.drawn.sum() for piece in found) == 47 - between
    if expected == 1:
        # the bridge is a straight line of one pixel
        assert found[0].whole.sum() == 47


def test_a_slanted_gap_counts_by_its_length():
    mask = np.zeros((30, 30), np.bool_)
    mask[4:11, 10] = mask[14:21, 14] = True
    # from row 10, column 10 to row 14, column 14: sqrt(32) - 1 pixels between
    gap = math.sqrt(32) - 1
    assert len(list(pieces(mask, gap + 0.01))) == 1
    assert len(list(pieces(mask, gap - 0.01))) == 2


def test_bridges_close_no_ring():
    mask = np.zeros((40, 40), np.uint8)
    # three sides of a triangle, whose corners are open
    for one, other in (((10, 10), (28, 10)), ((31, 13), (21, 30)), ((18, 30), (8, 13))):
        cv2.line(mask, one, other, 1, 1)
    (piece,) = pieces(mask > 0, 5.0)
    assert piece.drawn.sum() == mask.sum()
    # the ground outside and inside is one
    assert cv2.connectedComponents((~piece.whole).view(np.uint8), connectivity=4)[0] == 2


def test_small_holes_are_filled_and_blocks_stay():
    mask = np.zeros((60, 60), np.bool_)
    mask[10:50, 10:50] = True
    mask[16:44, 16:44] = False
    mask[12:14, 30:32] = False
    (piece,) = pieces(mask, 3.0)
    # the hole of 4 pixels, and the pixel in each inner corner of the frame
    assert piece.whole.sum() - piece.drawn.sum() == 8
    assert not piece.whole[8:34, 8:34].any()


def test_notches_are_filled():
    mask = np.zeros((30, 60), np.bool_)
    mask[10:17, 5:55] = True
    # teeth of 3 px at every other pixel, as dithering leaves them: all but their tips become one
    mask[7:10, 5:55:2] = True
    (piece,) = pieces(mask, 2.0)
    assert piece.whole[2:11, 3:-3].all()
    assert (piece.whole != piece.drawn)[:2].sum() == 0


def test_places_and_borders():
    mask = np.zeros((30, 40), np.bool_)
    mask[5:8, :20] = True
    (piece,) = pieces(mask, 2.0)
    # background above, below and to the right; the photograph ends to the left, where the crack goes on
    assert (piece.left, piece.top, piece.whole.shape) == (0, 4, (5, 21))
    assert piece.depth[2, 0] == piece.depth[2, 10] == 2
    assert piece.depth[2, 19] == 1


def test_all_and_nothing():
    assert list(pieces(np.zeros((9, 9), np.bool_), 5.0)) == []
    (piece,) = pieces(np.ones((9, 5), np.bool_), 5.0)
    assert piece.whole.all()
    assert piece.depth.max() == 3


def test_agrees_with_labelling():
    """With a gap of 0, pieces are the 8-connected components of scikit-image."""
    mask = np.random.default_rng(0).random((64, 64)) < 0.2
    found = np.zeros(mask.shape, int)
    for number, piece in enumerate(pieces(mask, 0.0), 1):
        rows, columns = piece.drawn.shape
        found[piece.top : piece.top + rows, piece.left : piece.left + columns][piece.drawn] = number
    expected = label(mask, connectivity=2)
    assert len(set(zip(found[mask].tolist(), expected[mask].tolist(), strict=True))) == expected.max() == found.max()


def test_distances_are_rounded_alike_wherever_the_mask_lies_in_memory():
    mask = np.ones((101, 103), np.bool_)
    mask[50, 51] = False
    expected = distance_transform_edt(mask).astype(np.float32)
    memory = np.zeros(mask.size + 64, np.bool_)
    own = cv2.ipp.useIPP()
    for start in range(0, 64, 4):
        placed = memory[start : start + mask.size].reshape(mask.shape)
        placed[:] = mask
        np.testing.assert_array_equal(distances(placed), expected)
    assert cv2.ipp.useIPP() == own
