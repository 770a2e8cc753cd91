import numpy as np

from crackflow.splitting.group_share import too_large

SHARES = [0.7, 0.2, 0.1]
HELD_BACK = [False, True, True]


def found(sizes, limit=0.25, assigned=(0, 0, 0)):
    counts = np.array(sizes, float)[:, None]
    return too_large(counts, np.array(assigned, float)[:, None], SHARES, HELD_BACK, limit)


def test_a_group_above_the_limit_of_what_a_subset_gets_is_too_large_for_it():
    # of 100 pairs 20 are due to valid and 10 to test: at most 5 and 2.5 of one group
    sizes = [20, 5, 3, 2, *[2] * 35]
    assert found(sizes)[:4].tolist() == [
        [False, True, True],
        [False, False, True],
        [False, False, True],
        [False, False, False],
    ]


def test_no_limit_finds_nothing():
    assert not found([20, *[2] * 40], limit=1).any()


def test_a_source_whose_small_groups_do_not_fill_what_is_held_back_is_let_be():
    # 8 pairs: .8 are due to test, so that each group is above a quarter of it
    assert not found([1] * 8).any()
    # 100 pairs: the 12 small ones fill test's 10, but not the 30 of valid and test together
    assert found([22, 22, 22, 22, *[2] * 6]).tolist() == [[False, False, True]] * 4 + [[False] * 3] * 6


def test_what_has_its_subset_already_counts():
    # 100 pairs, of which test has its 10 already
    assert found([22, 22, 22, 22, 2], assigned=(0, 0, 10)).tolist() == [[False, False, True]] * 4 + [[False] * 3]


def test_pairs_that_have_their_subset_make_the_source_larger():
    # of 100 pairs, 50 of them in train, test is due 10: two of one group are no large part of it
    assert not found([2] * 25, assigned=(50, 0, 0)).any()


def test_where_nothing_is_missing_no_small_group_is_needed():
    # of 100 pairs test has its 10, and there is no small group; valid would need 20
    assert found([30, 30, 30], assigned=(0, 0, 10)).tolist() == [[False, False, True]] * 3


def test_each_source_is_looked_at_by_itself():
    """Source a is 100 pairs: a group of 10, which is too large, and 90 small ones. Source b is 900, 500 in train.

    Its groups of 50 are above a quarter of the 90 that test is due, but there is none that is smaller.
    """
    counts = np.array([[10, 0], *[[1, 0]] * 90, *[[0, 50]] * 8], float)
    assigned = np.array([[0, 500], [0, 0], [0, 0]], float)
    large = too_large(counts, assigned, SHARES, HELD_BACK, 0.25)
    assert large.dtype == bool
    assert large.tolist() == [[False, True, True], *[[False] * 3] * 98]


def test_a_group_of_two_sources_is_too_large_where_it_is_for_either():
    counts = np.array([[6, 1], *[[1, 1]] * 94], float)
    assert too_large(counts, np.zeros((3, 2)), SHARES, HELD_BACK, 0.25)[0].tolist() == [False, True, True]
