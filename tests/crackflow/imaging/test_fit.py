import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crackflow.imaging.fit import frame, grid

SIDES = st.integers(1, 300)


def spans(placed):
    return [(part.start, part.stop) for part in (*placed.source, *placed.target)]


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("stretch", [(0, 60), (0, 100), (0, 32), (0, 32)]),
        # 60 * 32 / 100 = 19.2 rows, so 13 are left over: 6 above, 7 below
        ("letterbox", [(0, 60), (0, 100), (6, 25), (0, 32)]),
        # a square of 60 in the middle of 100 columns
        ("crop", [(0, 60), (20, 80), (0, 32), (0, 32)]),
    ],
)
def test_modes_of_a_wide_photograph(mode, expected):
    assert spans(frame(60, 100, 32, mode)) == expected


@settings(deadline=None)
@given(height=SIDES, width=SIDES, size=SIDES, mode=st.sampled_from(["stretch", "letterbox", "crop"]))
def test_both_parts_lie_inside_and_hold_something(height, width, size, mode):
    rows, columns, target_rows, target_columns = spans(frame(height, width, size, mode))
    for (start, stop), side in ((rows, height), (columns, width), (target_rows, size), (target_columns, size)):
        assert 0 <= start < stop <= side
    # what is left over on both sides of the middle differs by a pixel at most
    for (start, stop), side in ((rows, height), (columns, width), (target_rows, size), (target_columns, size)):
        assert 0 <= side - stop - start <= 1


@settings(deadline=None)
@given(height=SIDES, width=SIDES, size=SIDES, mode=st.sampled_from(["letterbox", "crop"]))
def test_the_aspect_is_kept_to_a_pixel(height, width, size, mode):
    placed = frame(height, width, size, mode)
    rows, columns = (part.stop - part.start for part in placed.source)
    scale = size / max(rows, columns)
    assert abs(placed.shape[0] - rows * scale) <= 1
    assert abs(placed.shape[1] - columns * scale) <= 1


@settings(deadline=None)
@given(height=SIDES, width=SIDES, size=SIDES)
def test_the_shape_is_that_of_the_target(height, width, size):
    placed = frame(height, width, size, "letterbox")
    assert max(placed.shape) == size
    assert placed.shape == tuple(part.stop - part.start for part in placed.target)


@pytest.mark.parametrize(
    ("height", "width", "rows", "columns"),
    [
        (448, 448, 1, 1),
        (512, 640, 1, 1),
        (320, 480, 1, 2),  # 1.5 is nearer to 2 than to 1: 2 / 1.5 is less than 1.5 / 1
        (64, 512, 1, 8),
        (512, 64, 8, 1),
        (3000, 4000, 6, 8),  # 5.9 and 7.8 times 512
        (400, 2000, 1, 5),
    ],
)
def test_parts_are_as_near_to_squares_as_whole_numbers_allow(height, width, rows, columns):
    assert grid(height, width, 512)[2:] == (rows, columns)


@given(st.integers(1, 3000), st.integers(1, 3000), st.sampled_from([64, 512]))
def test_each_pixel_is_in_one_part_and_no_part_is_long(height, width, side):
    cut = grid(height, width, side)
    times = np.zeros((height, width), np.uint8)
    for number in range(len(cut)):
        part = cut.part(*divmod(number, cut.columns))
        times[part] += 1
        shape = times[part].shape
        # parts differ by a pixel where the photograph does not divide evenly
        assert max(shape) <= math.sqrt(2) * min(shape) + 2
    assert (times == 1).all()
