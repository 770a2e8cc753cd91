"""crackflow/inference/tiling.py, by filters of SciPy. They reach 2 px, as far as the margin of a square of 32 px."""

import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import ndimage

from crackflow.inference import tiling

SIDE = 32


def blurred_and_largest(pictures):
    """Two values a pixel, from 5 x 5 px around it; beyond the border lies the mirror image."""
    red = pictures[..., 0].astype(np.float32)
    blurred = ndimage.uniform_filter(red, (0, 5, 5), mode="mirror")
    return np.stack([blurred, ndimage.maximum_filter(red, (0, 5, 5), mode="mirror")], axis=-1)


def noise(height, width):
    return np.random.default_rng(height * 1000 + width).integers(0, 256, (height, width, 3)).astype(np.uint8)


def whole(rows):
    found = list(rows)
    ends = [0, *(part.top + len(part.values) for part in found)]
    assert [part.top for part in found] == ends[:-1]
    return np.concatenate([part.values for part in found])


@settings(max_examples=25, deadline=None)
@given(height=st.integers(1, 110), width=st.integers(1, 110), batch=st.integers(1, 5))
def test_a_picture_in_squares_gives_what_the_whole_gives(height, width, batch):
    # a mirror image of one pixel ends within the filter's reach
    assume(SIDE - 1 not in (height, width))
    picture = noise(height, width)
    found = whole(tiling.stitched(blurred_and_largest, picture, SIDE, batch))
    assert (found.shape, found.dtype) == ((height, width, 2), np.float32)
    np.testing.assert_allclose(found, blurred_and_largest(picture[None])[0], atol=1e-3)


def test_what_a_square_gives_near_its_border_counts_only_at_the_pictures_own_border():
    """A function that gives 1 in the outermost 2 px of a square, else 0."""

    def frames(squares):
        found = np.ones((*squares.shape[:3], 1), np.float32)
        found[:, 2:-2, 2:-2] = 0
        return found

    found = whole(tiling.stitched(frames, noise(70, 90), SIDE))[..., 0]
    assert (found[2:-2, 2:-2] == 0).all()
    assert (found[[0, 1, -2, -1]] == 1).all()
    assert (found[:, [0, 1, -2, -1]] == 1).all()


@settings(max_examples=30, deadline=None)
@given(length=st.integers(1, 700), side=st.integers(8, 128))
def test_squares_cover_a_side_overlap_and_weigh_1_in_sum(length, side):
    begins = tiling.starts(length, side)
    assert (begins[0], begins[-1]) == (0, max(0, length - side))
    assert all(0 < after - before <= side - round(side / 4) for before, after in itertools.pairwise(begins))
    total = np.zeros(begins[-1] + side)
    for begin, weight in zip(begins, tiling.weights(begins, side), strict=True):
        assert (weight >= 0).all()
        total[begin : begin + side] += weight
    np.testing.assert_allclose(total, 1, atol=1e-6)


def test_the_weights_of_two_squares_are_a_hann_window_between_margins():
    """Side 32: neighbours share 8 px, of which 2 at either end count for one square alone; 4 px of rise between."""
    first, second = tiling.weights((0, 24), 32)
    rise = [np.sin(np.pi / 2 * (n + 0.5) / 4) ** 2 for n in range(4)]
    np.testing.assert_allclose(second[:8], [0, 0, *rise, 1, 1], atol=1e-7)
    np.testing.assert_allclose(first[24:], [1, 1, *rise[::-1], 0, 0], atol=1e-7)
    assert (first[:24] == 1).all()
    assert (second[8:] == 1).all()


def test_squares_are_shown_a_row_at_a_time_and_in_batches():
    """Rows come out before the next row of squares is looked at: so memory does not grow with the height."""
    shown = []

    def count(squares):
        shown.append(len(squares))
        return np.zeros((*squares.shape[:3], 1), np.float32)

    rows = tiling.stitched(count, noise(300, 100), SIDE, batch=3)
    first = next(rows)
    # 100 = 32 + 68: 3 steps of at most 24 px, so 4 squares a row
    assert shown == [3, 1]
    assert len(first.values) <= SIDE
    assert len(whole(tiling.stitched(count, noise(300, 100), SIDE, batch=3))) == 300


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 400), (5, 31)])
def test_a_picture_smaller_than_a_square_is_continued_by_its_mirror_image(height, width):
    shown = []

    def keep(squares):
        shown.extend(squares)
        return squares[..., :1].astype(np.float32)

    picture = noise(height, width)
    found = whole(tiling.stitched(keep, picture, SIDE))
    np.testing.assert_allclose(found[..., 0], picture[..., 0], atol=1e-4)
    expected = np.pad(picture, [(0, SIDE - height), (0, max(0, SIDE - width)), (0, 0)], mode="reflect")
    np.testing.assert_array_equal(shown[0], expected[:, :SIDE])
