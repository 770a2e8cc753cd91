import math

import numpy as np
import pytest

from crackflow.evaluation import figures
from crackflow.evaluation.metrics import Counts

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


@pytest.mark.filterwarnings("error")
def test_crack_free_images_alone_leave_figures_undefined(image):
    found = figures.figures([image("B", "wall", [0, 0], [0, 0])], NAMES)
    assert all(math.isnan(value) for value in found["crack"]["pooled"].values())
    assert math.isnan(found["crack"]["tolerant_f1"])
    assert math.isnan(found["all_background"]["tolerant_f1"])
    assert math.isnan(found["oracle"]["ods_f1"])
    assert found["crack"]["per_image"]["iou"] == 1


def test_calibration_of_a_sure_model_by_hand(three):
    """Twelve pixels, all at 0 or 1 but for 6e-6: three said to be crack, two that are. Of the nine others one is.

    So the bins are off by 1/9 of nine pixels and 2/3 of three, and the mean 3/12 is 1/12 above the share 2/12.
    """
    found = figures.calibration(three)
    assert found == pytest.approx({"ece": 3 / 12, "excess": 1 / 12, "all_background_ece": 2 / 12}, abs=1e-5)
    assert figures.figures(three, NAMES)["calibration"] == found


def test_a_temperature_is_fitted_elsewhere_and_judged_here(three):
    """Where one of ten sure pixels is wrong on either side, log-odds of 12 should be those of 0.9, which is log 9.

    Then the nine pixels say 0.1 and the three 0.9: off by 1/9 - 1/10 and by 9/10 - 1/3.
    """
    chosen_on = np.zeros((2, 512), np.int64)
    chosen_on[:, [0, -1]] = [[9, 1], [1, 9]]
    found = figures.calibration(three, chosen_on)
    # the middles of the outermost cells lie at 12 less half a cell
    assert found["temperature"] == pytest.approx((12 - 12 / 512) / math.log(9), rel=1e-3)
    expected = (9 * (1 / 9 - 1 / 10) + 3 * (9 / 10 - 1 / 3)) / 12
    assert found["ece_at_temperature"] == pytest.approx(expected, abs=1e-4)
    assert found["ece"] == figures.calibration(three)["ece"]


@pytest.mark.filterwarnings("error")
def test_places_never_seen_count_each_source_alike():
    kept = {"crack": {"a": 1}, "all_background": {"a": 0}, "intervals": {"a": [0, 1]}, "protocol": {"size": 512}}
    rows = [
        {"source": "road", "pooled_iou": 0.5, "images_with_cracks": 90},
        {"source": 7, "pooled_iou": 0.2, "images_with_cracks": 1},
        {"source": "wall", "pooled_iou": math.nan, "images_with_cracks": 0},
    ]
    found = figures.foreign_figures({**kept, "calibration": {}, "oracle": {}}, rows)
    mean = found.pop("mean_of_sources")
    assert mean == pytest.approx(0.35)
    assert found == {**kept, "by_source": {"road": 0.5, "7": 0.2}}
    assert math.isnan(figures.foreign_figures(kept, rows[2:])["mean_of_sources"])


def test_four_figures_by_hand(three):
    """The counts of `three` pooled: tp 1, fp 2, fn 1; one image with a crack, IoU 1/3; one false alarm of two."""
    found = figures.four_figures(Counts.stack(image.counts for image in three))
    assert found == {
        "pooled": {"iou": pytest.approx(1 / 4), "f1": pytest.approx(2 / 5)},
        "positives": {"iou": pytest.approx(1 / 3)},
        "false_alarms": {"images": 1 / 2},
    }


def test_the_figures_of_crack_alone_are_those_of_all(three):
    assert figures.crack_figures(three) == figures.figures(three, NAMES)["crack"]


def test_flat_joins_names():
    assert figures.flat({"a": {"b": {"c": 1}, "d": 2}, "e": 3}) == {"a_b_c": 1, "a_d": 2, "e": 3}


def test_plain_rounds_and_knows_no_nan():
    nested = {"a": {"b": 1 / 3, "c": math.nan}, "d": 7, "e": "words"}
    assert figures.plain(nested) == {"a": {"b": 0.333333, "c": None}, "d": 7, "e": "words"}
    assert figures.plain({"ends": [1 / 3, math.nan, [2 / 3]]}) == {"ends": [0.333333, None, [0.666667]]}
