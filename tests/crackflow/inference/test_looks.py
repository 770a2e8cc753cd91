import cv2
import numpy as np

from crackflow.imaging.on_disk import arrays_on_disk
from crackflow.inference.looks import Look, at_own_size, at_several_scales, in_squares, squeezed
from crackflow.inference.photographs import look_at


def test_the_mean_over_three_scales():
    """A look at half the size says 3000; at 0.4 and 0.625 times it is 1/4 and 1/2: 16384 and 32768."""
    sizes = []

    def function(squares):
        sizes.append(squares.shape[1:3])
        return np.full((*squares.shape[:3], 1), 0.25 if len(sizes) == 1 else 0.5, np.float32)

    photo = np.zeros((40, 60, 3), np.uint8)
    look = Look(0.5, np.full((1, 20, 30), 3000, np.uint16))
    found = at_several_scales(function, photo, look, side=64)
    assert (found.scale, found.planes.shape, found.planes.dtype) == (0.5, (1, 40, 60), np.uint16)
    assert np.unique(found.planes).tolist() == [(3000 + 16384 + 32768) // 3]
    assert len(sizes) == 2
    # the look itself is left as it was
    assert np.unique(look.planes).tolist() == [3000]


def test_planes_on_the_disk_are_those_in_memory():
    photo = np.random.default_rng(0).integers(0, 256, (50, 70, 3)).astype(np.uint8)

    def red(squares):
        return squares[..., :1] / np.float32(256)

    with arrays_on_disk("a.tif") as disk:
        on_disk = in_squares(red, photo, 1.0, 16, disk)
        assert disk.used
        np.testing.assert_array_equal(on_disk.planes, in_squares(red, photo, 1.0, 16).planes)


SIDE = 32


def red(squares):
    """A model to which a pixel is crack as much as it is red."""
    return squares[..., :1].astype(np.float32) / 256


def strip():
    photo = np.zeros((16, 64, 3), np.uint8)
    photo[4:8, 40:, 0] = 255
    return photo


def test_the_parts_of_a_strip_are_looked_at_one_by_one_and_lie_where_they_were():
    look = squeezed(red, strip(), SIDE, "tile")
    # four squares of 16 px, each twice as large
    assert look.planes.shape == (1, SIDE, 4 * SIDE)
    assert look.scale == 2
    found = at_own_size(look, 16, 64)[0] > 2**15
    np.testing.assert_array_equal(found, strip()[..., 0] > 0)


def test_a_photograph_that_is_not_cut_is_looked_at_as_if_stretched():
    photo = cv2.resize(strip(), (18, 16))
    tile, stretch = (squeezed(red, photo, SIDE, mode) for mode in ("tile", "stretch"))
    np.testing.assert_array_equal(tile.planes, stretch.planes)
    assert tile.scale == stretch.scale


def test_a_strip_is_looked_at_as_its_training_parts_were_though_it_is_longer_than_a_square():
    assert look_at(red, strip(), SIDE, "tile").scale == 2
    # in its own pixels otherwise
    assert look_at(red, strip(), SIDE, "stretch").scale == 1
    assert look_at(red, np.zeros((40, 64, 3), np.uint8), SIDE, "tile").scale == 1
