import pytest
from jinja2 import UndefinedError

from crackflow.reporting.breakdown import Part
from crackflow.reporting.page import leak_rows, render, split_warning, spread_words


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


def part(name, iou, low, high):
    return Part(name, 4, 2, iou, low, high, 0.5, 0.5, 0, 0)


def test_the_lowest_and_the_highest_part_are_told_apart_by_their_intervals():
    far, near, thin = part("far", 0.25, 0.2, 0.3), part("near", 0.75, 0.7, 0.8), part("thin", 0.5, 0.25, 0.72)
    assert spread_words([near, thin, far]) == "Lowest: far, 0.25. Highest: near, 0.75."
    assert spread_words([near, thin]).endswith("Their intervals overlap, so the difference may be chance.")
    assert "has no interval" in spread_words([near, far._replace(low=None, high=None)])


def test_a_part_without_cracks_is_neither_lowest_nor_highest():
    free = part("free", float("nan"), None, None)
    assert spread_words([free, part("one", 0.5, 0.4, 0.6)]) == ""
    assert spread_words([]) == ""
