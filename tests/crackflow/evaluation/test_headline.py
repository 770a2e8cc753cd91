import math

import pytest

from crackflow.evaluation.figures import crack_figures, flat
from crackflow.evaluation.headline import (
    BY_NAME,
    HEADLINE,
    Reached,
    figure_text,
    figure_words,
    interval_text,
    interval_words,
    is_no_better_than_black,
    reached,
)


def every(value):
    """Every crack figure at one value."""
    names = ("iou", "f1", "precision", "recall")
    return {
        "pooled": dict.fromkeys(names, value),
        "per_image": dict.fromkeys(names, value),
        "positives": {"iou": value, "f1": value},
        "tolerant_f1": value,
        "false_alarms": {"images": value, "area": value},
    }


def test_each_headline_figure_is_one_that_an_evaluation_has():
    """The two means over images of precision and recall are in the files and not in the headline."""
    names = {one.name for one in HEADLINE}
    assert names == set(flat(crack_figures([]))) - {"per_image_precision", "per_image_recall"}
    assert list(BY_NAME) == [one.name for one in HEADLINE]


def test_each_figure_is_found_by_its_name():
    figures = {"crack": every(None), "all_background": every(0.1)}
    assert {reached(figures, one) for one in HEADLINE} == {Reached(None)}
    assert {reached(figures, one, "all_background") for one in HEADLINE} == {Reached(0.1)}
    figures["crack"]["false_alarms"]["area"] = 0.25
    assert [reached(figures, one).value for one in HEADLINE if reached(figures, one).value] == [0.25]


def test_figures_of_one_level_are_found_too():
    """per_source.csv has them with joined names."""
    assert reached({"crack": {"pooled_iou": 0.5}}, BY_NAME["pooled_iou"]).value == 0.5


@pytest.mark.parametrize("figures", [{}, {"crack": {}}, {"crack": {"pooled": {}}}, {"crack": None}])
def test_what_an_earlier_version_did_not_write_is_unknown(figures):
    assert reached(figures, BY_NAME["pooled_iou"]) == Reached(None)


def test_an_interval_is_shown_with_a_digit_less():
    figures = {"crack": every(0.5274), "intervals": {"crack": {"pooled_iou": [0.4123, 0.6349]}}}
    iou = BY_NAME["pooled_iou"]
    assert reached(figures, iou) == Reached(0.5274, 0.4123, 0.6349)
    assert figure_text(figures, iou) == "0.527 (0.41 to 0.63)"
    assert figure_text(figures, iou, interval=False) == "0.527"
    assert interval_text(figures, iou) == "0.41 to 0.63"
    assert interval_text(figures, BY_NAME["pooled_f1"]) == ""
    assert figure_text(figures, BY_NAME["pooled_f1"]) == "0.527"


def test_what_the_brackets_hold_is_said_where_there_are_some():
    block = {"level": 0.95, "resamples": 2000, "groups": 7, "crack": {"pooled_iou": [0.4, 0.6]}}
    assert interval_words({"intervals": block}) == (
        "in brackets the 95 % confidence interval, from 2,000 resamples of 7 groups of photographs"
    )
    newer = {**block, "method": "t", "resamples": 0}
    assert interval_words({"intervals": newer}) == (
        "in brackets the 95 % confidence interval, from 7 groups of photographs"
    )
    for figures in ({}, {"intervals": {**block, "crack": {"pooled_iou": None}}}):
        assert interval_words(figures) == ""


@pytest.mark.parametrize("value", [None, math.nan])
def test_an_undefined_figure_is_a_dash(value):
    assert figure_text({"crack": every(value)}, BY_NAME["pooled_iou"]) == "-"


def test_small_areas_have_a_digit_more():
    assert figure_text({"crack": every(0.00123)}, BY_NAME["false_alarms_area"]) == "0.0012"


def test_the_tolerance_is_named_with_its_unit():
    assert figure_words(BY_NAME["tolerant_f1"], {"tolerance_px": 3}) == "F1 within 3 px"
    assert figure_words(BY_NAME["tolerant_f1"], {}) == "F1 within the tolerance"
    # where no protocol is at hand
    assert BY_NAME["tolerant_f1"].words == "F1 within the tolerance"


def test_a_model_no_better_than_black_is_found_where_higher_is_better():
    """An empty mask has no false alarms, so nothing is said of those."""
    figures = {"crack": every(0.1), "all_background": every(0.1)}
    assert [is_no_better_than_black(figures, one) for one in HEADLINE] == [True] * 9 + [False] * 2
    figures["crack"] = every(0.2)
    assert not any(is_no_better_than_black(figures, one) for one in HEADLINE)


def test_undefined_figures_are_not_compared():
    for ours, black in ((None, 0.1), (0.1, None)):
        figures = {"crack": every(ours), "all_background": every(black)}
        assert not any(is_no_better_than_black(figures, one) for one in HEADLINE)
