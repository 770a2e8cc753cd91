from typing import get_args

import numpy as np
import pytest

from crackflow.params import MetricName
from crackflow.training import metrics

pytestmark = pytest.mark.backend


def batch(truth, crack):
    crack = np.asarray(crack, "float32")
    return np.eye(2, dtype="float32")[np.asarray(truth)], np.stack([1 - crack, crack], -1)


def figure(name, *batches):
    (metric,) = metrics.make([name])
    for truth, predicted in batches:
        metric.update_state(truth, predicted)
    return float(metric.result())


def test_every_named_metric_is_there():
    assert set(metrics.METRICS) == set(get_args(MetricName))


def test_two_networks_do_not_share_a_metrics_sums():
    one, two = (metrics.make(["crack_iou"])[0] for _ in range(2))
    one.update_state(*batch([1, 1], [0.9, 0.1]))
    assert (float(one.result()), float(two.result())) == (0.5, 1.0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("crack_iou", 2 / 3), ("crack_f1", 4 / 5), ("crack_precision", 2 / 3), ("crack_recall", 1.0)],
)
def test_ratios_worked_in_the_docstring(name, expected):
    assert figure(name, batch([1, 0, 0, 1], [0.9, 0.8, 0.2, 0.6])) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", list(metrics.RATIOS))
def test_counts_are_pooled_whatever_the_batches(name):
    one, two = batch([1, 0, 0, 1], [0.9, 0.8, 0.2, 0.6]), batch([1, 1, 1, 1, 0], [0.9, 0.1, 0.2, 0.3, 0.6])
    together = tuple(np.concatenate(side) for side in zip(one, two, strict=True))
    assert figure(name, one, two) == pytest.approx(figure(name, together), abs=1e-6)
    assert figure(name, one, two) != pytest.approx((figure(name, one) + figure(name, two)) / 2, abs=1e-3)


@pytest.mark.parametrize("name", list(metrics.RATIOS))
def test_nothing_there_and_nothing_called_is_right(name):
    assert figure(name, batch([0, 0], [0.1, 0.2])) == 1.0


@pytest.mark.parametrize("name", list(metrics.RATIOS))
def test_nothing_called_where_there_is_a_crack_is_wrong_and_so_is_the_reverse(name):
    assert figure(name, batch([1, 1, 0], [0.1, 0.2, 0.3])) == 0.0
    assert figure(name, batch([0, 0, 0], [0.9, 0.2, 0.3])) == 0.0


def test_one_half_is_no_crack():
    assert figure("crack_recall", batch([1, 1], [0.5, 0.75])) == 0.5


def test_background_is_not_credited():
    """All background against one crack pixel in a thousand: the original's figure says 0.999, ours 0."""
    truth, predicted = batch([1] + [0] * 999, [0.0] * 1000)
    assert figure("crack_iou", (truth, predicted)) == 0.0
    assert float(metrics.dice_coef_multiclass(truth, predicted)) == pytest.approx(0.999, abs=1e-6)


def test_dice_coef_multiclass_is_the_mean_probability_of_the_right_class():
    truth, predicted = batch([1, 0, 0, 1], [0.9, 0.8, 0.2, 0.6])
    assert float(metrics.dice_coef_multiclass(truth, predicted)) == pytest.approx((0.9 + 0.2 + 0.8 + 0.6) / 4, abs=1e-6)


def test_any_foreground_class_counts_as_crack():
    truth = np.eye(3, dtype="float32")[[0, 1, 2]]
    assert figure("crack_iou", (truth, np.eye(3, dtype="float32")[[0, 2, 1]])) == 1.0
