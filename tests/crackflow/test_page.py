import pytest
from jinja2 import UndefinedError

from crackflow.page import HEADLINE, headline, render


def figures(value):
    """Every crack figure at one value."""
    names = ("iou", "f1", "precision", "recall")
    return {
        "pooled": dict.fromkeys(names, value),
        "per_image": dict.fromkeys(names, value),
        "positives": {"iou": value, "f1": value},
        "tolerant_f1": value,
        "false_alarms": {"images": value, "area": value},
    }


def test_each_figure_stands_beside_the_empty_masks():
    rows = headline(figures(0.5), figures(0.1))
    assert len(rows) == len(HEADLINE) == 11
    assert {(row["ours"], row["empty"]) for row in rows} == {(0.5, 0.1)}
    assert not any(row["beaten"] for row in rows)


def test_a_model_no_better_than_the_empty_mask_is_told_so_where_more_is_better():
    rows = headline(figures(0.1), figures(0.1))
    # An empty mask has no false alarms by nature, so that says nothing.
    assert [row["beaten"] for row in rows] == [True] * 9 + [False] * 2


def test_undefined_figures_are_not_compared():
    assert not any(row["beaten"] for row in headline(figures(None), figures(0.1)))
    assert not any(row["beaten"] for row in headline(figures(0.1), figures(None)))


def test_a_missing_value_is_an_error_and_no_gap_on_the_page():
    with pytest.raises(UndefinedError, match="title"):
        render({})
