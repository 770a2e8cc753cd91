import cv2
import numpy as np
import pytest

from crackflow.errors import DataError
from crackflow.imaging.registration import laid_on, register, shown_by_both

SIZE = (320, 240)


def surface(seed, size=SIZE):
    """Grain of several sizes, uint8 RGB, larger than a photograph of `size` by 60 px on each side."""
    rng, shape = np.random.default_rng(seed), (size[1] + 120, size[0] + 120)
    levels = sum(3 * sigma * cv2.GaussianBlur(rng.normal(0, 12, shape), (0, 0), sigma) for sigma in (0.8, 2.0, 5.0))
    return np.clip(levels[..., None] + [140, 130, 120], 0, 255).astype(np.uint8)


def seen(scene, matrix, size=SIZE):
    """A photograph: `matrix` takes its places to those of the one that shows the middle of the scene."""
    middle = np.array([[1, 0, 60], [0, 1, 60], [0, 0, 1.0]])
    return cv2.warpPerspective(scene, middle @ matrix, size, flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)


def turned(degrees, scale, slant=0.0, moved=(0.0, 0.0), size=SIZE):
    """Turn and scale about the middle, seen at a slant."""
    c, s = scale * np.cos(np.radians(degrees)), scale * np.sin(np.radians(degrees))
    about = np.array([[1, 0, -size[0] / 2], [0, 1, -size[1] / 2], [0, 0, 1.0]])
    turn = np.array([[c, -s, moved[0]], [s, c, moved[1]], [slant / size[0], slant / size[1], 1]])
    return np.linalg.inv(about) @ turn @ about


def off_by(found, truth, size=SIZE):
    """The largest distance between two matrices, px of the first photograph."""
    grid = np.stack(np.meshgrid(np.linspace(0, size[0], 7), np.linspace(0, size[1], 7)), -1).reshape(-1, 1, 2)
    one, other = (cv2.perspectiveTransform(grid, matrix) for matrix in (found, truth))
    return float(np.hypot(*(one - other).reshape(-1, 2).T).max())


@pytest.mark.parametrize("truth", [turned(5, 1.1), turned(-5, 0.9, 0.05, (9.5, -7.25)), turned(90, 1.0)])
def test_a_known_homography_is_found_in_other_light_with_noise(truth):
    scene, rng = surface(1), np.random.default_rng(2)
    light = np.linspace(0.6, 1.2, SIZE[0])[None, :, None]
    second = np.clip(seen(scene, truth) * light + rng.normal(0, 4, (SIZE[1], SIZE[0], 3)), 0, 255).astype(np.uint8)
    found = register(seen(scene, np.eye(3)), second)
    assert off_by(found.matrix, truth) < 1
    assert found.error_px < 0.5
    assert found.correlation > 0.5


def test_the_second_is_laid_on_the_first():
    scene, truth = surface(3), turned(4, 1.05)
    first, second = seen(scene, np.eye(3)), seen(scene, truth)
    laid, shown = laid_on(second, truth, SIZE), shown_by_both(truth, first.shape, second.shape)
    inside = cv2.erode(shown.view(np.uint8), np.ones((9, 9), np.uint8)).view(bool)
    difference = np.abs(laid.astype(int) - first.astype(int)).mean(axis=2)
    assert difference[inside].mean() < 2
    # the four corners of the first are outside of the second by the truth: 320 x 240 turned by 4 degrees
    assert 0.9 < shown.mean() <= 1


def test_sizes_may_differ_and_large_photographs_are_registered_on_smaller_copies():
    size = (1400, 300)
    first = seen(surface(4, size), np.eye(3), size)
    second = cv2.resize(first, (840, 180), interpolation=cv2.INTER_AREA)
    # pixel centres lie half a pixel in
    grown = np.array([[1 / 0.6, 0, (1 / 0.6 - 1) / 2], [0, 1 / 0.6, (1 / 0.6 - 1) / 2], [0, 0, 1]])
    found = register(first, second)
    assert off_by(found.matrix, grown, (840, 180)) < 1
    assert found.overlap > 0.99


def test_another_place_is_rejected():
    with pytest.raises(DataError, match=r"do not show one place \(\d+ features agree, expected 20 or more\); name"):
        register(seen(surface(5), np.eye(3)), seen(surface(6), np.eye(3)))


def test_a_blank_photograph_is_rejected():
    with pytest.raises(DataError, match="0 features agree"):
        register(seen(surface(5), np.eye(3)), np.full((240, 320, 3), 99, np.uint8))


def test_a_photograph_from_much_farther_is_rejected():
    size = (800, 600)
    first = seen(surface(7, size), np.eye(3), size)
    with pytest.raises(DataError, match=r"at 0\.3\d times the scale of the first, expected 0\.5 to 2\.0"):
        register(first, cv2.resize(first, (280, 210), interpolation=cv2.INTER_AREA))


def test_too_little_in_common_is_rejected():
    scene = surface(8)
    with pytest.raises(DataError, match=r"both photographs show (1|2)\d% of the first one, expected 30% or more"):
        register(seen(scene, np.eye(3)), np.ascontiguousarray(seen(scene, np.eye(3))[:, :60]))


def test_a_surface_that_is_not_flat_is_rejected():
    """Parts are moved against each other by a wave, as a lens or an uneven surface does."""
    first = seen(surface(9), np.eye(3))
    x, y = np.meshgrid(np.arange(SIZE[0], dtype=np.float32), np.arange(SIZE[1], dtype=np.float32))
    second = cv2.remap(first, x + 9 * np.sin(y / 40), y + 9 * np.sin(x / 40), cv2.INTER_CUBIC)
    with pytest.raises(DataError, match=r"still differ by up to|do not show one place"):
        register(first, second)
