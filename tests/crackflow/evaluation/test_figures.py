import math

import pytest

from crackflow.evaluation import figures

NAMES = ("background", "crack")


def test_every_reduction_by_hand(three):
    crack = figures.figures(three, NAMES)["crack"]
    # Pooled tp 1, fp 2, fn 1.
    assert crack["pooled"] == pytest.approx({"iou": 1 / 4, "f1": 2 / 5, "precision": 1 / 3, "recall": 1 / 2})
    # A, B, C: IoU 1/3, 1, 0; the other three 1/2, 1, 0.
    assert crack["per_image"] == pytest.approx({"iou": 4 / 9, "f1": 1 / 2, "precision": 1 / 2, "recall": 1 / 2})
    assert crack["positives"] == pytest.approx({"iou": 1 / 3, "f1": 1 / 2})
    assert crack["tolerant_f1"] == pytest.approx(1 / 2)
    assert crack["false_alarms"] == {"images": 1 / 2, "area": 1 / 8}


def test_an_empty_mask_is_judged_by_the_same_measures(three):
    nothing = figures.figures(three, NAMES)["all_background"]
    assert math.isnan(nothing["pooled"].pop("precision"))
    assert nothing["pooled"] == {"iou": 0, "f1": 0, "recall": 0}
    # B and C are crack-free, so right.
    assert nothing["per_image"] == pytest.approx(dict.fromkeys(("iou", "f1", "precision", "recall"), 2 / 3))
    assert nothing["positives"] == {"iou": 0, "f1": 0}
    assert nothing["tolerant_f1"] == 0
    assert nothing["false_alarms"] == {"images": 0, "area": 0}


def test_the_originals_figures_count_background(three):
    original = figures.figures(three, NAMES)["original"]
    # Right pixels of 4: A 2, B 4, C 3. Background of 4: A 2, B 4, C 4.
    assert original["dice_coef_multiclass"] == pytest.approx(9 / 12)
    assert original["dice_coef_multiclass_all_background"] == pytest.approx(10 / 12)
    # Three of twelve pixels are wholly wrong, each -log(1e-7); the right ones cost next to nothing.
    assert original["categorical_crossentropy"] == pytest.approx(3 / 12 * 7 * math.log(10), rel=1e-5)


def test_oracles_of_a_sure_model_are_its_own_figures(three):
    found = figures.figures(three, NAMES)
    assert found["oracle"]["ods_f1"] == pytest.approx(found["crack"]["pooled"]["f1"])
    assert found["oracle"]["ois_f1"] == pytest.approx(found["crack"]["positives"]["f1"])


def test_two_classes_have_no_table_of_classes_and_three_have(three, image):
    assert "classes" not in figures.figures(three, NAMES)
    # Truth 1 1 2 2, predicted 1 2 2 0: class 1 tp 1, fp 0, fn 1; class 2 tp 1, fp 1, fn 1; any crack tp 3, fn 1.
    one = image("A", "road", [1, 2, 2, 0], [1, 1, 2, 2], classes=3)
    found = figures.figures([one], ("background", "crack", "spalling"))
    assert found["classes"]["crack"]["pooled"] == pytest.approx({"iou": 1 / 2, "f1": 2 / 3})
    assert found["classes"]["spalling"]["pooled"] == pytest.approx({"iou": 1 / 3, "f1": 1 / 2})
    assert found["crack"]["pooled"]["iou"] == pytest.approx(3 / 4)


def test_crack_free_images_alone_leave_figures_undefined(image):
    found = figures.figures([image("B", "wall", [0, 0], [0, 0])], NAMES)
    assert all(math.isnan(value) for value in found["crack"]["pooled"].values())
    assert math.isnan(found["crack"]["tolerant_f1"])
    assert math.isnan(found["all_background"]["tolerant_f1"])
    assert math.isnan(found["oracle"]["ods_f1"])
    assert found["crack"]["per_image"]["iou"] == 1


def test_flat_joins_names():
    assert figures.flat({"a": {"b": {"c": 1}, "d": 2}, "e": 3}) == {"a_b_c": 1, "a_d": 2, "e": 3}


def test_plain_rounds_and_knows_no_nan():
    nested = {"a": {"b": 1 / 3, "c": math.nan}, "d": 7, "e": "words"}
    assert figures.plain(nested) == {"a": {"b": 0.333333, "c": None}, "d": 7, "e": "words"}
