import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

from crackflow.evaluation import metrics, original_metrics
from crackflow.evaluation.metrics import (
    Counts,
    by_image,
    counts,
    f1,
    iou,
    per_image,
    pooled,
    positives,
    precision,
    recall,
)

# Worked by hand.        truth    predicted  tp fp fn tn   IoU        F1         precision  recall
#   A, one in common     1 1 0 0  0 1 1 0     1  1  1  1   1/3        2/4        1/2        1/2
#   B, both empty        0 0 0 0  0 0 0 0     0  0  0  4   undefined  undefined  undefined  undefined
#   C, false alarm       0 0 0 0  1 0 0 0     0  1  0  3   0/1        0/2        0/1        undefined
#   D, missed            1 1 1 0  0 0 0 0     0  0  3  1   0/3        0/6        undefined  0/3
TRUTH = np.array([[[1, 1, 0, 0]], [[0, 0, 0, 0]], [[0, 0, 0, 0]], [[1, 1, 1, 0]]], np.uint8)
PREDICTED = np.array([[[0, 1, 1, 0]], [[0, 0, 0, 0]], [[1, 0, 0, 0]], [[0, 0, 0, 0]]], np.uint8)


@pytest.fixture
def four():
    return Counts.stack(counts(p, t) for p, t in zip(PREDICTED, TRUTH, strict=True))


def test_counts(four):
    assert four.tp.tolist() == [1, 0, 0, 0]
    assert four.fp.tolist() == [1, 0, 1, 0]
    assert four.fn.tolist() == [1, 0, 0, 3]
    assert four.tn.tolist() == [1, 4, 3, 1]


def test_counts_of_bool_and_of_classes_are_the_same():
    assert counts(PREDICTED[0] > 0, TRUTH[0] > 0) == counts(PREDICTED[0], TRUTH[0])


def test_counts_add_up():
    both = counts(PREDICTED[0], TRUTH[0]) + counts(PREDICTED[3], TRUTH[3])
    assert (both.tp, both.fp, both.fn, both.tn) == (1, 1, 4, 2)
    one, other = (Counts(*np.array(numbers)) for numbers in ([1, 2, 3, 4], [10, 20, 30, 40]))
    assert one + other == Counts(11, 22, 33, 44)


def test_totals_are_of_each_count_and_each_threshold():
    images = Counts(*(np.array([[1, 2], [30, 40]]) + 100 * place for place in range(4)))
    total = images.total()
    assert [part.tolist() for part in (total.tp, total.fp, total.fn, total.tn)] == [
        [31, 42],
        [231, 242],
        [431, 442],
        [631, 642],
    ]


def test_any_foreground_class_is_crack_unless_one_is_named():
    truth, predicted = np.array([[0, 1, 2, 2]], np.uint8), np.array([[0, 2, 2, 0]], np.uint8)
    anyone, second = counts(predicted, truth), counts(predicted, truth, of_class=2)
    assert (anyone.tp, anyone.fp, anyone.fn, anyone.tn) == (2, 0, 1, 1)
    assert (second.tp, second.fp, second.fn, second.tn) == (1, 1, 1, 1)


def test_other_shapes_are_rejected():
    with pytest.raises(ValueError, match="shape"):
        counts(PREDICTED[0], TRUTH)


@pytest.mark.parametrize(
    ("ratio", "values"),
    [
        (iou, [1 / 3, 9, 0, 0]),
        (f1, [1 / 2, 9, 0, 0]),
        (precision, [1 / 2, 9, 0, 9]),
        (recall, [1 / 2, 9, 9, 0]),
    ],
)
def test_ratios_say_what_the_caller_wants_where_they_are_undefined(four, ratio, values):
    assert ratio(four, empty=9).tolist() == pytest.approx(values)


def test_pooled_sums_before_it_divides(four):
    # tp 1, fp 2, fn 4 over all four.
    assert pooled(iou, four) == pytest.approx(1 / 7)
    assert pooled(f1, four) == pytest.approx(2 / 8)
    assert pooled(precision, four) == pytest.approx(1 / 3)
    assert pooled(recall, four) == pytest.approx(1 / 5)


def test_per_image_counts_1_where_both_masks_are_empty_and_0_where_one_is(four):
    assert by_image(precision, four).tolist() == [1 / 2, 1, 0, 0]
    assert per_image(iou, four) == pytest.approx((1 / 3 + 1 + 0 + 0) / 4)
    assert per_image(f1, four) == pytest.approx((1 / 2 + 1 + 0 + 0) / 4)
    assert per_image(recall, four) == pytest.approx((1 / 2 + 1 + 0 + 0) / 4)


def test_as_many_pixels_elsewhere_are_no_pair_of_empty_masks():
    """Two pixels of crack, both missed, and two false ones; then one found and one false: IoU 0 and 1/2."""
    missed, found = counts(np.eye(2) > 0, np.eye(2)[::-1] > 0), counts(np.array([[1, 1]]) > 0, np.array([[1, 0]]) > 0)
    assert by_image(iou, Counts.stack([missed, found])).tolist() == [0, 1 / 2]


def test_positives_leave_crack_free_pictures_out(four):
    assert positives(iou, four) == pytest.approx((1 / 3 + 0) / 2)
    assert positives(f1, four) == pytest.approx((1 / 2 + 0) / 2)


def test_a_crack_of_one_pixel_is_a_crack():
    found, missed = counts(np.array([[1, 0]]), np.array([[1, 0]])), counts(np.array([[0, 0]]), np.array([[1, 0]]))
    assert positives(iou, Counts.stack([found, missed])) == 1 / 2


def test_false_alarms_look_at_crack_free_pictures_alone(four):
    # B and C are crack-free: one of two has a false alarm, of a quarter of its pixels.
    assert metrics.false_alarms(four) == (1 / 2, (0 + 1 / 4) / 2)


def test_predicting_no_crack_at_all(four):
    none = four.all_background()
    assert none.fn.tolist() == [2, 0, 0, 3]
    assert none.tn.tolist() == [2, 4, 4, 1]
    assert per_image(iou, none) == 1 / 2
    assert math.isnan(pooled(precision, none))
    assert pooled(iou, none) == 0


def test_what_has_no_pictures_is_undefined_and_not_0():
    nothing = Counts.stack([])
    cracked = Counts.stack([counts(PREDICTED[0], TRUTH[0])])
    free = Counts.stack([counts(PREDICTED[1], TRUTH[1])])
    assert math.isnan(per_image(iou, nothing))
    assert math.isnan(positives(iou, free))
    assert math.isnan(pooled(iou, free))
    assert all(math.isnan(figure) for figure in metrics.false_alarms(cracked))


def test_reductions_take_many_thresholds_at_once(four):
    none = four.all_background()
    both = Counts(*(np.stack([getattr(four, k), getattr(none, k)], axis=1) for k in ("tp", "fp", "fn", "tn")))
    for reduce in (pooled, per_image, positives):
        assert reduce(f1, both).tolist() == [reduce(f1, four), reduce(f1, none)]


@given(st.integers(0, 2**32 - 1))
def test_single_pictures_agree_with_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    truth, predicted = (rng.random((2, 6, 6)) < rng.random()).astype(np.uint8)
    one, t, p = counts(predicted, truth), truth.ravel(), predicted.ravel()
    assert [[one.tn, one.fp], [one.fn, one.tp]] == sk.confusion_matrix(t, p, labels=[0, 1]).tolist()
    assert iou(one, empty=1) == pytest.approx(sk.jaccard_score(t, p, zero_division=1))
    assert f1(one, empty=1) == pytest.approx(sk.f1_score(t, p, zero_division=1))
    assert precision(one, empty=1) == pytest.approx(sk.precision_score(t, p, zero_division=1))
    assert recall(one, empty=1) == pytest.approx(sk.recall_score(t, p, zero_division=1))


# Euclid: (1, 2) and (2, 1) are 2.24 px away, (2, 2) is 2.83, (1, 1) is 1.41.
@pytest.mark.parametrize(
    ("shift", "smallest"),
    [((0, 0), 0), ((1, 0), 1), ((1, 1), 2), ((2, 0), 2), ((2, 1), 3), ((2, 2), 3), ((3, 0), 3), ((3, 1), 4)],
)
def test_a_pixel_is_right_within_a_euclidean_disc_whichever_way_it_is_shifted(shift, smallest):
    truth = np.zeros((16, 16), np.uint8)
    truth[8, 8] = 1
    for rows, columns in (shift, shift[::-1]):
        for down, right in ((rows, columns), (-rows, columns), (rows, -columns), (-rows, -columns)):
            predicted = np.roll(truth, (down, right), (0, 1))
            forgiven = [metrics.tolerant_f1(predicted, truth, tolerance) for tolerance in range(6)]
            assert forgiven == [float(tolerance >= smallest) for tolerance in range(6)], (down, right)


def test_the_tolerance_of_2_px_covers_13_pixels():
    """Where all is predicted, the 13 pixels of a disc of radius 2 (1 + 3 + 5 + 3 + 1) are right, not a square's 25."""
    truth = np.zeros((16, 16), np.uint8)
    truth[8, 8] = 1
    precision_found = 13 / 256
    expected = 2 * precision_found / (precision_found + 1)
    assert metrics.tolerant_f1(np.ones_like(truth), truth, 2) == pytest.approx(expected)


@pytest.mark.parametrize("axes", [(0,), (1,), (0, 1)])
def test_tolerance_forgives_a_line_shifted_so_many_pixels_and_no_more(axes):
    """A line along a row, along a column, and a diagonal one, shifted across itself by 2 px or 2 px both ways."""
    truth = np.zeros((16, 16), np.uint8)
    if axes == (0,):
        truth[8] = 1
    elif axes == (1,):
        truth[:, 8] = 1
    else:
        np.fill_diagonal(truth[2:14, 2:14][::-1], 1)
    predicted = np.roll(truth, 2, axes)
    # two rows and two columns across a diagonal are 2.83 px
    smallest = 2 if len(axes) == 1 else 3
    assert metrics.tolerant_f1(predicted, truth, smallest) == 1
    assert metrics.tolerant_f1(predicted, truth, smallest - 1) < 0.5


def test_tolerance_weighs_precision_and_recall():
    truth, predicted = np.zeros((16, 16), np.uint8), np.zeros((16, 16), np.uint8)
    truth[4, :] = truth[12, :] = 1
    predicted[4, :] = 1
    predicted[8, :8] = 1
    # 16 of 24 predicted pixels are near truth, 16 of 32 true ones near a prediction: 2 * 2/3 * 1/2 / (2/3 + 1/2).
    assert metrics.tolerant_f1(predicted, truth, 1) == pytest.approx(4 / 7)


def test_tolerance_0_is_the_plain_f1_and_a_crack_free_truth_has_none():
    assert metrics.tolerant_f1(PREDICTED[0], TRUTH[0], 0) == pytest.approx(1 / 2)
    assert metrics.tolerant_f1(PREDICTED[3], TRUTH[3], 2) == 0
    assert math.isnan(metrics.tolerant_f1(PREDICTED[2], TRUTH[2], 2))


def made_pairs():
    """24 pairs of 48 px: wandering lines, shifted, thickened or cut; among them empty ones and false alarms.

    The fixtures hold what an independent program made of the very same masks, written as PNG files of 0 and 255, at
    tolerances 2 and 3. It counts with NumPy and measures distance with OpenCV, and shares no code with crackflow.
    """
    rng = np.random.default_rng(2025)
    for index in range(24):
        truth = np.zeros((48, 48), np.uint8)
        if index % 4:
            points = np.cumsum(rng.integers(-9, 10, (6, 2)), axis=0) + 24
            cv2.polylines(truth, [points.astype(np.int32)], False, 1, int(rng.integers(1, 4)))
        predicted = np.roll(truth, rng.integers(-2, 3, 2), (0, 1))
        if index % 3 == 0:
            predicted = cv2.dilate(predicted, np.ones((3, 3), np.uint8))
        if index % 5 == 0:
            predicted[24:] = 0
        if index % 6 == 2:
            predicted[5:8, 5:9] = 1
        if index in (7, 8, 13):
            predicted[:] = index == 8
        yield predicted, truth


@pytest.mark.parametrize("tolerance", [2, 3])
def test_figures_equal_those_of_an_independent_scorer(tolerance):
    expected = json.loads((Path(__file__).parent / f"fixtures/scored_{tolerance}px.json").read_text())["all"]
    pairs = list(made_pairs())
    all_counts = Counts.stack(counts(p, t) for p, t in pairs)
    ratios = {"iou": iou, "f1": f1, "precision": precision, "recall": recall}
    assert {name: round(float(pooled(ratio, all_counts)), 4) for name, ratio in ratios.items()} == expected["pooled"]
    for reduce, key in ((per_image, "per_image"), (positives, "positives_only")):
        got = {name: round(float(reduce(ratios[name], all_counts)), 4) for name in ("iou", "f1")}
        assert got == expected[key]
    tolerant = np.nanmean([metrics.tolerant_f1(p, t, tolerance) for p, t in pairs])
    assert round(float(tolerant), 4) == expected[f"tolerant_f1_{tolerance}px"]
    alarms = metrics.false_alarms(all_counts)
    assert {"images": round(alarms.images, 4), "area": round(alarms.area, 4)} == expected["empty_fp"]
    onehot = [np.eye(2, dtype=np.float32)[p] for p, _ in pairs]
    dice = np.mean([original_metrics.dice_coef_multiclass(p, t) for p, (_, t) in zip(onehot, pairs, strict=True)])
    nothing = np.mean([original_metrics.dice_coef_multiclass_all_background(t) for _, t in pairs])
    assert {"value": round(float(dice), 4), "all_background": round(float(nothing), 4)} == expected["seed_dice"]
    assert expected["images"] == len(pairs)
    assert expected["positives"] == sum(t.any() for _, t in pairs)
