import pytest

from crackflow.errors import DataError
from crackflow.inference import packaged_weights
from crackflow.inference.card import card_values
from scripts.data_terms import Terms, read_terms, terms_table, use_of, used


def terms(**allows):
    return {
        source: Terms(what=f"{source}'s", page="a page", stated="words", allows=use) for source, use in allows.items()
    }


@pytest.mark.parametrize(
    ("sources", "use"),
    [("a", "any"), ("ab", "research"), ("ac", "unstated"), ("abc", "research"), ("", "unstated")],
)
def test_the_narrowest_terms_hold_for_all(sources, use):
    assert use_of(sources, terms(a="any", b="research", c="unstated")) == use


def test_a_source_that_was_only_scored_does_not_count():
    assert used({"a": {"train": 3, "test": 1}, "b": {"foreign_test": 4}, "c": {"foreign_valid": 2}}) == ["a", "c"]


def test_a_source_without_terms_is_rejected():
    with pytest.raises(DataError, match="no terms of bridge, walls, expected those of every source"):
        use_of(["walls", "a", "bridge"], terms(a="any"))


def test_sources_of_the_same_terms_share_a_row():
    known = {**terms(a="any"), **{source: Terms(what="w", page="p", stated="s", allows="unstated") for source in "bc"}}
    assert terms_table("cab", known).splitlines()[2:] == [
        "| c, b | w | p | s | not stated |",
        "| a | a's | a page | words | any use |",
    ]


def test_the_file_has_all_sources_and_the_packaged_card_agrees_with_it():
    known = read_terms()
    assert len(known) == 22
    assert {source for source, found in known.items() if found.allows == "any"} == {"DNIT", "DNITnegative"}
    card = card_values(packaged_weights.FOLDER)
    assert card["use"] == use_of(used(card["data"]["by_source"]), known)
