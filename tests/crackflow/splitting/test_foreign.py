import pytest

from crackflow.errors import DataError
from crackflow.params import SplitParams
from crackflow.splitting.foreign import divide

SOURCES = {"a-1": "A", "a-2": "A", "b-1": "B", "b-2": "B", "c-1": "C", "d-1": "D", "d-2": "D"}


def params(train_only=(), **foreign):
    return SplitParams.model_validate({"foreign": foreign, "train_only": train_only})


def alone(stems):
    return {stem: stem for stem in stems}


def joined(*members):
    """All of `members` are one group; the others are alone."""
    return lambda stems: {stem: "joined" if stem in members else stem for stem in stems}


def test_nothing_is_foreign_by_default():
    found = divide(SOURCES, alone, params())
    assert found == type(found)({}, tuple(SOURCES), ())


def test_sources_get_the_subset_that_their_name_says():
    found = divide(SOURCES, alone, params(train_only=["D"], valid=["B"], test=["C"]))
    assert found.subsets == {
        "b-1": "foreign_valid",
        "b-2": "foreign_valid",
        "c-1": "foreign_test",
        "d-1": "train",
        "d-2": "train",
    }
    assert found.home == ("a-1", "a-2")


def test_a_near_duplicate_of_a_foreign_pair_is_set_aside():
    found = divide(SOURCES, joined("a-2", "c-1"), params(test=["C"]))
    assert [(one.name, one.reason) for one in found.set_aside] == [
        ("a-2", "belongs with pairs of foreign_test, which split.foreign keeps out of training")
    ]
    assert "a-2" not in found.home
    assert found.subsets == {"c-1": "foreign_test"}


def test_foreign_test_goes_before_foreign_valid_and_before_train():
    found = divide(SOURCES, joined("b-1", "c-1", "d-1"), params(train_only=["D"], valid=["B"], test=["C"]))
    assert [one.name for one in found.set_aside] == ["b-1", "d-1"]


def test_a_pair_that_belongs_with_those_for_training_alone_is_trained_on():
    found = divide(SOURCES, joined("a-1", "d-1"), params(train_only=["D"]))
    assert found.subsets == {"a-1": "train", "d-1": "train", "d-2": "train"}
    assert not found.set_aside


def test_a_source_that_is_not_there_is_named():
    with pytest.raises(DataError, match="name E, which is no source of these pairs; expected some of A, B, C, D"):
        divide(SOURCES, alone, params(valid=["E"]))
