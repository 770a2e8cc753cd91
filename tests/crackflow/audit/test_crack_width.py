import cv2
import numpy as np
import pytest

from crackflow.audit.crack_width import thickness


@pytest.mark.parametrize("width", [1, 2, 3, 4, 7, 12])
def test_a_band_across_the_picture_has_its_width(width):
    """Doubled, its rows are 1, 2, .., w, w, .., 2, 1 px deep, on average (w + 1) / 2; twice that less 1 is w."""
    crack = np.zeros((40, 30), bool)
    crack[10 : 10 + width] = True
    assert thickness(crack) == pytest.approx(width, abs=1e-5)
    assert thickness(crack.T.copy()) == pytest.approx(width, abs=1e-5)


@pytest.mark.parametrize("width", [6.0, 9.0, 15.0])
@pytest.mark.parametrize("angle", [17, 45, 70])
def test_a_slanted_band_is_at_most_a_pixel_thinner(width, angle):
    y, x = np.mgrid[-60:60, -60:60]
    across = x * np.sin(np.deg2rad(angle)) + y * np.cos(np.deg2rad(angle))
    assert width - 1.1 < thickness(np.abs(across) < width / 2) < width + 0.3


def test_a_slanted_line_of_single_pixels_has_1():
    assert thickness(np.eye(20, dtype=bool)) == pytest.approx(1, abs=0.35)


def test_pieces_are_weighed_by_area():
    """Bands of 2 and 6 px over the same length: (2 * 2 + 6 * 6) / (2 + 6) = 5."""
    crack = np.zeros((40, 30), bool)
    crack[5:7] = crack[20:26] = True
    assert thickness(crack) == pytest.approx(5, abs=1e-5)


def test_a_frayed_band_has_the_width_of_the_whole():
    crack = np.zeros((40, 31), bool)
    crack[10:20] = True
    frayed = crack.copy()
    frayed[11:19:2, 1::2] = False
    assert thickness(frayed) == pytest.approx(10, abs=1e-5)


def test_the_place_in_the_picture_does_not_matter():
    disc = np.zeros((64, 64), np.uint8)
    cv2.circle(disc, (20, 20), 12, 1, -1)
    moved = np.roll(disc, (19, 22), axis=(0, 1))
    assert thickness(disc > 0) == pytest.approx(thickness(moved > 0), abs=1e-6)
    # a disc of radius R is R / 3 deep on average, and four times that is two thirds of its diameter; less up to 1 px
    radius = np.sqrt(disc.sum() / np.pi)
    assert 4 / 3 * radius - 1.1 < thickness(disc > 0) < 4 / 3 * radius


def test_nothing_and_everything():
    assert thickness(np.zeros((8, 12), bool)) is None
    assert thickness(np.ones((8, 12), bool)) == 8
