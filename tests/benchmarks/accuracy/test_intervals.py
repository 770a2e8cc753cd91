import json

import numpy as np
import pytest

from benchmarks.accuracy import intervals
from crackflow.statistics.ratios import ratio


def test_a_test_set_is_made_again_by_its_seed_and_another_model_sees_the_same_cracks():
    one, again, other = (intervals.made("uneven", 30, seed=5, model=model) for model in (0, 0, 1))
    for name in intervals.FIGURES:
        assert np.array_equal(one[name], again[name])
    assert np.array_equal(one["pooled_recall"][1], other["pooled_recall"][1])
    assert not np.array_equal(one["pooled_recall"][0], other["pooled_recall"][0])


def test_neither_model_is_better():
    old, new = (intervals.made("even", 20_000, seed=5, model=model)["pooled_iou"] for model in (0, 1))
    assert ratio(*old).value == pytest.approx(ratio(*new).value, abs=0.003)


def test_alarms_come_as_often_as_their_law_says():
    """A photograph's rate is of Beta(0.5, 2.5), whose mean is 0.5 / 3."""
    assert ratio(*intervals.made("even", 50_000, seed=1)["false_alarms_images"]).value == pytest.approx(1 / 6, abs=0.01)


def test_coverage_counts_the_intervals_that_hold_the_truth():
    ends = [(0.1, 0.3), (0.4, 0.6), (0.2, 0.5), (np.nan, np.nan)]
    assert intervals._summary(ends, 0.25) == {"coverage": 0.6667, "width": 0.2, "defined": 0.75}


def test_a_short_run_has_each_method_in_the_table():
    values = json.loads(json.dumps(intervals.measure(3, groups=[6], truth_groups=1000)))
    table = intervals.table(values)
    assert "| pooled iou | 6 |" in table
    assert "| difference of pooled IoU | 6 |" in table
    head = table.splitlines()[0]
    for method in ("t on log-odds", "percentile bootstrap", "BCa bootstrap", "bootstrap-t", "jackknife"):
        assert method in head
    assert "Share of 3 made test sets" in table
