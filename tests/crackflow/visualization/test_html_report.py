import pytest
from jinja2 import UndefinedError

from crackflow.visualization.html_report import HEADLINE, headline, leak_rows, render, split_warning


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


def test_a_split_is_warned_of_by_what_it_leaks_and_how_it_was_made():
    clean, leaky = {"test_leaked": 0, "test_pairs": 8, "share": 0.0}, {"test_leaked": 6, "test_pairs": 8, "share": 0.75}
    assert split_warning("grouped", clean) == ""
    for protocol in ("grouped", "official", "random", "file"):
        assert "6 of 8 test pairs (75\N{NO-BREAK SPACE}%)" in split_warning(protocol, leaky)
    for protocol in ("official", "random", "file"):
        warning = split_warning(protocol, clean)
        assert warning
        assert "not independent" not in warning


def test_leaks_are_listed_where_they_are_known():
    leaks = {"this": {"share": 0.0}, "random": {"share": 0.7}, "official": None}
    assert [(row["name"], row["share"]) for row in leak_rows(leaks)] == [("this split", 0.0), ("random, by pair", 0.7)]
    assert leak_rows({**leaks, "official": {"share": 0.8}})[2] == {"name": "as the data came", "share": 0.8}
