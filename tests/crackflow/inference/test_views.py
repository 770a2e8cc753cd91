import numpy as np
import pytest

from crackflow.errors import DataError
from crackflow.inference import views
from crackflow.inference.operating_point import OperatingPoint


def first_column(squares):
    """1 in the first column, whatever is there: a network that errs at its left border alone."""
    found = np.zeros((*squares.shape[:3], 1), np.float32)
    found[:, :, 0] = 1
    return found


def red(squares):
    return squares[..., :1].astype(np.float32)


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        (1, [[1, 0, 0], [1, 0, 0], [1, 0, 0]]),
        (2, [[0.5, 0, 0.5], [0.5, 0, 0.5], [0.5, 0, 0.5]]),
        # upside down the left border stays where it is
        (4, [[0.5, 0, 0.5], [0.5, 0, 0.5], [0.5, 0, 0.5]]),
        # turned by a quarter it is the upper or the lower one: a quarter of the views each
        (8, [[0.5, 0.25, 0.5], [0.25, 0, 0.25], [0.5, 0.25, 0.5]]),
    ],
)
def test_an_error_at_one_border_is_spread_over_those_that_the_views_bring_there(number, expected):
    found = views.averaged(first_column, number)(np.zeros((2, 3, 3, 3), np.uint8))
    np.testing.assert_array_equal(found[..., 0], np.broadcast_to(np.float32(expected), (2, 3, 3)))


@pytest.mark.parametrize("number", views.VIEWS)
def test_each_view_is_turned_back(number):
    """What looks at a pixel alone finds the same in every view."""
    squares = np.random.default_rng(0).integers(0, 256, (2, 5, 5, 3)).astype(np.uint8)
    np.testing.assert_array_equal(views.averaged(red, number)(squares), red(squares))


@pytest.mark.parametrize("number", views.VIEWS)
def test_no_two_views_are_alike(number):
    seen = []

    def note(squares):
        seen.extend(square.tobytes() for square in squares)
        return red(squares)

    views.averaged(note, number)(np.arange(27, dtype=np.uint8).reshape(1, 3, 3, 3))
    assert len(set(seen)) == len(seen) == number


@pytest.mark.parametrize("number", [0, 3, 16, -1])
def test_another_number_is_rejected(number):
    with pytest.raises(DataError, match=f"--views {number}, expected one of 1, 2, 4, 8; correct it"):
        views.averaged(red, number)


def test_the_operating_point_in_words_says_what_is_averaged():
    plain, flipped = OperatingPoint(0.5), OperatingPoint(0.5, flips=True)
    assert views.words(plain, 1) == "crack above 0.5; no component removed; no flips"
    assert views.words(flipped, 4) == "crack above 0.5; no component removed; mean over four flips"
    assert views.words(flipped, 1) == "crack above 0.5; no component removed; one view"
    eight = "crack above 0.5; no component removed; mean over eight views, flips and quarter turns"
    assert views.words(plain, 8) == views.words(flipped, 8) == eight
