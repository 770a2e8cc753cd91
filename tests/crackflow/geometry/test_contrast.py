import numpy as np
import pytest

from crackflow.geometry.contrast import depths

WAY = np.stack([np.arange(30, 90), np.full(60, 40)], axis=1).astype(np.int32)


def photo(width, level, row=40, surface=200):
    grey = np.full((80, 120), surface, np.uint8)
    top = row - width // 2
    grey[top : top + width] = level
    return grey


def test_a_line_is_as_dark_as_its_level_says():
    # 200 around and 50 on the line: (200 - 50) / 200
    np.testing.assert_allclose(depths(photo(5, 50), WAY, 4, 2.5), 0.75)
    assert depths(photo(0, 0), WAY, 4, 2.5) == pytest.approx(0)
    assert (depths(photo(5, 250), WAY, 4, 2.5) <= 0).all()


def test_half_the_light_changes_nothing():
    np.testing.assert_allclose(depths(photo(5, 25, surface=100), WAY, 4, 2.5), 0.75)


def test_the_line_may_lie_aside_by_what_is_allowed():
    np.testing.assert_allclose(depths(photo(5, 50, row=43), WAY, 4, 2.5), 0.75)
    assert (depths(photo(5, 50, row=48), WAY, 4, 2.5) < 0.1).all()


def test_the_surroundings_of_a_wide_line_lie_beyond_its_edge():
    np.testing.assert_allclose(depths(photo(30, 50), WAY, 4, 15), 0.75)


def test_it_is_said_place_by_place():
    grey = photo(0, 0)
    grey[38:43, :60] = 50
    found = depths(grey, WAY, 4, 2.5)
    assert found[:15] == pytest.approx(0.75, abs=0.01)
    assert found[-15:] == pytest.approx(0, abs=0.01)


def test_a_single_pixel_is_a_way():
    assert depths(photo(5, 50), WAY[:1], 4, 2.5).shape == (1,)
