from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crackflow.errors import DataError
from crackflow.splitting.grouping import SUBSETS, assign_subsets, group_pairs

SHARES = {"train": 0.7, "valid": 0.2, "test": 0.1}
NONE_EMPTY = defaultdict(bool)


def test_shared_parents_and_duplicates_chain_into_one_group():
    parents = {"a1": "a", "a2": "a", "b1": "b", "c1": "c", "c2": "c", "d1": "d", "e1": "e"}
    # a and c look alike through a2 and c1, c and e through c2 and e1
    groups = group_pairs(parents, [("c1", "a2"), ("c2", "e1"), ("a1", "a2")])
    assert groups == {"a1": "a", "a2": "a", "b1": "b", "c1": "a", "c2": "a", "d1": "d", "e1": "a"}


def test_without_duplicates_a_group_is_a_parent():
    parents = {"x": "b", "y": "a", "z": "b"}
    assert group_pairs(parents, []) == parents


def test_many_duplicates_between_two_parents_still_join_them():
    parents = {f"{parent}{number}": parent for parent in "ab" for number in range(32)}
    links = [(f"a{one}", f"b{other}") for one in range(32) for other in range(32)]
    assert set(group_pairs(parents, links).values()) == {"a"}


def test_equal_groups_meet_the_shares_exactly_in_every_source():
    # 10 groups of 3 in each of 3 sources: 7, 2 and 1 groups
    groups = {
        f"{source}{group}-{crop}": f"{source}{group}" for source in "abc" for group in range(10) for crop in "xyz"
    }
    sources = {stem: stem[0] for stem in groups}
    found = assign_subsets(groups, sources, NONE_EMPTY, SHARES, 0)
    counts = Counter((sources[stem], subset) for stem, subset in found.items())
    assert counts == {
        (source, subset): size for source in "abc" for subset, size in zip(SUBSETS, (21, 6, 3), strict=True)
    }


def test_many_small_sources_still_add_up_to_the_shares():
    # two photographs in each of ten sources: no source can be split by the shares, all twenty can
    groups = {f"{source}{photo}": f"{source}{photo}" for source in "abcdefghij" for photo in range(2)}
    for seed in range(5):
        found = assign_subsets(groups, {stem: stem[0] for stem in groups}, NONE_EMPTY, SHARES, seed)
        assert Counter(found.values()) == {"train": 14, "valid": 4, "test": 2}


def test_photographs_with_many_crops_go_to_all_subsets_alike():
    rng = np.random.default_rng(0)
    groups = {f"{group}-{crop}": f"{group}" for group in range(300) for crop in range(1 + rng.poisson(2))}
    found = assign_subsets(groups, dict.fromkeys(groups, "one"), NONE_EMPTY, SHARES, 0)
    sizes = {subset: Counter(groups[stem] for stem in found if found[stem] == subset) for subset in SUBSETS}
    means = [sum(members.values()) / len(members) for members in sizes.values()]
    assert max(means) / min(means) < 1.1


@pytest.mark.parametrize("count", [3, 4, 6, 12])
def test_tiny_sets_leave_no_subset_empty(count):
    groups = {f"{pair}": f"{pair // 2}" for pair in range(2 * count)}
    found = assign_subsets(groups, dict.fromkeys(groups, "one"), NONE_EMPTY, SHARES, 0)
    assert set(found.values()) == set(SUBSETS)
    assert all(found[f"{2 * group}"] == found[f"{2 * group + 1}"] for group in range(count))


def test_one_huge_group_leaves_no_subset_empty():
    groups = {f"{pair}": "huge" if pair < 98 else f"{pair}" for pair in range(100)}
    found = assign_subsets(groups, dict.fromkeys(groups, "one"), NONE_EMPTY, SHARES, 0)
    assert Counter(found.values()) == {"train": 98, "valid": 1, "test": 1}


def test_too_few_groups_to_split():
    groups = {"a": "p", "b": "p", "c": "q"}
    with pytest.raises(
        DataError,
        match=r"the 3 pairs come from too few photographs: 2 .* expected at least 3, one for each of train, valid",
    ):
        assign_subsets(groups, dict.fromkeys(groups, "one"), NONE_EMPTY, SHARES, 0)


pairs = st.lists(st.tuples(st.integers(0, 25), st.integers(0, 3), st.booleans()), min_size=30, max_size=120)
# a busy machine is no defect
quiet = settings(deadline=None, max_examples=15)


def made(pairs):
    """Group, source and emptiness by stem, of (group, source, empty); three pairs more make three groups at least."""
    groups = {f"{place}": f"{group}" for place, (group, _, _) in enumerate(pairs)}
    sources = {f"{place}": f"{source}" for place, (_, source, _) in enumerate(pairs)}
    empty = {f"{place}": bare for place, (_, _, bare) in enumerate(pairs)}
    more = [f"more{group}" for group in range(3)]
    return groups | dict(zip(more, more, strict=True)), sources | dict.fromkeys(more, "0"), empty | dict.fromkeys(more)


@quiet
@given(pairs=pairs, seed=st.integers(0, 5), valid=st.floats(0.1, 0.4), test=st.floats(0.1, 0.4), random=st.randoms())
def test_no_group_is_ever_on_two_sides_and_order_is_of_no_consequence(pairs, seed, valid, test, random):
    groups, sources, empty = made(pairs)
    shares = {"train": 1 - valid - test, "valid": valid, "test": test}
    found = assign_subsets(groups, sources, empty, shares, seed)
    assert list(found) == list(groups)
    assert len({(groups[stem], subset) for stem, subset in found.items()}) == len(set(groups.values()))
    assert set(found.values()) == set(SUBSETS)
    shuffled = random.sample(list(groups.items()), len(groups))
    assert assign_subsets(dict(shuffled), dict(reversed(sources.items())), empty, shares, seed) == found


# sizes of a source's groups: at least 20, the largest a twentieth of the pairs or less
source = st.lists(st.integers(1, 4), min_size=20, max_size=60).filter(lambda sizes: max(sizes) <= sum(sizes) / 20)


@quiet
@given(sizes=st.lists(source, min_size=5, max_size=12), seed=st.integers(0, 3), bare=st.integers(2, 9))
def test_shares_hold_in_total_and_by_source_where_groups_are_small(sizes, seed, bare):
    rows = [
        (f"{number}-{group}-{pair}", f"{number}-{group}", f"{number}")
        for number, groups in enumerate(sizes)
        for group, size in enumerate(groups)
        for pair in range(size)
    ]
    sources = {stem: source for stem, _, source in rows}
    empty = {stem: place % bare == 0 for place, stem in enumerate(sources)}
    found = assign_subsets({stem: group for stem, group, _ in rows}, sources, empty, SHARES, seed)
    assert off(found.values()) <= 0.01
    for name in set(sources.values()):
        assert off(subset for stem, subset in found.items() if sources[stem] == name) <= 0.05 + 1e-9


def off(subsets):
    counts = Counter(subsets)
    return max(abs(counts[name] / counts.total() - share) for name, share in SHARES.items())


def test_pairs_that_are_assigned_count_to_the_shares():
    # 10 of 30 are in test already, which is more than its 3: of the other 20, none need go there
    groups = {f"{pair}": f"{pair}" for pair in range(20)}
    assigned = {f"old{pair}": "test" for pair in range(10)}
    sources = dict.fromkeys([*groups, *assigned], "one")
    counts = Counter(assign_subsets(groups, sources, NONE_EMPTY, SHARES, 0, assigned).values())
    assert counts["test"] == 0
    # 0.7 and 0.2 of 30 are 21 and 6; the 7 that test has too many are taken from both
    assert 14 <= counts["train"] <= 17


def test_only_subsets_without_a_pair_must_get_one():
    assert assign_subsets({}, {}, NONE_EMPTY, SHARES, 0, {}, {"a": "train", "b": "valid", "c": "test"}) == {}
    one = assign_subsets({"a": "a"}, {"a": "x"}, NONE_EMPTY, SHARES, 0, {}, {"b": "train", "c": "valid"})
    assert one == {"a": "test"}
    with pytest.raises(DataError, match=r"the 0 pairs .* expected at least 1, one for each of test;"):
        assign_subsets({}, {}, NONE_EMPTY, SHARES, 0, {}, {"b": "train", "c": "valid"})


def test_crack_free_pairs_of_a_source_are_spread_too():
    # 100 photographs of one source, every second one crack-free: 35, 10 and 5 of each kind
    groups = {f"{pair}": f"{pair}" for pair in range(100)}
    empty = {stem: int(stem) % 2 == 0 for stem in groups}
    found = assign_subsets(groups, dict.fromkeys(groups, "one"), empty, SHARES, 0)
    counts = Counter((empty[stem], subset) for stem, subset in found.items())
    assert counts == {(bare, name): n for bare in (True, False) for name, n in zip(SUBSETS, (35, 10, 5), strict=True)}


def test_the_seed_decides():
    groups = {f"{pair}": f"{pair}" for pair in range(50)}
    sources = dict.fromkeys(groups, "one")
    splits = [assign_subsets(groups, sources, NONE_EMPTY, SHARES, seed) for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]


@pytest.mark.parametrize(("pairs", "cracked"), [(20, 3), (20, 4), (200, 6), (5, 3)])
def test_few_pairs_with_cracks_reach_every_subset(pairs, cracked):
    groups = {f"{pair:03d}": f"{pair:03d}" for pair in range(pairs)}
    empty = {stem: int(stem) >= cracked for stem in groups}
    for seed in range(30):
        found = assign_subsets(groups, dict.fromkeys(groups, "one"), empty, SHARES, seed)
        assert {subset for stem, subset in found.items() if not empty[stem]} == set(SUBSETS)
        assert set(found.values()) == set(SUBSETS)


def test_pairs_that_are_kept_tell_which_subsets_have_cracks():
    groups = {f"{pair}": f"{pair}" for pair in range(10)}
    kept = {"old1": "train", "old2": "valid", "old3": "test"}
    # valid has no crack yet, and one new pair of ten has one
    empty = {stem: stem not in ("4", "old1", "old3") for stem in [*groups, *kept]}
    sources = dict.fromkeys([*groups, *kept], "one")
    for seed in range(10):
        assert assign_subsets(groups, sources, empty, SHARES, seed, {}, kept)["4"] == "valid"
