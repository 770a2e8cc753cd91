import pytest

from crackflow.errors import DataError
from crackflow.sources.set_names import names_apart


def named(**stems):
    return [name for _, name in sorted(names_apart(stems).items())]


def test_a_name_that_one_set_has_stays():
    assert named(a=["CFD_001", "1"], b=["2"]) == ["1", "CFD_001", "2"]


def test_a_name_that_several_sets_have_gets_the_set_before_it_in_each():
    assert named(a=["1", "2"], b=["1"], c=["1", "3"]) == ["a_1", "2", "b_1", "c_1", "3"]


def test_names_that_some_disks_can_not_tell_apart_count_as_one():
    assert named(a=["Wall"], b=["wall"]) == ["a_Wall", "b_wall"]
    # of one set they are no matter of sets
    assert named(a=["Wall", "wall"], b=["x"]) == ["Wall", "wall", "x"]


def test_a_new_name_that_is_taken_is_avoided():
    """a's 1 becomes a_1, which c has: so c's gets c before it, too."""
    assert named(a=["1"], b=["1"], c=["a_1"]) == ["a_1", "b_1", "c_a_1"]


def test_a_new_name_that_the_set_itself_has_is_avoided():
    assert named(a=["1", "a_1"], b=["1"]) == ["a_1", "a_a_1", "b_1"]


def test_sets_that_can_not_be_told_apart_are_rejected():
    with pytest.raises(DataError, match="b_1 of a and 1 of a_b would both be called a_b_1, expected a name for each"):
        names_apart({"a": ["b_1"], "a_b": ["1"], "c": ["b_1", "1"]})
