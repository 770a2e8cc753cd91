"""crackflow/inference/batches.py, with a network that finds what is red."""

import numpy as np
import pytest

from crackflow.inference.batches import look_together, mark_small, small
from crackflow.inference.operating_point import OperatingPoint
from crackflow.inference.photographs import predict_photo

SIDE = 16


class Red:
    """P(crack) = red / 256, and each batch is noted."""

    input_shape = (None, SIDE, SIDE, 3)
    output_shape = (None, SIDE, SIDE, 2)

    def __init__(self):
        self.batches = []

    def predict_on_batch(self, x):
        self.batches.append(len(x))
        crack = x[..., :1] / np.float32(256)
        return np.concatenate([1 - crack, crack], axis=-1)


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


@pytest.mark.parametrize(
    ("size", "mode", "scale", "expected"),
    [
        ((16, 16), "stretch", "auto", True),
        ((9, 14), "letterbox", "auto", True),
        ((8, 20), "stretch", "fit", True),
        ((8, 20), "stretch", "auto", False),  # wider than the square: two squares of its own pixels
        ((17, 16), "stretch", "fit", False),  # more pixels than a square
        ((8, 20), "tile", "fit", False),  # three parts
        ((8, 8), "stretch", 2.0, True),
        ((8, 9), "stretch", 2.0, False),
        ((8, 8), "stretch", "several", False),
    ],
)
def test_small_is_what_is_looked_at_in_one_square(size, mode, scale, expected):
    found = small(noise(*size), SIDE, mode, scale)
    assert (found is not None) is expected
    assert found is None or found.square.shape == (SIDE, SIDE, 3)


@pytest.mark.parametrize("views", [1, 4])
@pytest.mark.parametrize(("mode", "scale"), [("stretch", "auto"), ("crop", "fit"), ("stretch", 0.75)])
def test_several_at_once_are_marked_as_each_alone(mode, scale, views):
    photos, point = [noise(9, 14, seed) for seed in range(3)], OperatingPoint(0.5, smallest_area=3)
    together, alone = Red(), Red()
    group = [small(photo, SIDE, mode, scale) for photo in photos]
    values = look_together(together, group, views)
    for photo, one, found in zip(photos, group, values, strict=True):
        expected = predict_photo(alone, photo, point, mode, scale, views)
        given = mark_small(one, found, point, mode, scale)
        assert given.classes.any()
        np.testing.assert_array_equal(given.classes, expected.classes)
        np.testing.assert_array_equal(given.probability, expected.probability)
        assert given.scale == expected.scale
    assert together.batches == [3] * views
