import numpy as np

from crackflow.imaging.on_disk import arrays_on_disk
from crackflow.inference.looks import Look, at_several_scales, in_squares


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
