from dataclasses import replace

import pytest

from crackflow.params import SplitParams
from crackflow.rejections import Rejection
from crackflow.splitting.near_duplicates import NearDuplicate
from crackflow.splitting.previous import Matched
from crackflow.splitting.protocols import Pairs, Split
from crackflow.splitting.split_report import describe

PARAMS = SplitParams()


def pairs_of(subsets, given=""):
    """PARENT-CROP, the source being the parent's first letter."""
    return Pairs(
        sources={stem: stem[0] for stem in subsets},
        parents={stem: stem.split("-")[0] for stem in subsets},
        empty=dict.fromkeys(subsets, False),
        given=dict.fromkeys(subsets, given),
        duplicates=(),
    )


def test_how_far_a_source_is_off_and_what_its_groups_allow():
    """Source a: 8 of 10 pairs are one photograph's, in train: 80, 10, 10 %, 10 points off.

    Its groups are 8, 1 and 1, so 80, 10, 10 is the nearest. Source b: 7, 2, 1 of ten photographs, on the point.
    Together 15, 3 and 2 of 20 are 75, 15 and 10 %: 5 points off.
    """
    subsets = {f"a1-{crop}": "train" for crop in range(8)} | {"a2-0": "valid", "a3-0": "test"}
    subsets |= {f"b{photo}-0": "train" for photo in range(7)} | {"b7-0": "valid", "b8-0": "valid", "b9-0": "test"}
    found = describe(pairs_of(subsets), Split(subsets), Matched({}), [], PARAMS)
    assert found["shares"] == {"asked": {"train": 0.7, "valid": 0.2, "test": 0.1}, "off": pytest.approx(5)}
    assert found["groups_by_source"] == {
        "a": {
            "pairs": 10,
            "groups": 3,
            "largest": 8,
            "subsets": {"train": 8, "valid": 1, "test": 1},
            "subset_groups": {name: {"groups": 1, "largest_share": 1.0} for name in ("train", "valid", "test")},
            "off": 10.0,
            "nearest": 10.0,
        },
        "b": {
            "pairs": 10,
            "groups": 10,
            "largest": 1,
            "subsets": {"train": 7, "valid": 2, "test": 1},
            "subset_groups": {
                "train": {"groups": 7, "largest_share": 0.1429},
                "valid": {"groups": 2, "largest_share": 0.5},
                "test": {"groups": 1, "largest_share": 1.0},
            },
            "off": 0.0,
            "nearest": None,
        },
    }


def test_every_figure_of_a_small_split():
    """Source a has two crops of a1 in train, and a near-duplicate across subsets; b, c and d have theirs by name.

    Of the new pairs of a, 3, 1 and 1 of 5 are 60, 20 and 20 %: 10 points off. a2 and a4 look the same, so a has groups
    of 2, 2 and 1, and 80, 20 and 0 % are the nearest.
    """
    subsets = {"a1-0": "train", "a1-1": "train", "a2-0": "train", "a3-0": "valid", "a4-0": "test"}
    subsets |= {"b1-0": "foreign_valid", "c1-0": "foreign_test", "c1-1": "foreign_test", "d1-0": "train"}
    near = [NearDuplicate("a2-0", "a4-0", 3, "mirrored"), NearDuplicate("a1-0", "a1-1", 0, "same")]
    pairs = replace(pairs_of(subsets), duplicates=tuple((found.one, found.other) for found in near))
    params = SplitParams.model_validate(
        {"protocol": "random", "foreign": {"valid": ["b"], "test": ["c"]}, "train_only": ["d"]}
    )
    found = describe(pairs, Split(subsets, note="a note"), Matched({}), near, params)
    leaks = found.pop("leaks")
    assert leaks["this"] == {
        "test_pairs": 1,
        "test_sharing_parent": 0,
        "test_with_duplicate": 1,
        "test_leaked": 1,
        "share": 1.0,
        "parents_across": 0,
        "duplicates_across": 1,
    }
    # 10 % of 9 pairs are rounded to 1
    assert (leaks["random"]["test_pairs"], leaks["official"]) == (1, None)
    whole = {"groups": 1, "largest_share": 1.0}
    none = {"train": 0, "valid": 0, "test": 0}
    assert found.pop("groups_by_source") == {
        "a": {
            "pairs": 5,
            "groups": 3,
            "largest": 2,
            "subsets": {"train": 3, "valid": 1, "test": 1},
            "subset_groups": {"train": {"groups": 2, "largest_share": 0.6667}, "valid": whole, "test": whole},
            "off": 10.0,
            "nearest": 10.0,
        },
        "b": {
            "pairs": 1,
            "groups": 1,
            "largest": 1,
            "subsets": none | {"foreign_valid": 1},
            "subset_groups": {"foreign_valid": whole},
            "off": None,
            "nearest": None,
        },
        "c": {
            "pairs": 2,
            "groups": 1,
            "largest": 2,
            "subsets": none | {"foreign_test": 2},
            "subset_groups": {"foreign_test": whole},
            "off": None,
            "nearest": None,
        },
        "d": {
            "pairs": 1,
            "groups": 1,
            "largest": 1,
            "subsets": none | {"train": 1},
            "subset_groups": {"train": whole},
            "off": None,
            "nearest": None,
        },
    }
    mirrored = {"one": "a2-0", "other": "a4-0", "bits": 3, "turn": "mirrored", "places": 0, "same_parent": False}
    same = {"one": "a1-0", "other": "a1-1", "bits": 0, "turn": "same", "places": 0, "same_parent": True}
    assert found == {
        "protocol": "random",
        "label": "leaky: by pair at random, as the original",
        "pairs": 9,
        "groups": 6,
        "subsets": {"train": 4, "valid": 1, "test": 1, "foreign_valid": 1, "foreign_test": 2},
        "shares": {"asked": {"train": 0.7, "valid": 0.2, "test": 0.1}, "off": 10.0},
        "duplicate_distance": params.duplicate_distance,
        "duplicates": [mirrored | {"subsets": ["train", "test"]}, same | {"subsets": ["train", "train"]}],
        "previous": None,
        "set_aside": [],
    }


def test_what_is_to_be_said_of_a_split_is_its_label():
    subsets = {"a1-0": "train", "a2-0": "valid", "a3-0": "test"}
    assert describe(pairs_of(subsets), Split(subsets, note="a note"), Matched({}), [], PARAMS)["label"] == "a note"


@pytest.mark.parametrize(
    ("counts", "off", "nearest"),
    [
        # 14, 4 and 2 of twenty would be right; one or two of train are in test
        ((13, 4, 3), 5.0, None),
        ((12, 4, 4), 10.0, 0.0),
        # 63 of 97 are 64.95 %; of single pairs 68, 19 and 10 are the nearest, 19 of 97 being 19.59 %
        ((63, 24, 10), 5.05, 0.41),
    ],
)
def test_the_nearest_is_looked_for_above_5_points(counts, off, nearest):
    names = [name for name, count in zip(("train", "valid", "test"), counts, strict=True) for _ in range(count)]
    subsets = {f"a{photo}-0": name for photo, name in enumerate(names)}
    found = describe(pairs_of(subsets), Split(subsets), Matched({}), [], PARAMS)["groups_by_source"]["a"]
    assert (found["off"], found["nearest"]) == (off, nearest)


def test_with_an_earlier_split_the_new_pairs_are_measured():
    """Old are a1-0 (train) and, by now gone, two more. New are its crop a1-1 (train), a2 (valid) and a3 (test).

    Of the new, a third each: train is 36.67 points off. a1-1 must follow a1-0, and with the other two free the nearest
    is two in train and one in valid: 66.7, 33.3, 0 %, 13.33 points off.
    """
    subsets = {"a1-0": "train", "a1-1": "train", "a2-0": "valid", "a3-0": "test"}
    previous = Matched({"a1-0": "train"}, renamed=frozenset({"a1-0"}), gone=2, earlier=3)
    found = describe(pairs_of(subsets), Split(subsets), previous, [], PARAMS)
    assert found["previous"] == {
        "earlier": 3,
        "kept": 1,
        "renamed": 1,
        "gone": 2,
        "new": 3,
        "new_subsets": {"train": 1, "valid": 1, "test": 1},
    }
    assert found["groups_by_source"]["a"]["off"] == pytest.approx(36.67)
    assert found["groups_by_source"]["a"]["nearest"] == pytest.approx(13.33)
    assert found["subsets"] == {"train": 2, "valid": 1, "test": 1}


def test_a_random_split_leaks_what_chance_says():
    """500 photographs of two crops: 100 of 1,000 in test. A test pair's other crop is in test with chance 99/999.

    So 1 - 99/999 = 90.1 % leak; the mean over 20 splits of 100 test pairs comes near to it.
    """
    subsets = {f"p{photo}-{crop}": "train" for photo in range(500) for crop in range(2)}
    random = describe(pairs_of(subsets), Split(subsets), Matched({}), [], PARAMS)["leaks"]["random"]
    assert random["test_pairs"] == 100
    assert random["share"] == pytest.approx(0.901, abs=0.03)


def test_duplicates_of_pairs_set_aside_are_listed_too():
    known = {"a1-0": "train", "a2-0": "valid", "a3-0": "test", "a4-0": ""}
    subsets = {stem: subset for stem, subset in known.items() if subset}
    split = Split(subsets, (Rejection("a4-0", "for a reason"),))
    near = [NearDuplicate("a1-0", "a4-0", 3, "mirrored"), NearDuplicate("a4-0", "a2-0", 3, "same")]
    found = describe(pairs_of(known), split, Matched({}), near, PARAMS)
    duplicate, other = found["duplicates"]
    assert (duplicate["subsets"], other["subsets"]) == (["train", ""], ["", "valid"])
    assert duplicate["turn"] == "mirrored"
    assert found["set_aside"] == [{"name": "a4-0", "reason": "for a reason"}]
    assert found["pairs"] == 3


def test_what_is_given_is_measured_where_it_is():
    subsets = {"a1-0": "train", "a1-1": "test", "a2-0": "valid"}
    assert describe(pairs_of(subsets), Split(subsets), Matched({}), [], PARAMS)["leaks"]["official"] is None
    found = describe(pairs_of(subsets, "test"), Split(subsets), Matched({}), [], PARAMS)["leaks"]["official"]
    assert (found["test_pairs"], found["test_leaked"]) == (3, 0)
