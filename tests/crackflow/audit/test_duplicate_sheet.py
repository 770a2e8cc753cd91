import pytest

from crackflow.audit.duplicate_sheet import caption_lines, near_duplicate_summary, select_near_duplicates


def duplicate(one, other, bits, turn="same", same_parent=True, subsets=("train", "train"), places=0):
    return {
        "one": one,
        "other": other,
        "bits": bits,
        "turn": turn,
        "places": places,
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
    assert [found["bits"] for found in select_near_duplicates(duplicates, 9)] == [9, 4, 40, 0]
    assert [found["bits"] for found in select_near_duplicates(duplicates, 3)] == [9, 4, 40]


def test_words_say_names_bits_turn_and_subsets(duplicates):
    assert caption_lines(duplicates[1]) == ["a_1", "a_3", "40 bits differ; mirrored", "same parent by name; train"]
    assert caption_lines(duplicates[2])[2:] == ["4 bits differ; same", "different parents by name; train and test"]
    assert caption_lines(duplicates[3])[3] == "different parents by name; train and set aside"
    assert caption_lines(duplicate("a", "b", 1))[2] == "1 bit differs; same"


def test_words_of_what_local_features_found():
    found = duplicate("a_1", "b_1", 120, turn="mirrored, rotated 12, zoom 1.20", same_parent=False, places=31)
    assert caption_lines(found)[2] == "31 places agree; mirrored, rotated 12, zoom 1.20"


def test_summary_by_hand(duplicates):
    by_features = [duplicate("a_1", "b_1", 99, turn=turn, places=12) for turn in ("zoom 1.41", "rotated 9, zoom 0.90")]
    assert near_duplicate_summary([*duplicates, *by_features], 60) == {
        "distance": 60,
        "pairs": 6,
        "names_do_not_tell": 2,
        "turned": 2,
        "in_two_subsets": 1,
        "by_features": 2,
    }
