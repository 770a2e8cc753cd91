import numpy as np
import pytest

from crackflow.splitting import allocation
from crackflow.splitting.allocation import Need, assign_groups
from crackflow.splitting.shares import BY_SOURCE, OVERALL, least_difference

SHARES = [0.7, 0.2, 0.1]


def counts_of(*sources):
    """Counts (groups, sources) of group sizes by source."""
    table = np.zeros((sum(map(len, sources)), len(sources)))
    row = 0
    for column, sizes in enumerate(sources):
        table[row : row + len(sizes), column] = sizes
        row += len(sizes)
    return table


def assign(counts, seed):
    """All columns are sources, and nothing is assigned yet."""
    groups, sources = counts.shape
    every = Need(np.ones(groups, bool), np.zeros(3, bool))
    return assign_groups(counts, sources, SHARES, seed, np.zeros((3, sources)), [every])


def off(counts, chosen):
    got = np.array([counts[chosen == subset].sum(axis=0) for subset in range(3)])
    by_source = np.abs(got / got.sum(axis=0) - np.array(SHARES)[:, None]).max(axis=0)
    return by_source, np.abs(got.sum(axis=1) / got.sum() - SHARES).max()


def test_every_source_is_in_bounds_when_large_and_small_groups_are_mixed():
    """The smallest source has 20 pairs in 14 groups, the last one a group of 30 among its 100 pairs."""
    counts = counts_of([1] * 300, [2] * 150, [2] * 6 + [1] * 8, [30, 20, 10, 10, 5, 5, 5, 5, 5, 5])
    for seed in range(5):
        by_source, overall = off(counts, assign(counts, seed))
        assert by_source.max() <= BY_SOURCE + 1e-9
        assert overall <= OVERALL + 1e-9


def test_groups_across_sources_keep_both_in_bounds():
    # 40 groups with a pair in either source, 30 with one in the first alone
    counts = np.array([[1, 1]] * 40 + [[1, 0]] * 30, dtype=float)
    by_source, overall = off(counts, assign(counts, 0))
    assert by_source.max() <= BY_SOURCE
    assert overall <= OVERALL


def test_a_source_that_its_groups_keep_off_is_as_near_as_they_allow():
    counts = counts_of([1] * 500, [60, *[1] * 20])
    by_source, overall = off(counts, assign(counts, 0))
    # 60 of 80 in train are 5 points more than 70 %: no other one in train is the nearest
    assert by_source[1] == pytest.approx(least_difference([60, *[1] * 20], SHARES))
    assert overall <= OVERALL


def test_each_subset_gets_what_it_needs_first():
    """Of 40 groups three are of a kind that each subset needs; by shares alone two of them would be in train."""
    counts = np.ones((40, 1))
    rare = np.arange(40) < 3
    for seed in range(20):
        needs = [Need(np.ones(40, bool), np.zeros(3, bool)), Need(rare, np.zeros(3, bool))]
        chosen = assign_groups(counts, 1, SHARES, seed, np.zeros((3, 1)), needs)
        assert sorted(chosen[rare].tolist()) == [0, 1, 2]
        assert np.bincount(chosen).tolist() == [28, 8, 4]


def test_a_need_that_is_met_already_asks_for_nothing():
    """Train and valid have theirs, so the one group that is left of the kind goes to test, though that is full."""
    rare = np.arange(20) == 7
    needs = [Need(np.ones(20, bool), np.ones(3, bool)), Need(rare, np.array([True, True, False]))]
    chosen = assign_groups(np.ones((20, 1)), 1, SHARES, 0, np.array([[0.0], [0.0], [30.0]]), needs)
    assert chosen[7] == 2
    assert np.count_nonzero(chosen == 2) == 1


def test_of_several_attempts_the_nearest_is_kept(monkeypatch):
    """Of 17 and 13 pairs, the first attempt is out of bounds with each of these seeds; one of sixteen is within."""
    counts = counts_of([6, 6, 3, 2], [3, 3, 2, 2, 1, 1, 1])

    def within(seed):
        by_source, overall = off(counts, assign(counts, seed))
        return by_source.max() <= BY_SOURCE + 1e-9 and overall <= OVERALL + 1e-9

    assert all(within(seed) for seed in range(5))
    monkeypatch.setattr(allocation, "_ATTEMPTS", 1)
    assert not any(within(seed) for seed in range(5))


def test_needs_are_met_also_where_a_source_can_not_come_near_to_its_shares():
    """Groups of 9, 9, 9 and 2 pairs are 11 points off at best, and attempts that are nearer must not break a need."""
    counts = counts_of([9, 9, 9, 2], [1] * 12)
    rare = np.array([False] * 4 + [True] * 3 + [False] * 9)
    for seed in range(10):
        needs = [Need(np.ones(16, bool), np.zeros(3, bool)), Need(rare, np.zeros(3, bool))]
        chosen = assign_groups(counts, 2, SHARES, seed, np.zeros((3, 2)), needs)
        assert sorted(chosen[rare].tolist()) == [0, 1, 2]


def test_a_group_goes_where_it_is_to_be_avoided_only_if_a_need_leaves_no_other_subset():
    """Ten pairs of one group, 90 groups of one."""
    counts = counts_of([10, *[1] * 90])
    every = Need(np.ones(91, bool), np.zeros(3, bool))
    avoided = np.zeros((91, 3), bool)
    avoided[0, 1:] = True
    for seed in range(5):
        assert assign_groups(counts, 1, SHARES, seed, np.zeros((3, 1)), [every], avoided)[0] == 0
    only_this = Need(np.arange(91) == 0, np.array([True, True, False]))
    assert assign_groups(counts, 1, SHARES, 0, np.zeros((3, 1)), [only_this], avoided)[0] == 2
