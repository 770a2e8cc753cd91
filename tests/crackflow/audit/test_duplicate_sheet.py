import pytest

from crackflow.audit.duplicate_sheet import described, duplicates_summary, most_telling


def duplicate(one, other, bits, turn="same", same_parent=True, subsets=("train", "train")):
    return {
        "one": one,
        "other": other,
        "bits": bits,
        "turn": turn,
        "same_parent": same_parent,
        "subsets": list(subsets),
    }


@pytest.fixture
def duplicates():
    return [
        duplicate("a_1", "a_2", 0),
        duplicate("a_1", "a_3", 40, turn="mirrored"),
        duplicate("a_1", "b_1", 4, same_parent=False, subsets=("train", "test")),
        duplicate("c_1", "b_1", 9, same_parent=False, subsets=("train", "")),
    ]


def test_across_names_come_first_and_then_the_least_alike(duplicates):
    assert [found["bits"] for found in most_telling(duplicates, 9)] == [9, 4, 40, 0]
    assert [found["bits"] for found in most_telling(duplicates, 3)] == [9, 4, 40]


def test_words_say_names_bits_turn_and_subsets(duplicates):
    assert described(duplicates[1]) == ["a_1", "a_3", "40 bits differ; mirrored", "same parent by name; train"]
    assert described(duplicates[2])[2:] == ["4 bits differ; same", "names do not tell; train and test"]
    assert described(duplicates[3])[3] == "names do not tell; train and set aside"
    assert described(duplicate("a", "b", 1))[2] == "1 bit differs; same"


def test_summary_by_hand(duplicates):
    assert duplicates_summary(duplicates, 60) == {
        "distance": 60,
        "pairs": 4,
        "names_do_not_tell": 2,
        "turned": 1,
        "in_two_subsets": 1,
    }
