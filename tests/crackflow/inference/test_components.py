"""crackflow/inference/components.py; the components are those of SciPy, which shares no code with it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from crackflow.inference.components import components, filtered_foreground


def by_scipy(score, threshold, smallest_area, peak):
    labels, number = ndimage.label(score > threshold, np.ones((3, 3)))
    index = np.arange(1, number + 1)
    large = ndimage.sum_labels(labels > 0, labels, index) >= smallest_area
    sure = np.array(ndimage.maximum(score, labels, index)) > peak
    return np.isin(labels, index[large & sure])


@settings(max_examples=30, deadline=None)
@given(
    height=st.integers(1, 30),
    width=st.integers(1, 20),
    rows=st.integers(1, 12),
    dense=st.floats(0, 0.6),
    smallest=st.integers(0, 9),
    seed=st.integers(0, 99),
)
def test_strips_of_any_height_leave_what_the_whole_leaves(height, width, rows, dense, smallest, seed):
    rng = np.random.default_rng(seed)
    score = (rng.integers(1, 100, (height, width)) * (rng.random((height, width)) < dense)).astype(np.uint16)
    found = filtered_foreground(score, 20, smallest, 70, at_a_time=rows * width)
    np.testing.assert_array_equal(found, by_scipy(score, 20, smallest, 70))


@pytest.mark.parametrize("turned", [False, True])
def test_strips_that_touch_at_a_corner_are_joined_in_either_direction(turned):
    """A diagonal of 8 px in strips of one row each."""
    score = np.fliplr(np.eye(8, dtype=np.float32)) if turned else np.eye(8, dtype=np.float32)
    assert filtered_foreground(score, 0.5, 8, 0, at_a_time=8).sum() == 8
    assert not filtered_foreground(score, 0.5, 9, 0, at_a_time=8).any()


def test_a_snake_through_all_strips_is_one_component():
    """A line that winds down and up again through 6 strips of 4 rows, at its end sure."""
    score = np.zeros((24, 7), np.float32)
    score[:, [1, 5]] = 0.6
    score[23, 2:5] = 0.6
    score[0, 5] = 0.9
    area = 24 + 24 + 3
    assert filtered_foreground(score, 0.5, area, 0.8, at_a_time=28).sum() == area
    assert not filtered_foreground(score, 0.5, area + 1, 0.8, at_a_time=28).any()
    assert not filtered_foreground(score, 0.5, area, 0.95, at_a_time=28).any()
    # without the sure pixel, both arms go
    score[0, 5] = 0.6
    assert not filtered_foreground(score, 0.5, 0, 0.8, at_a_time=28).any()


@pytest.mark.parametrize(("threshold", "peak"), [(65536, 0), (30000.7, 65536)])
def test_above_the_highest_level_there_is_nothing(threshold, peak):
    assert not filtered_foreground(np.full((3, 3), 65535, np.uint16), threshold, 0, peak).any()


def test_a_peak_is_compared_as_a_number_of_the_scores_own_type():
    """In float32 0.1 is 0.100000001, which is above 0.1 but not above itself."""
    assert not filtered_foreground(np.full((2, 2), 0.1, np.float32), 0.05, 0, 0.1).any()


def test_labels_areas_and_peaks_of_an_image():
    found = components(np.array([[9, 0, 4], [0, 8, 0], [0, 0, 0], [5, 5, 0]], np.uint16), 3)
    # 9, 8 and 4 touch at corners
    assert found.labels.tolist() == [[1, 0, 1], [0, 1, 0], [0, 0, 0], [2, 2, 0]]
    assert (found.areas.tolist(), found.peaks.tolist()) == ([3, 2], [9, 5])
