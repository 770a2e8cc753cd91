from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crackflow.splitting.shares import Target, least_difference

SHARES = [0.7, 0.2, 0.1]


def test_the_nearest_of_eight_pairs_in_five_groups():
    # 3 + 2 + 1 + 1 + 1 pairs. 6, 1, 1: 75 %, 12.5 %, 12.5 %, so valid is 7.5 points off; 5, 2, 1: train is, by 7.5 too
    assert least_difference([3, 2, 1, 1, 1], SHARES) == pytest.approx(0.075)


def test_the_nearest_of_one_huge_group():
    # 90 of 100 in train is 20 points off; in valid or test it is more
    assert least_difference([90, *[1] * 10], SHARES) == pytest.approx(0.2)


def test_the_nearest_after_what_is_assigned():
    # 5 of 10 are in test and stay there
    assert least_difference([1] * 5, SHARES, [0, 0, 5]) == pytest.approx(0.4)


def test_the_nearest_is_not_looked_for_among_too_many():
    assert least_difference([1] * 2001, SHARES) is None
    assert least_difference([], SHARES) is None


@settings(deadline=None, max_examples=40)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=6),
    assigned=st.lists(st.integers(0, 4), min_size=3, max_size=3),
    shares=st.sampled_from([SHARES, [0.5, 0.3, 0.2], [1 / 3, 1 / 3, 1 / 3]]),
)
def test_the_nearest_is_that_of_trying_all(sizes, assigned, shares):
    total = sum(sizes) + sum(assigned)
    best = 1.0
    for chosen in product(range(3), repeat=len(sizes)):
        got = [assigned[k] + sum(size for size, at in zip(sizes, chosen, strict=True) if at == k) for k in range(3)]
        best = min(best, max(abs(got[k] / total - shares[k]) for k in range(3)))
    assert least_difference(sizes, shares, assigned) == pytest.approx(best)


def test_two_subsets():
    assert least_difference([3, 1], [0.5, 0.5]) == pytest.approx(0.25)


def test_how_far_an_assignment_is_off_worked_by_hand():
    """Two sources of one group each, of 10 pairs and of one, all in train: 30 points too many, 20 and 10 too few.

    Beyond the bounds are 25 points of each source and 29 of all. The squared error is 0.14 of either, and in total.
    """
    target = Target(np.array([[10.0, 0, 10], [0, 1, 1]]), np.zeros((3, 3)), np.array(SHARES))
    chosen = np.array([0, 0])
    assert target.off(target.got(chosen)) == pytest.approx(np.repeat([[0.3], [-0.2], [-0.1]], 3, axis=1))
    assert target.rank(chosen) == pytest.approx((0.29, 0.5, 0.42))
