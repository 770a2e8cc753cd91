import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from crackflow.evaluation import component_filter
from crackflow.evaluation.metrics import Counts, counts, iou, pooled
from crackflow.evaluation.thresholds import THRESHOLDS
from crackflow.inference.operating_point import OperatingPoint, classify, fine_levels


def two_classes(crack):
    crack = np.asarray(crack, np.float32)
    return np.stack([1 - crack, crack], axis=-1)


def test_the_grid_starts_with_no_filter_and_holds_what_levels_can_tell():
    assert component_filter.GRID[0].tolist() == [0, 0]
    peaks = component_filter.GRID[:, 1] * component_filter.SCALE
    assert (peaks == peaks.round()).all()
    assert peaks.max() == component_filter.SCALE - 2
    assert len(np.unique(component_filter.GRID, axis=0)) == len(component_filter.GRID)


@settings(max_examples=40, deadline=None)
@given(
    data=st.data(),
    threshold=st.sampled_from(list(THRESHOLDS)),
    shape=st.tuples(st.integers(1, 12), st.integers(1, 12)),
)
def test_levels_and_floats_agree_at_every_threshold_and_peak(data, threshold, shape):
    """Values at, just below and just above every peak and threshold, 0 and 1 among them."""
    steps = data.draw(arrays.arrays(np.int64, shape, elements=st.integers(0, component_filter.SCALE)))
    nudge = data.draw(arrays.arrays(np.int64, shape, elements=st.integers(-1, 1)))
    crack = np.float32(steps / component_filter.SCALE)
    crack = np.clip(np.where(nudge == 0, crack, np.nextafter(crack, np.float32(nudge))), 0, 1).astype(np.float32)
    level = fine_levels(two_classes(crack))
    score = 1 - two_classes(crack)[..., 0]
    for value in (threshold, *np.unique(component_filter.GRID[:, 1])):
        assert ((level > value * component_filter.SCALE) == (score > np.float32(value))).all()


@pytest.mark.parametrize("threshold", [0.0, 0.25, 0.5, 255 / 256])
def test_counts_of_every_filter_are_those_of_classify(threshold):
    """Blobs of many sizes and heights in 512 x 128 px, so that both ends of the grid remove and keep."""
    rng = np.random.default_rng(7)
    rows, columns = np.mgrid[:128, :512]
    crack = np.zeros((128, 512))
    for _ in range(40):
        row, column, radius = rng.integers(0, 128), rng.integers(0, 512), rng.uniform(1, 22)
        height = 1 / (1 + np.exp(-rng.uniform(-1, 12)))
        distance = np.hypot(rows - row, columns - column) / radius
        crack = np.maximum(crack, height * np.clip(1.5 - distance, 0, 1))
    probabilities = two_classes(np.clip(crack, 0, 1))
    truth = (rng.random(crack.shape) < 0.3).astype(np.uint8)
    taken = component_filter.image_components(fine_levels(probabilities), truth, threshold)
    at = component_filter.counts_by_filter([taken], component_filter.grid_for(taken.pixels))
    # above 0 the blobs are one; else the grid has much to tell apart
    assert len(set(at.tp[0].tolist())) > (5 if threshold else 0)
    for index in range(0, len(component_filter.GRID), 3):
        area, peak = component_filter.GRID[index] * [512 * 128 / 512**2, 1]
        expected = counts(classify(probabilities, OperatingPoint(threshold, area, peak)), truth)
        found = (at.tp[0, index], at.fp[0, index], at.fn[0, index], at.tn[0, index])
        assert found == (expected.tp, expected.fp, expected.fn, expected.tn)


def test_an_image_without_foreground_has_no_components():
    taken = component_filter.image_components(np.zeros((4, 4), np.uint16), np.eye(4, dtype=np.uint8), 0.5)
    assert taken.areas.tolist() == taken.right.tolist() == []
    at = component_filter.counts_by_filter([taken], component_filter.grid_for(taken.pixels))
    assert (set(at.tp[0]), set(at.fp[0]), set(at.fn[0]), set(at.tn[0])) == ({0}, {0}, {4}, {12})
    assert {part.dtype for part in (at.tp, at.fp, at.fn, at.tn)} == {np.dtype(np.int64)}


def test_the_table_holds_the_figures_of_the_counts():
    """A crack found at 0.9, 200 px of 512 x 512; a crack-free image with 150 px at 0.6."""
    pictures = []
    for cracked, area, height in ((True, 200, 0.9), (False, 150, 0.6)):
        level, truth = np.zeros((512, 512), np.uint16), np.zeros((512, 512), np.uint8)
        level[5, :area], truth[5, :area] = int(height * component_filter.SCALE), cracked
        pictures.append(component_filter.image_components(level, truth, 0.5))
    grid = component_filter.grid_for(512**2)
    table = component_filter.filter_table(
        component_filter.counts_by_filter(pictures, grid), grid, "pooled_iou"
    ).set_index(["smallest_area", "peak"])
    nothing = table.loc[(0, 0)]
    assert nothing.to_dict() == {"pooled_iou": 200 / 350, "positives_iou": 1, "recall": 1, "false_alarms": 1}
    assert table.loc[(180, 0)].to_dict() == {
        "pooled_iou": 1,
        "positives_iou": 1,
        "recall": 1,
        "false_alarms": 0,
    }
    assert table.loc[(0, 0.75)].to_dict() == {"pooled_iou": 1, "positives_iou": 1, "recall": 1, "false_alarms": 0}
    assert table.loc[(250, 0)].to_dict() == {
        "pooled_iou": 0,
        "positives_iou": 0,
        "recall": 0,
        "false_alarms": 0,
    }


def made_table(*rows):
    return pd.DataFrame(rows, columns=["smallest_area", "peak", "pooled_iou", "positives_iou", "false_alarms"])


TABLE = made_table(
    (0.0, 0.0, 0.60, 0.5, 0.8),
    (0.0, 0.9, 0.60, 0.5, 0.1),
    (0.1, 0.0, 0.61, 0.5, 0.2),
    (0.1, 0.9, 0.60, 0.5, 0.1),
    (0.2, 0.9, 0.57, 0.5, 0.0),
)


def test_within_the_target_the_best_figure_is_taken_and_of_equals_the_mildest():
    found = component_filter.choose_filter(TABLE, "pooled_iou", 0.1, 0.02)
    assert found[:4] == (0.0, 0.9, 0.60, 0.1)
    assert found.outcome == "false alarms are within the target of 0.1"
    assert component_filter.choose_filter(TABLE, "pooled_iou", 0.2, 0.02)[:4] == (0.1, 0.0, 0.61, 0.2)


def test_a_target_that_costs_too_much_is_missed_by_as_little_as_can_be_had():
    found = component_filter.choose_filter(TABLE, "pooled_iou", 0.05, 0.02)
    assert found[:4] == (0.0, 0.9, 0.60, 0.1)
    assert "the target of 0.05 is missed" in found.outcome
    assert component_filter.choose_filter(TABLE, "pooled_iou", 0.05, 0.04)[:4] == (0.2, 0.9, 0.57, 0.0)


def test_a_filter_that_costs_nothing_is_taken_where_nothing_may_be_lost():
    assert component_filter.choose_filter(TABLE, "pooled_iou", 0.1, 0.0)[:4] == (0.0, 0.9, 0.60, 0.1)


def test_thin_cracks_count_as_much_as_the_pooled_figure():
    """The second pair pools better and loses more of the mean over images with cracks than it gains."""
    table = made_table((0.0, 0.0, 0.60, 0.50, 0.8), (0.1, 0.0, 0.62, 0.46, 0.1), (0.0, 0.9, 0.60, 0.49, 0.1))
    assert component_filter.choose_filter(table, "pooled_iou", 0.1, 0.05)[:4] == (0.0, 0.9, 0.60, 0.1)


def test_the_cost_bounds_the_mean_over_images_with_cracks_too():
    table = made_table((0.0, 0.0, 0.60, 0.50, 0.8), (0.1, 0.9, 0.62, 0.47, 0.1), (0.0, 0.9, 0.60, 0.49, 0.4))
    found = component_filter.choose_filter(table, "pooled_iou", 0.1, 0.02)
    assert found[:4] == (0.0, 0.9, 0.60, 0.4)
    assert "more than 0.02 of pooled_iou or of positives_iou" in found.outcome


def test_the_filter_can_be_switched_off():
    found = component_filter.choose_filter(TABLE, "pooled_iou", 1.0, 0.02)
    assert found[:4] == (0, 0, 0.60, 0.8)
    assert "switched off" in found.outcome


def test_without_crack_free_images_nothing_is_removed_and_that_is_said():
    found = component_filter.choose_filter(TABLE.assign(false_alarms=math.nan), "pooled_iou", 0.1, 0.02)
    assert found[:3] == (0, 0, 0.60)
    assert math.isnan(found.false_alarms)
    assert "no crack-free images" in found.outcome


@pytest.mark.filterwarnings("error")
def test_false_alarms_are_not_defined_without_crack_free_images():
    taken = component_filter.image_components(np.full((4, 4), 60000, np.uint16), np.ones((4, 4), np.uint8), 0.5)
    grid = component_filter.grid_for(taken.pixels)
    at = component_filter.counts_by_filter([taken], grid)
    assert component_filter.filter_table(at, grid, "pooled_iou")["false_alarms"].isna().all()
    assert pooled(iou, Counts(at.tp[:, 0], at.fp[:, 0], at.fn[:, 0], at.tn[:, 0])) == 1
