import math

import numpy as np
import pytest
from sklearn.metrics import precision_recall_curve

from crackflow.errors import DataError, ModelError
from crackflow.evaluation import thresholds
from crackflow.evaluation.metrics import Counts, counts, f1, iou, per_image, pooled
from crackflow.inference.operating_point import OperatingPoint, classify


def two_classes(crack):
    crack = np.asarray(crack, np.float32)
    return np.stack([1 - crack, crack], axis=-1)


def counted(pairs):
    return thresholds.counts_at(np.stack([thresholds.levels(probabilities, truth) for probabilities, truth in pairs]))


@pytest.fixture
def pairs():
    """Five pictures with noisy scores that follow truth; the last is crack-free."""
    rng = np.random.default_rng(5)
    truths = (rng.random((5, 12, 12)) < 0.2).astype(np.uint8)
    truths[4] = 0
    crack = np.clip(0.35 * truths + rng.random(truths.shape) * 0.6, 0, 1)
    return [(two_classes(c), t) for c, t in zip(crack, truths, strict=True)]


@pytest.mark.parametrize("classes", [2, 4])
def test_counts_at_every_threshold_are_those_of_classify(classes):
    rng = np.random.default_rng(classes)
    probabilities = rng.dirichlet(np.ones(classes), (16, 16)).astype(np.float32)
    # Values that sit on thresholds, and the ends.
    probabilities[0, :, 0] = 1 - np.arange(16, dtype=np.float32) / 256
    probabilities[1, :8, 0], probabilities[1, 8:, 0] = 0, 1
    truth = rng.integers(0, classes, (16, 16)).astype(np.uint8)
    at = counted([(probabilities, truth)])
    for index, threshold in enumerate(thresholds.THRESHOLDS):
        expected = counts(classify(probabilities, OperatingPoint(threshold)), truth)
        assert (at.tp[0, index], at.fp[0, index], at.fn[0, index], at.tn[0, index]) == (
            expected.tp,
            expected.fp,
            expected.fn,
            expected.tn,
        )


def test_levels_hold_every_pixel_once(pairs):
    for probabilities, truth in pairs:
        found = thresholds.levels(probabilities, truth)
        assert found.shape == (2, 257)
        assert found.sum(axis=1).tolist() == [(truth == 0).sum(), (truth == 1).sum()]


def test_choose_maximises_what_was_asked(pairs):
    at = counted(pairs)
    for metric, figures in (
        ("pooled_iou", pooled(iou, at)),
        ("per_image_iou", per_image(iou, at)),
        ("pooled_f1", pooled(f1, at)),
    ):
        chosen = thresholds.choose_threshold(at, metric)
        masks = [classify(probabilities, OperatingPoint(chosen.threshold)) for probabilities, _ in pairs]
        again = Counts.stack(counts(mask, truth) for mask, (_, truth) in zip(masks, pairs, strict=True))
        ratio, reduce = (f1 if metric.endswith("f1") else iou), (per_image if metric.startswith("per") else pooled)
        assert chosen.value == figures.max() == reduce(ratio, again)


def test_of_equal_thresholds_the_one_nearest_to_a_half_is_chosen():
    # Any threshold from 0.25 to just under 0.75 separates the two pixels.
    at = counted([(two_classes([[0.25, 0.75]]), np.array([[0, 1]], np.uint8))])
    assert thresholds.choose_threshold(at, "pooled_iou") == (0.5, 1.0)
    # And here any from 0.625 to just under 0.75.
    at = counted([(two_classes([[0.625, 0.75]]), np.array([[0, 1]], np.uint8))])
    assert thresholds.choose_threshold(at, "pooled_iou") == (0.625, 1.0)


def test_a_crack_of_which_half_is_found_at_every_threshold_can_be_chosen_on():
    at = counted([(two_classes([[0, 1]]), np.array([[1, 1]], np.uint8))])
    assert thresholds.choose_threshold(at, "pooled_iou") == (0.5, 0.5)


def test_nothing_can_be_chosen_without_a_crack():
    at = counted([(two_classes([[0.5]]), np.array([[0]], np.uint8))] * 3)
    with pytest.raises(DataError, match="3 valid images without a crack pixel"):
        thresholds.choose_threshold(at, "per_image_iou")


def test_a_diverged_model_is_named():
    with pytest.raises(ModelError, match="NaN"):
        thresholds.levels(two_classes([[np.nan]]), np.array([[0]], np.uint8))


def test_oracles_by_hand():
    # First picture: best at 0.5 <= t < 0.75 with F1 1. Second: best below 0.25 with F1 1; at 0.5 it finds nothing.
    first = (two_classes([[0.5, 0.75]]), np.array([[0, 1]], np.uint8))
    second = (two_classes([[0.0, 0.25]]), np.array([[0, 1]], np.uint8))
    free = (two_classes([[0.0, 0.0]]), np.array([[0, 0]], np.uint8))
    at = counted([first, second, free])
    assert thresholds.ois_f1(at) == 1
    # Below 0.25: tp 2, fp 1, fn 0, F1 4/5. From 0.5 on: tp 1, fp 0, fn 1, F1 2/3.
    assert thresholds.ods_f1(at) == pytest.approx(4 / 5)


def test_the_best_threshold_of_each_image_is_its_own():
    # The crack pixel is the darker one: both pixels below 0.25 (tp 1, fp 1, F1 2/3), from there on fp alone or nothing.
    turned = (two_classes([[0.5, 0.25]]), np.array([[0, 1]], np.uint8))
    right = (two_classes([[0.5, 0.75]]), np.array([[0, 1]], np.uint8))
    assert thresholds.ois_f1(counted([turned, right])) == pytest.approx((2 / 3 + 1) / 2)


def test_the_best_pooled_f1_is_that_of_scikit_learns_curve():
    rng = np.random.default_rng(11)
    truth = (rng.random((32, 32)) < 0.3).astype(np.uint8)
    # Scores in the middle of a level, so that 256 thresholds lose nothing.
    crack = (np.clip(rng.normal(90 + 60 * truth, 40), 0, 255).astype(int) + 0.5) / 256
    right, found, _ = precision_recall_curve(truth.ravel(), crack.ravel())
    best = (2 * right * found / np.maximum(right + found, 1e-12)).max()
    assert thresholds.ods_f1(counted([(two_classes(crack), truth)])) == pytest.approx(best)


def test_oracles_are_undefined_without_cracks():
    at = counted([(two_classes([[0.5]]), np.array([[0]], np.uint8))])
    assert math.isnan(thresholds.ods_f1(at))
    assert math.isnan(thresholds.ois_f1(at))
