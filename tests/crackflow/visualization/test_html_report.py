import pytest
from jinja2 import UndefinedError

from crackflow.visualization.html_report import leak_rows, render, split_warning


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
