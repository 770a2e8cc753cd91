import math

import numpy as np
import pytest

from crackflow.evaluation import evaluation

NAMES = ("background", "crack")


def hard(predicted, classes=2):
    """Probabilities of a model that is sure."""
    return np.eye(classes, dtype=np.float32)[predicted]


def picture(stem, source, predicted, truth, classes=2):
    predicted, truth = np.array([predicted], np.uint8), np.array([truth], np.uint8)
    return evaluation.score(stem, source, hard(predicted, classes), predicted, truth, tolerance_px=0)


@pytest.fixture
def three():
    """A: tp 1, fp 1, fn 1. B: rightly empty. C: a false alarm of one pixel in four, crack-free."""
    return [
        picture("A", "road", [0, 1, 1, 0], [1, 1, 0, 0]),
        picture("C", "wall", [1, 0, 0, 0], [0, 0, 0, 0]),
        picture("B", "wall", [0, 0, 0, 0], [0, 0, 0, 0]),
    ]


def test_every_reduction_by_hand(three):
    crack = evaluation.figures(three, NAMES)["crack"]
    # Pooled tp 1, fp 2, fn 1.
    assert crack["pooled"] == pytest.approx({"iou": 1 / 4, "f1": 2 / 5, "precision": 1 / 3, "recall": 1 / 2})
    # A, B, C: IoU 1/3, 1, 0; the other three 1/2, 1, 0.
    assert crack["per_image"] == pytest.approx({"iou": 4 / 9, "f1": 1 / 2, "precision": 1 / 2, "recall": 1 / 2})
    assert crack["positives"] == pytest.approx({"iou": 1 / 3, "f1": 1 / 2})
    assert crack["tolerant_f1"] == pytest.approx(1 / 2)
    assert crack["false_alarms"] == {"images": 1 / 2, "area": 1 / 8}


def test_an_empty_mask_is_judged_by_the_same_measures(three):
    nothing = evaluation.figures(three, NAMES)["all_background"]
    assert math.isnan(nothing["pooled"].pop("precision"))
    assert nothing["pooled"] == {"iou": 0, "f1": 0, "recall": 0}
    # B and C are crack-free, so right.
    assert nothing["per_image"] == pytest.approx(dict.fromkeys(("iou", "f1", "precision", "recall"), 2 / 3))
    assert nothing["positives"] == {"iou": 0, "f1": 0}
    assert nothing["tolerant_f1"] == 0
    assert nothing["false_alarms"] == {"images": 0, "area": 0}


def test_the_originals_figures_count_background(three):
    original = evaluation.figures(three, NAMES)["original"]
    # Right pixels of 4: A 2, B 4, C 3. Background of 4: A 2, B 4, C 4.
    assert original["dice_coef_multiclass"] == pytest.approx(9 / 12)
    assert original["dice_coef_multiclass_all_background"] == pytest.approx(10 / 12)
    # Three of twelve pixels are wholly wrong, each -log(1e-7); the right ones cost next to nothing.
    assert original["categorical_crossentropy"] == pytest.approx(3 / 12 * 7 * math.log(10), rel=1e-5)


def test_oracles_of_a_sure_model_are_its_own_figures(three):
    found = evaluation.figures(three, NAMES)
    assert found["oracle"]["ods_f1"] == pytest.approx(found["crack"]["pooled"]["f1"])
    assert found["oracle"]["ois_f1"] == pytest.approx(found["crack"]["positives"]["f1"])


def test_two_classes_have_no_table_of_classes_and_three_have(three):
    assert "classes" not in evaluation.figures(three, NAMES)
    # Truth 1 1 2 2, predicted 1 2 2 0: class 1 tp 1, fp 0, fn 1; class 2 tp 1, fp 1, fn 1; any crack tp 3, fn 1.
    one = picture("A", "road", [1, 2, 2, 0], [1, 1, 2, 2], classes=3)
    found = evaluation.figures([one], ("background", "crack", "spalling"))
    assert found["classes"]["crack"]["pooled"] == pytest.approx({"iou": 1 / 2, "f1": 2 / 3})
    assert found["classes"]["spalling"]["pooled"] == pytest.approx({"iou": 1 / 3, "f1": 1 / 2})
    assert found["crack"]["pooled"]["iou"] == pytest.approx(3 / 4)


def test_crack_free_pictures_alone_leave_figures_undefined():
    found = evaluation.figures([picture("B", "wall", [0, 0], [0, 0])], NAMES)
    assert all(math.isnan(value) for value in found["crack"]["pooled"].values())
    assert math.isnan(found["crack"]["tolerant_f1"])
    assert math.isnan(found["all_background"]["tolerant_f1"])
    assert math.isnan(found["oracle"]["ods_f1"])
    assert found["crack"]["per_image"]["iou"] == 1


def test_the_image_table_is_sorted_and_its_means_are_the_per_image_figures(three):
    table = evaluation.per_image_table(three)
    assert list(table["stem"]) == ["A", "B", "C"]
    assert list(table["crack_share"]) == [1 / 2, 0, 0]
    assert list(table["fp"]) == [1, 0, 1]
    assert table["iou"].mean() == pytest.approx(4 / 9)
    assert table["tolerant_f1"].isna().tolist() == [False, True, True]


def test_the_source_table_has_each_sources_own_figures(three):
    table = evaluation.per_source_table(three).set_index("source")
    assert table.index.tolist() == ["road", "wall"]
    assert table.loc["road", "pooled_iou"] == pytest.approx(1 / 3)
    assert math.isnan(table.loc["road", "false_alarms_images"])
    assert table.loc["wall", "false_alarms_images"] == 1 / 2
    assert table.loc["wall", ["images", "images_with_cracks"]].tolist() == [2, 0]


def test_the_curve_has_a_row_for_each_threshold():
    # Crack probabilities 0.25, 0.75 of which the second is crack: recall 1 below 0.75, then nothing is predicted.
    probabilities = np.array([[[0.75, 0.25], [0.25, 0.75]]], np.float32)
    predicted = truth = np.array([[0, 1]], np.uint8)
    table = evaluation.precision_recall_table([evaluation.score("A", "road", probabilities, predicted, truth, 0)])
    assert len(table) == 256
    rows = table.set_index("threshold")
    assert rows.loc[0.0].tolist() == pytest.approx([1 / 2, 1, 2 / 3, 1 / 2])
    assert rows.loc[0.5].tolist() == [1, 1, 1, 1]
    assert math.isnan(rows.loc[0.75, "precision"])
    assert rows.loc[0.75, "recall"] == 0


def test_flat_joins_names():
    assert evaluation.flat({"a": {"b": {"c": 1}, "d": 2}, "e": 3}) == {"a_b_c": 1, "a_d": 2, "e": 3}


def test_plain_rounds_and_knows_no_nan():
    nested = {"a": {"b": 1 / 3, "c": math.nan}, "d": 7, "e": "words"}
    assert evaluation.plain(nested) == {"a": {"b": 0.333333, "c": None}, "d": 7, "e": "words"}
