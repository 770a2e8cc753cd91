from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crackflow.errors import DataError
from crackflow.params import SplitParams
from crackflow.splitting.leakage import count_leaks
from crackflow.splitting.protocols import Pairs, split_at_random, split_pairs

SHARES = {"train": 0.7, "valid": 0.2, "test": 0.1}


def photographs(count, crops=2, given=""):
    """PHOTO-CROP of one source, no two photographs alike."""
    parents = {f"{photo:03d}-{crop}": f"{photo:03d}" for photo in range(count) for crop in range(crops)}
    return Pairs(
        sources=dict.fromkeys(parents, "one"),
        parents=parents,
        empty=dict.fromkeys(parents, False),
        given=dict.fromkeys(parents, given),
        duplicates=(),
    )


def params(**values):
    return SplitParams.model_validate(values)


def test_grouped_leaks_nothing():
    pairs = photographs(50)
    split = split_pairs(pairs, {}, params())
    assert Counter(split.subsets.values()) == {"train": 70, "valid": 20, "test": 10}
    assert count_leaks(split.subsets, pairs.parents, pairs.duplicates).parents_across == 0
    assert list(split.subsets) == sorted(split.subsets)


def test_shares_bind_new_pairs_alone():
    # 20 old photographs, all in train; of the 80 new pairs 56, 16 and 8 are due
    pairs = photographs(60)
    previous = {stem: "train" for stem, parent in pairs.parents.items() if parent < "020"}
    split = split_pairs(pairs, previous, params())
    assert previous.items() <= split.subsets.items()
    new = Counter(subset for stem, subset in split.subsets.items() if stem not in previous)
    assert new == {"train": 56, "valid": 16, "test": 8}


def test_new_crops_of_old_photographs_count_as_new():
    # the second crops of 20 old test photographs must follow them: 20 of 100 new pairs, twice what test is due, so it
    # gets no other; the 80 that are left go to train and valid
    pairs = photographs(60)
    previous = {f"{photo:03d}-0": "test" for photo in range(20)}
    split = split_pairs(pairs, previous, params())
    new = Counter(subset for stem, subset in split.subsets.items() if stem not in previous)
    assert new["test"] == 20
    assert new["train"] + new["valid"] == 80


def with_cracks(pairs, *photos):
    return Pairs(**{**vars(pairs), "empty": {stem: parent not in photos for stem, parent in pairs.parents.items()}})


def test_cracks_in_too_few_photographs_are_said_before_training():
    pairs = with_cracks(photographs(10), "003", "007")
    with pytest.raises(
        DataError,
        match=r"auto leaves \w+ without a pair that has cracks: 4 of 20 pairs have any, from 2 photographs; "
        r"expected at least one photograph with cracks for each of train, valid, test: add photographs$",
    ):
        split_pairs(pairs, {}, params())
    assert split_pairs(with_cracks(photographs(10), "003", "007", "008"), {}, params())


def test_a_file_that_leaves_a_subset_without_cracks_is_said():
    previous = {"000-0": "train", "001-0": "valid", "002-0": "test"}
    with pytest.raises(DataError, match=r"file leaves valid and test without .* or use split\.protocol grouped$"):
        split_pairs(with_cracks(photographs(3), "000"), previous, params(protocol="file"))


def test_random_is_by_pair_with_the_shares_rounded():
    pairs = photographs(50)
    split = split_pairs(pairs, {}, params(protocol="random"))
    assert Counter(split.subsets.values()) == {"train": 70, "valid": 20, "test": 10}
    assert count_leaks(split.subsets, pairs.parents, pairs.duplicates).parents_across > 0
    assert split.subsets == dict(sorted(split_at_random(pairs.parents, SHARES, 0).items()))
    assert split.subsets != split_pairs(pairs, {}, params(protocol="random", seed=1)).subsets


def kaggles():
    """60 photographs of two crops: one of each tenth photograph is given to test, all else to train."""
    pairs = photographs(60, given="train")
    return Pairs(
        **{**vars(pairs), "given": pairs.given | {f"{photo:03d}-1": "test" for photo in range(0, 60, 10)}},
    )


def test_official_keeps_test_and_deals_valid_out_of_train_by_groups():
    pairs = kaggles()
    split = split_pairs(pairs, {}, params(protocol="official"))
    assert {stem for stem, subset in split.subsets.items() if subset == "test"} == {
        f"{photo:03d}-1" for photo in range(0, 60, 10)
    }
    # of 114 train pairs two ninths are valid: 25.3; 54 photographs have two crops there, 6 have one
    valid = {stem for stem, subset in split.subsets.items() if subset == "valid"}
    assert 24 <= len(valid) <= 27
    for photo in {pairs.parents[stem] for stem in valid}:
        crops = {split.subsets[stem] for stem in pairs.parents if pairs.parents[stem] == photo}
        assert "train" not in crops


def test_official_takes_no_large_part_of_valid_from_one_photograph():
    # 100 of 220 pairs are given to train; of these, four sevenths are due to valid, which is 114 of 200
    pairs = photographs(100, given="train")
    parents = {stem: "000" if photo < "012" else photo for stem, photo in pairs.parents.items()}
    pairs = replace(pairs, parents=parents, given=pairs.given | {"099-0": "test", "099-1": "test"})
    shares = {"train": 0.3, "valid": 0.4, "test": 0.3}
    for share, expected in ((0.2, "train"), (1, "valid")):
        values = params(protocol="official", shares=shares, group_share=share)
        assert split_pairs(pairs, {}, values).subsets["000-0"] == expected


def test_official_takes_a_given_valid_as_it_is():
    pairs = kaggles()
    given_subsets = pairs.given | {"001-0": "valid", "002-0": ""}
    split = split_pairs(Pairs(**{**vars(pairs), "given": given_subsets}), {}, params(protocol="official"))
    assert split.subsets == {stem: subset for stem, subset in sorted(given_subsets.items()) if subset}
    (aside,) = split.set_aside
    assert aside == ("002-0", "came without a subset, which split.protocol official needs")


@pytest.mark.parametrize(
    ("subset", "message"),
    [
        ("", "needs pairs that came in train/ and test/, but none of 10 did; use split.protocol grouped"),
        ("train", "leaves test without a pair"),
        ("test", "leaves train and valid without a pair"),
    ],
)
def test_official_needs_subsets(subset, message):
    with pytest.raises(DataError, match=message):
        split_pairs(photographs(5, given=subset), {}, params(protocol="official"))


def test_file_is_exactly_that():
    pairs = photographs(3)
    previous = {"000-0": "train", "000-1": "test", "001-0": "valid", "gone": "test"}
    split = split_pairs(pairs, previous, params(protocol="file"))
    assert split.subsets == {"000-0": "train", "000-1": "test", "001-0": "valid"}
    assert [rejected.name for rejected in split.set_aside] == ["001-1", "002-0", "002-1"]
    assert split.set_aside[0].reason == "is not in split.previous, which split.protocol file follows"


def test_file_needs_a_file():
    with pytest.raises(
        DataError, match=r"file needs an earlier split, but split\.previous data/previous\.csv holds no"
    ):
        split_pairs(photographs(3), {}, params(protocol="file"))
    with pytest.raises(DataError, match="file leaves valid and test without a pair"):
        split_pairs(photographs(3), {"000-0": "train"}, params(protocol="file"))


@pytest.mark.parametrize("protocol", ["official", "random"])
def test_protocols_that_do_not_keep_an_earlier_split_say_so(protocol):
    with pytest.raises(DataError, match=rf"{protocol} does not keep an earlier split, but .* holds 1 pairs; set split"):
        split_pairs(kaggles(), {"000-0": "train"}, params(protocol=protocol))


grown = st.lists(st.tuples(st.integers(0, 15), st.sampled_from("xyz"), st.booleans()), min_size=12, max_size=50)


@settings(deadline=None, max_examples=15)
@given(
    rows=grown,
    links=st.lists(st.tuples(st.integers(0, 11), st.integers(0, 49)), max_size=12),
    first=st.integers(9, 30),
    random=st.randoms(),
)
def test_a_growing_set_never_moves_a_pair_and_never_leaks(rows, links, first, random):
    """Split the first pairs, then all with that split as the previous one, in another order."""
    stems = [f"pair{place:02d}" for place in range(len(rows))]
    random.shuffle(stems)

    def some(count, order):
        count = min(count, len(rows))
        # three more make three groups at least
        known = dict(zip(stems[:count], rows, strict=False)) | {f"lone{n}": (100 + n, "x", False) for n in range(3)}
        listed = order(list(known))
        links_ = [(stems[one], stems[other]) for one, other in links if one < count and other < count and one != other]
        return Pairs(
            sources={stem: known[stem][1] for stem in listed},
            parents={stem: f"{known[stem][0]}" for stem in listed},
            empty={stem: known[stem][2] for stem in listed},
            given=dict.fromkeys(listed, ""),
            duplicates=tuple(order(links_)),
        )

    before = split_pairs(some(first, list), {}, params()).subsets
    everything = some(len(rows), list)
    after = split_pairs(everything, before, params())
    assert before.items() <= after.subsets.items()
    assert set(after.subsets) | {aside.name for aside in after.set_aside} == set(everything.parents)
    leaks = count_leaks(after.subsets, everything.parents, everything.duplicates)
    assert (leaks.parents_across, leaks.duplicates_across) == (0, 0)
    shuffled = some(len(rows), lambda items: random.sample(items, len(items)))
    assert split_pairs(shuffled, before, params()) == after


@pytest.mark.parametrize("protocol", ["grouped", "random"])
def test_foreign_sources_are_in_no_other_subset_and_count_to_no_share(protocol):
    pairs = photographs(60)
    pairs = Pairs(**{**vars(pairs), "sources": {stem: "far" if stem < "010" else "one" for stem in pairs.sources}})
    split = split_pairs(pairs, {}, params(protocol=protocol, foreign={"test": ["far"]}))
    assert Counter(split.subsets.values()) == {"train": 70, "valid": 20, "test": 10, "foreign_test": 20}
    assert {pairs.sources[stem] for stem, subset in split.subsets.items() if subset == "foreign_test"} == {"far"}


def test_what_was_foreign_before_is_assigned_as_if_it_were_new():
    pairs = photographs(50)
    split = split_pairs(pairs, dict.fromkeys(pairs.sources, "foreign_test"), params())
    assert Counter(split.subsets.values()) == {"train": 70, "valid": 20, "test": 10}


def test_one_photograph_is_no_large_part_of_valid_or_test():
    # a photograph of 24 crops; valid, which has the largest share, gets 80 pairs, a quarter of which are 20
    pairs = photographs(100)
    parents = {stem: "000" if photo < "012" else photo for stem, photo in pairs.parents.items()}
    pairs = Pairs(**{**vars(pairs), "parents": parents})
    shares = {"train": 0.3, "valid": 0.4, "test": 0.3}

    def subsets(**values):
        return {
            split_pairs(pairs, {}, params(shares=shares, seed=seed, **values)).subsets["000-0"] for seed in range(8)
        }

    assert subsets() == {"train"}
    assert subsets(group_share=1) == {"valid"}


def given_in_thirds(count, crops=1):
    pairs = photographs(count, crops)
    third = {f"{photo:03d}": ("train", "valid", "test")[photo % 3] for photo in range(count)}
    return replace(pairs, given={stem: third[parent] for stem, parent in pairs.parents.items()})


def test_auto_keeps_a_clean_division():
    pairs = given_in_thirds(30, crops=2)
    split = split_pairs(pairs, {}, params(protocol="auto"))
    assert split.subsets == pairs.given
    assert split.note == "as given, which leaks nothing"


def test_a_division_that_came_with_the_pairs_is_looked_at_unless_told_otherwise():
    pairs = given_in_thirds(30, crops=2)
    assert split_pairs(pairs, {}, params()).subsets == pairs.given
    # shares of thirds are what nobody asked for
    assert split_pairs(pairs, {}, params(protocol="grouped")).subsets != pairs.given


def test_auto_assigns_a_division_that_leaks_anew_and_says_so():
    pairs = given_in_thirds(30)
    # 000-0 is in train, 002-0 in test
    leaky = replace(pairs, duplicates=(("000-0", "002-0"),))
    split = split_pairs(leaky, {}, params(protocol="auto"))
    assert split.subsets["000-0"] == split.subsets["002-0"]
    assert split.note.startswith("assigned anew: 1 of 10 test pairs leak as given; 0 photographs and 1 near-duplicates")
    without = replace(pairs, empty={stem: subset == "test" for stem, subset in pairs.given.items()})
    assert split_pairs(without, {}, params(protocol="auto")).note == "assigned anew: test had no cracks as given"


@pytest.mark.parametrize(
    ("given_to", "previous", "why"),
    [
        # nothing to say where no division came
        ({}, {}, ""),
        ({}, {"000-0": "test"}, ""),
        ({"000-0": "train"}, {}, "assigned anew: some of the pairs came without subsets"),
        (None, {"000-0": "test"}, "assigned anew: an earlier split is kept"),
    ],
)
def test_auto_is_grouped_where_nothing_whole_is_given(given_to, previous, why):
    pairs = given_in_thirds(30)
    if given_to is not None:
        pairs = replace(pairs, given=dict.fromkeys(pairs.given, "") | given_to)
    found = split_pairs(pairs, previous, params(protocol="auto"))
    assert found.subsets == split_pairs(pairs, previous, params(protocol="grouped")).subsets
    assert found.note == why
