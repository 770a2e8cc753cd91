import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crackflow.imaging.fit import frame

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
