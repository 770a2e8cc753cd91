import numpy as np
import pytest

from crackflow.audit.label_features import measure

SIDE = 256


@pytest.fixture
def surface():
    return np.random.default_rng(3).normal(150, 12, (SIDE, SIDE))


def band(top, thickness):
    crack = np.zeros((SIDE, SIDE), bool)
    crack[top : top + thickness] = True
    return crack


def photograph(surface, crack, step):
    return np.clip(surface + step * crack, 0, 255).astype(np.uint8)


def test_a_tight_mask_on_a_dark_crack_stands_out(surface):
    found = measure(photograph(surface, band(100, 8), -80), band(100, 8))
    assert found.darker > 0.95
    assert found.brighter == 0
    assert found.excess == pytest.approx(1, abs=0.25)


def test_a_bright_crack_stands_out_too(surface):
    found = measure(photograph(surface, band(100, 8), 80), band(100, 8))
    assert found.brighter > 0.95
    assert found.darker == 0
    assert found.excess == pytest.approx(1, abs=0.25)


def test_a_mask_beside_the_crack_stands_out_no_more_than_any_spot(surface):
    """By definition 5 % of the ring are darker than 95 % of it; so is any spot of the same surface."""
    found = measure(photograph(surface, band(100, 8), -80), band(190, 8))
    assert found.darker == pytest.approx(0.05, abs=0.04)
    assert found.excess is None


@pytest.mark.parametrize("times", [3, 5])
def test_a_mask_that_is_too_thick_is_so_many_times_the_core(surface, times):
    crack = band(120, 6)
    found = measure(photograph(surface, crack, -80), band(120 - 3 * (times - 1), 6 * times))
    assert found.excess == pytest.approx(times, rel=0.15)


def test_light_that_falls_off_does_not_count(surface):
    shaded = surface - np.linspace(0, 100, SIDE)
    even = measure(photograph(surface, band(100, 8), -60), band(100, 8))
    uneven = measure(photograph(shaded, band(100, 8), -50), band(100, 8))
    assert uneven.darker == pytest.approx(even.darker, abs=0.05)


def test_area_and_border_by_hand(surface):
    """8 of 256 rows. The border has 4 * 256 - 4 = 1020 pixels; the band meets it in 8 left and 8 right."""
    found = measure(surface.astype(np.uint8), band(100, 8))
    assert found.covered == 8 / 256
    assert found.border == 16 / 1020
    # at the top, all of its first row too: 256 + 2 * 7
    assert measure(surface.astype(np.uint8), band(0, 8)).border == 270 / 1020


def test_gaps_in_the_mask_are_counted_by_hand(surface):
    """A band of 8 x 256 with holes of one pixel: 3 rows of 64 holes; 192 gaps over 2048 - 192 pixels."""
    crack = band(100, 8)
    crack[101:107:2, 2::4] = False
    assert measure(surface.astype(np.uint8), crack).frayed == pytest.approx(192 / 1856)
    assert measure(surface.astype(np.uint8), band(100, 8)).frayed == 0


def test_a_dark_line_without_a_mask_is_measured_in_sides(surface):
    line = np.zeros((SIDE, SIDE), bool)
    line[200:208, 50:178] = True
    picture = photograph(surface, line | band(60, 8), -100)
    # 128 of 256 px, blurred a little longer
    assert measure(picture, band(60, 8)).unmarked == pytest.approx(0.5, abs=0.02)
    assert measure(picture, np.zeros_like(line)).unmarked == pytest.approx(1.5, abs=0.03)
    assert measure(picture, band(60, 8) | line).unmarked == 0


def test_short_and_stout_marks_are_no_lines(surface):
    marks = np.zeros((SIDE, SIDE), bool)
    marks[200:204, 50:70] = marks[30:70, 150:190] = True
    assert measure(photograph(surface, marks, -100), np.zeros_like(marks)).unmarked == 0


def test_what_is_undefined_is_none(surface):
    grey = surface.astype(np.uint8)
    nothing = measure(grey, np.zeros((SIDE, SIDE), bool))
    assert (nothing.darker, nothing.brighter, nothing.excess, nothing.frayed) == (None,) * 4
    assert (nothing.covered, nothing.border) == (0, 0)
    everything = measure(grey, np.ones((SIDE, SIDE), bool))
    assert (everything.darker, everything.excess) == (None, None)
    assert (everything.covered, everything.border) == (1, 1)


def test_a_flat_picture_is_no_error():
    flat = np.full((SIDE, SIDE), 128, np.uint8)
    assert measure(flat, band(100, 8)).darker == 0


def test_sizes_must_agree():
    with pytest.raises(ValueError, match=r"\(8, 8\) and a mask of \(8, 9\)"):
        measure(np.zeros((8, 8), np.uint8), np.zeros((8, 9), bool))
