import math

import cv2
import numpy as np
import pytest

from crackflow.errors import ImageError
from crackflow.geometry.cracks import WIDTH_CLASSES, GeometryOptions, measure


def bar(height=5, left=10, right=50, size=(64, 80)):
    mask = np.zeros(size, np.uint8)
    mask[20 : 20 + height, left:right] = 255
    return mask


@pytest.mark.parametrize("height", [1, 2, 4, 5, 8])
def test_a_bar(height):
    mask = bar(height)
    probability = np.where(mask > 0, np.float32(0.75), np.float32(0.1))
    network = measure(mask, probability=probability)
    (crack,) = network.cracks
    assert crack.length_px == pytest.approx(40, abs=0.6)
    assert crack.mask_width_px.mean == pytest.approx(height, abs=0.1)
    assert crack.mask_width_px.max == pytest.approx(height, abs=0.1)
    assert (crack.branches, crack.ends, crack.junctions) == (1, 2, 0)
    assert (crack.area_px, crack.box, crack.number) == (40 * height, (10, 20, 40, height), 1)
    assert crack.confidence == pytest.approx(0.75)
    assert crack.tortuosity == pytest.approx(1, abs=0.01)
    assert min(crack.orientation_deg, 180 - crack.orientation_deg) < 2
    assert (crack.optical_width_px, crack.width_kind, crack.width_px) == (None, "mask", crack.mask_width_px)
    # 2 and 5 stand at a limit
    assert crack.width_class in {1: ["hairline"], 4: ["fine"], 8: ["medium"]}.get(height, WIDTH_CLASSES)
    (path,) = crack.path
    assert path.dtype == np.int32
    assert abs(path[:, 1] - (20 + (height - 1) / 2)).max() <= 1
    # columns 10 to 49; both cells of 50 px in the upper row
    assert network.size == (80, 64)
    assert network.total_length_px == crack.length_px
    assert network.density_per_px == crack.length_px / (64 * 80)
    assert network.cells_with_crack in (1 / 4, 2 / 4)


@pytest.mark.parametrize(("ends", "degrees"), [(((10, 50), (50, 10)), 45), (((10, 10), (50, 50)), 135)])
def test_orientation_as_people_see_it(ends, degrees):
    mask = cv2.line(np.zeros((64, 64), np.uint8), *ends, 255, 3)
    (crack,) = measure(mask).cracks
    assert crack.orientation_deg == pytest.approx(degrees, abs=1)


def test_a_circle():
    mask = cv2.circle(np.zeros((100, 100), np.uint8), (50, 50), 35, 255, 3)
    network = measure(mask)
    (crack,) = network.cracks
    assert crack.length_px == pytest.approx(70 * math.pi, rel=0.01)
    assert crack.tortuosity == pytest.approx(math.pi / 2, rel=0.02)
    assert (crack.branches, crack.ends, crack.junctions, network.enclosed_blocks) == (1, 0, 0, 1)


def test_a_grid_encloses_blocks():
    mask = np.zeros((100, 100), np.uint8)
    mask[[20, 50, 80]] = 255
    mask[:, [30, 70]] = 255
    network = measure(mask)
    (crack,) = network.cracks
    # 3 rows and 2 columns: 6 crossings, two blocks between them; those that the border closes are none
    assert (crack.junctions, network.enclosed_blocks) == (6, 2)
    assert crack.length_px == pytest.approx(500, abs=5)
    assert network.cells_with_crack == 1


def test_a_bent_way():
    mask = cv2.polylines(np.zeros((80, 80), np.uint8), [np.array([(10, 10), (10, 60), (60, 60)])], False, 255, 1)
    (crack,) = measure(mask).cracks
    # 100 px along two sides of a square of 50; the corner is rounded off
    assert crack.tortuosity == pytest.approx(math.sqrt(2), rel=0.02)


def photograph(mask, floor=6.0, blur=0.8):
    """A dark line of 3 px in the middle of the bar, with grain."""
    dark = np.zeros(mask.shape, np.float32)
    dark[23:26, :] = mask[23:26, :] / 255
    grey = 120 - (120 - floor) * dark + np.random.default_rng(0).normal(0, 2, mask.shape)
    return np.clip(cv2.GaussianBlur(grey.astype(np.float32), (0, 0), blur), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("turn", [0, 1])
@pytest.mark.parametrize("layers", [1, 3])
def test_optical_width_in_a_wide_label(turn, layers):
    mask = bar(9)
    grey = np.rot90(photograph(mask), turn)
    pixels = np.ascontiguousarray(grey if layers == 1 else np.repeat(grey[..., None], 3, axis=2))
    (crack,) = measure(np.ascontiguousarray(np.rot90(mask, turn)), pixels).cracks
    assert crack.mask_width_px.mean == pytest.approx(9, abs=0.1)
    assert crack.optical_width_px.mean == pytest.approx(3, abs=0.25)
    assert (crack.width_kind, crack.width_px) == ("optical", crack.optical_width_px)
    assert crack.width_class == "fine"
    x, y = crack.widest_at
    assert mask.T[x, y] if turn == 0 else np.rot90(mask)[y, x]


@pytest.mark.parametrize("floor", [120.0, 220.0])
def test_no_optical_width_without_a_dark_line(floor):
    mask = bar(9)
    (crack,) = measure(mask, photograph(mask, floor)).cracks
    assert (crack.optical_width_px, crack.width_kind) == (None, "mask")


@pytest.mark.parametrize("seed", range(4))
def test_grain_is_no_crack(seed):
    """A label 19 px wide on a rough surface: the darkest grain is elsewhere in every profile."""
    grain = np.random.default_rng(seed).normal(120, 25, (64, 120))
    rough = np.clip(cv2.GaussianBlur(grain.astype(np.float32), (0, 0), 0.6), 0, 255).astype(np.uint8)
    (crack,) = measure(bar(19, 10, 110, (64, 120)), rough).cracks
    assert crack.optical_width_px is None


def test_the_longest_first_and_the_short_ones_not_at_all():
    mask = bar(3) | np.roll(bar(3, 10, 70), 20, axis=0) | np.roll(bar(3, 10, 25), 35, axis=0)
    network = measure(mask)
    assert [(crack.number, round(crack.length_px)) for crack in network.cracks] == [(1, 60), (2, 40)]
    assert network.total_length_px == pytest.approx(100, abs=1.5)
    assert len(measure(mask, options=GeometryOptions(min_length_px=10)).cracks) == 3


def test_confidence_by_levels_is_that_by_probabilities():
    mask = bar(3)
    probability = np.where(mask > 0, np.float32(0.75), np.float32(0.125))
    levels = (probability * 65536).astype(np.uint16)
    assert [measure(mask, probability=one).cracks[0].confidence for one in (levels, probability)] == [0.75, 0.75]


@pytest.mark.parametrize("empty", [np.zeros((5, 7), np.uint8), np.zeros((1, 1), np.bool_)])
def test_nothing(empty):
    network = measure(empty, empty.astype(np.uint8), empty.astype(np.float32))
    assert (network.cracks, network.total_length_px, network.density_per_px) == ((), 0, 0)
    assert (network.enclosed_blocks, network.cells_with_crack, network.size) == (0, 0, empty.shape[::-1])


def test_a_mask_that_is_all_crack():
    (crack,) = measure(np.ones((30, 60), np.bool_)).cracks
    assert crack.area_px == 1800
    assert crack.mask_width_px.mean == pytest.approx(30, abs=1.5)


@pytest.mark.parametrize(
    ("mask", "photo", "probability", "named"),
    [
        (np.zeros((4, 4), np.float32), None, None, "mask of float32"),
        (np.zeros((4, 4, 1), np.uint8), None, None, "mask of uint8"),
        (np.zeros((0, 4), np.uint8), None, None, "mask of uint8"),
        (np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8), None, "photograph of uint8"),
        (np.zeros((4, 4), np.uint8), np.zeros((4, 4, 4), np.uint8), None, "photograph of uint8"),
        (np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint16), None, "photograph of uint16"),
        (np.zeros((4, 4), np.uint8), None, np.zeros((4, 4)), "probability of float64"),
    ],
)
def test_arrays_that_can_not_be_used(mask, photo, probability, named):
    with pytest.raises(ImageError, match=named):
        measure(mask, photo, probability)
