from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crackflow.errors import DataError
from crackflow.splitting import SUBSETS, assign_subsets, group_pairs

SHARES = {"train": 0.7, "valid": 0.2, "test": 0.1}


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


def test_equal_groups_meet_the_shares_exactly_in_every_stratum():
    # 10 groups of 3 in each of 3 strata: 7, 2 and 1 groups
    groups = {
        f"{stratum}{group}-{crop}": f"{stratum}{group}" for stratum in "abc" for group in range(10) for crop in "xyz"
    }
    strata = {stem: stem[0] for stem in groups}
    found = assign_subsets(groups, strata, SHARES, 0)
    counts = Counter((strata[stem], subset) for stem, subset in found.items())
    assert counts == {
        (stratum, subset): size for stratum in "abc" for subset, size in zip(SUBSETS, (21, 6, 3), strict=True)
    }


def test_many_small_strata_still_add_up_to_the_shares():
    # two photographs in each of ten strata: no stratum can be split by the shares, all twenty can
    groups = {f"{stratum}{photo}": f"{stratum}{photo}" for stratum in "abcdefghij" for photo in range(2)}
    for seed in range(5):
        found = assign_subsets(groups, {stem: stem[0] for stem in groups}, SHARES, seed)
        assert Counter(found.values()) == {"train": 14, "valid": 4, "test": 2}


def test_photographs_with_many_crops_go_to_all_subsets_alike():
    rng = np.random.default_rng(0)
    groups = {f"{group}-{crop}": f"{group}" for group in range(300) for crop in range(1 + rng.poisson(2))}
    found = assign_subsets(groups, dict.fromkeys(groups, "one"), SHARES, 0)
    sizes = {subset: Counter(groups[stem] for stem in found if found[stem] == subset) for subset in SUBSETS}
    means = [sum(members.values()) / len(members) for members in sizes.values()]
    assert max(means) / min(means) < 1.1


@pytest.mark.parametrize("count", [3, 4, 6, 12])
def test_tiny_sets_leave_no_subset_empty(count):
    groups = {f"{pair}": f"{pair // 2}" for pair in range(2 * count)}
    found = assign_subsets(groups, dict.fromkeys(groups, "one"), SHARES, 0)
    assert set(found.values()) == set(SUBSETS)
    assert all(found[f"{2 * group}"] == found[f"{2 * group + 1}"] for group in range(count))


def test_one_huge_group_leaves_no_subset_empty():
    groups = {f"{pair}": "huge" if pair < 98 else f"{pair}" for pair in range(100)}
    found = assign_subsets(groups, dict.fromkeys(groups, "one"), SHARES, 0)
    assert Counter(found.values()) == {"train": 98, "valid": 1, "test": 1}


def test_too_few_groups_to_split():
    groups = {"a": "p", "b": "p", "c": "q"}
    with pytest.raises(
        DataError,
        match=r"the 3 pairs come from too few photographs: 2 .* expected at least 3, one for each of train, valid",
    ):
        assign_subsets(groups, dict.fromkeys(groups, "one"), SHARES, 0)


pairs = st.lists(st.tuples(st.integers(0, 25), st.integers(0, 3)), min_size=30, max_size=200)


@given(pairs=pairs, seed=st.integers(0, 5), valid=st.floats(0.1, 0.4), test=st.floats(0.1, 0.4))
def test_no_group_is_ever_on_two_sides(pairs, seed, valid, test):
    groups = {f"{place}": f"{group}" for place, (group, _) in enumerate(pairs)}
    groups |= {f"more{group}": f"more{group}" for group in range(3)}
    strata = {f"{place}": f"{stratum}" for place, (_, stratum) in enumerate(pairs)}
    strata |= {f"more{group}": "0" for group in range(3)}
    shares = {"train": 1 - valid - test, "valid": valid, "test": test}
    found = assign_subsets(groups, strata, shares, seed)
    assert list(found) == list(groups)
    assert len({(groups[stem], subset) for stem, subset in found.items()}) == len(set(groups.values()))
    assert set(found.values()) == set(SUBSETS)
    assert found == assign_subsets(groups, strata, shares, seed)


def test_the_seed_decides():
    groups = {f"{pair}": f"{pair}" for pair in range(50)}
    strata = dict.fromkeys(groups, "one")
    splits = [assign_subsets(groups, strata, SHARES, seed) for seed in (0, 0, 1)]
    assert splits[0] == splits[1] != splits[2]
