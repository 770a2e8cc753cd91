import math

import cv2
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from skimage.measure import label

from crackflow.imaging.thin_lines import coverage, scale_lines

SIDES = st.integers(8, 96)


def component_count(mask):
    return int(label(mask, connectivity=2).max())


def walk(height, width, seed, steps=80, turn=0.6):
    """A line of one pixel, 8-connected, that wanders: a step of one pixel each time, in a direction that drifts."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((height, width), np.uint8)
    row, column, angle = rng.uniform(0, height), rng.uniform(0, width), rng.uniform(0, 2 * math.pi)
    for _ in range(steps):
        mask[int(row), int(column)] = 255
        angle += rng.normal(0, turn)
        reach = max(abs(math.cos(angle)), abs(math.sin(angle)))
        # one pixel along the longer axis, so that no pixel is skipped
        row += math.sin(angle) / reach
        column += math.cos(angle) / reach
        if not (0 <= row < height and 0 <= column < width):
            break
    return mask


def straight(side, angle, width):
    """A line through the middle, `width` px across: the pixels whose middle is that near to it."""
    rows, columns = np.mgrid[:side, :side] + 0.5 - side / 2 + 0.1
    along = columns * math.cos(angle) + rows * math.sin(angle)
    across = rows * math.cos(angle) - columns * math.sin(angle)
    return np.where((abs(across) < width / 2) & (abs(along) < 0.4 * side), np.uint8(255), np.uint8(0))


@settings(deadline=None)
@given(source=st.tuples(SIDES, SIDES), target=st.tuples(SIDES, SIDES), seed=st.integers(0, 9))
@example(source=(8, 12), target=(8, 34), seed=0)
def test_coverage_is_the_share_of_each_square(source, target, seed):
    mask = np.random.default_rng(seed).integers(0, 2, source).astype(np.uint8) * np.uint8(255)
    # how much of source pixel j lies in target pixel i, along one axis: the overlap of two intervals
    weights = []
    for many, few in zip(source, target, strict=True):
        edges = np.arange(few + 1)[:, None] * many / few
        low, high = np.maximum(edges[:-1], np.arange(many)), np.minimum(edges[1:], np.arange(many) + 1)
        weights.append(np.clip(high - low, 0, None) * few / many)
    expected = weights[0] @ mask @ weights[1].T
    assert abs(coverage(mask, *target) - expected).max() <= 2


@settings(max_examples=300, deadline=None)
@given(source=st.tuples(SIDES, SIDES), target=st.tuples(SIDES, SIDES), seed=st.integers(0, 10_000))
def test_a_wandering_line_of_one_pixel_stays_in_one_piece(source, target, seed):
    mask = walk(*source, seed)
    assert component_count(mask) == 1
    assert component_count(scale_lines(mask, *target)) == 1


@pytest.mark.parametrize("width", [1, 1.5, 2])
@pytest.mark.parametrize("degrees", [10, 25, 40, 55, 70, 85, 100, 130])
@pytest.mark.parametrize("target", [(72, 54), (60, 60), (110, 128)])
def test_a_line_keeps_its_area_and_its_length(width, degrees, target):
    mask = straight(96, math.radians(degrees), width)
    found = scale_lines(mask, *target)
    scales = target[0] / 96, target[1] / 96
    wanted = (mask > 0).sum() * scales[0] * scales[1]
    # the least that is unbroken: a pixel in each row or each column, whichever are more
    least = max(np.flatnonzero((mask > 0).any(axis=1 - axis)).size * scales[axis] for axis in (0, 1))
    assert wanted * 0.98 - 1 <= found.sum() <= max(wanted * 1.02, least) + 2
    assert component_count(found) == 1
    # one component from end to end; an end may be a pixel further in or out
    across = [np.ptp(np.flatnonzero(found.any(axis=1 - axis))) / scales[axis] for axis in (0, 1)]
    before = [np.ptp(np.flatnonzero((mask > 0).any(axis=1 - axis))) for axis in (0, 1)]
    assert abs(np.hypot(*across) / np.hypot(*before) - 1) < 0.05


def test_a_line_that_has_to_be_thicker_is_one_pixel_wide():
    mask = np.zeros((60, 80), np.uint8)
    mask[:, 33] = 255
    found = scale_lines(mask, 60, 40)
    assert found.sum() == 60
    # column 33 is the second half of 16
    assert found[:, 16].all()


def test_a_line_of_two_pixels_that_falls_on_the_edge_of_two_is_no_wider_than_its_area():
    mask = np.zeros((60, 90), np.uint8)
    mask[:, 44:46] = 255
    # 2 * 60 / 90 = 1.33 px wide, two thirds of a pixel on each side of 30
    found = scale_lines(mask, 60, 60)
    assert found.sum() == 80
    assert found[:, 29:31].any(axis=1).all()
    assert component_count(found) == 1


@settings(deadline=None)
@given(target=st.tuples(SIDES, SIDES), radius=st.integers(12, 30))
def test_what_is_thick_is_the_majority_of_each_pixel(target, radius):
    mask = np.zeros((80, 70), np.uint8)
    cv2.circle(mask, (35, 40), radius, 255, -1)
    share = coverage(mask, *target)
    core = cv2.erode(share, np.ones((3, 3), np.uint8)) >= 253
    thick = cv2.dilate(core.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    found = scale_lines(mask, *target)
    assert found[thick & (share > 127)].all()
    # a pixel below half stays only where something thinner hangs on it
    assert (found & thick & (share <= 127)).sum() <= (thick & (share > 127)).sum() * 0.02 + 2


def test_a_thick_shape_is_not_thinned_for_a_line_that_has_to_be_thicker():
    mask = np.zeros((120, 120), np.uint8)
    mask[20:60, 20:60] = 255
    block = scale_lines(mask, 60, 60)
    assert block.sum() == 20 * 20
    mask[:, 90] = 255
    found = scale_lines(mask, 60, 60)
    np.testing.assert_array_equal(found[:, :40], block[:, :40])
    assert found[:, 40:].sum() == 60


def test_nothing_is_changed_at_the_same_size():
    mask = np.random.default_rng(0).integers(0, 2, (40, 30)).astype(np.uint8) * np.uint8(255)
    np.testing.assert_array_equal(scale_lines(mask, 40, 30), mask > 0)


@pytest.mark.parametrize("target", [(8, 8), (64, 64)])
def test_nothing_and_everything_stay_so(target):
    assert not scale_lines(np.zeros((32, 48), np.uint8), *target).any()
    assert scale_lines(np.full((32, 48), 255, np.uint8), *target).all()


def test_a_hole_stays_open():
    mask = np.zeros((60, 60), np.uint8)
    cv2.circle(mask, (30, 30), 14, 255, 2)
    found = scale_lines(mask, 40, 40)
    assert label(~found, connectivity=1).max() == 2
