import numpy as np
import pytest
from scipy import stats

from crackflow.statistics.ratios import (
    Estimate,
    difference,
    difference_interval,
    ratio,
    ratio_interval,
    sureness,
    widened,
)

ONES = np.ones(8)
VALUES = np.array([0.2, 0.4, 0.5, 0.5, 0.6, 0.7, 0.7, 0.9])


def test_of_equal_groups_it_is_the_t_interval_of_a_mean():
    """SciPy has the standard error of a mean and its degrees of freedom."""
    found = ratio(VALUES, ONES)
    assert found == pytest.approx((VALUES.mean(), stats.sem(VALUES), 7))
    low, high = ratio_interval(found, 0.9)
    # the same on log-odds: error over p (1 - p), and back
    p = VALUES.mean()
    middle, error = np.log(p / (1 - p)), stats.sem(VALUES) / (p * (1 - p))
    ends = np.array(stats.t.interval(0.9, 7, middle, error))
    assert (low, high) == pytest.approx(1 / (1 + np.exp(-ends)))


def test_the_error_is_that_of_the_linearized_ratio_worked_by_hand():
    """Ratio (1 + 6) / (4 + 8) = 7/12; residuals -4/3 and 4/3 over 12, so 2 / 1 * 2 * (1/9)^2 = 4/81."""
    found = ratio(np.array([1.0, 6.0]), np.array([4.0, 8.0]))
    assert found.value == pytest.approx(7 / 12)
    assert found.error == pytest.approx(2 / 9)


@pytest.mark.parametrize("whole", [np.arange(1.0, 7), np.array([1.0, 1, 1, 1, 50]), np.array([3.0, 1])])
def test_degrees_of_freedom_are_those_of_the_quadratic_form(whole):
    """Bell and McCaffrey: (sum of eigenvalues)^2 / sum of their squares, here from the whole matrix."""
    w = whole / whole.sum()
    centre = np.eye(len(w)) - np.outer(np.ones(len(w)), w)
    eigenvalues = np.linalg.eigvalsh(centre.T @ np.diag(w**2) @ centre)
    expected = eigenvalues.sum() ** 2 / (eigenvalues**2).sum()
    assert ratio(whole / 2 + np.sqrt(whole) / 9, whole).freedom == pytest.approx(expected)


def test_one_large_group_leaves_hardly_a_degree_of_freedom():
    few = ratio(np.array([60.0, 1, 0, 1]), np.array([100.0, 1, 1, 1]))
    assert few.freedom < 1.3
    low, high = ratio_interval(few, 0.95)
    # with many groups alike it would be 2 * 1.96 errors
    assert high - low > 3 * 2 * 1.96 * few.error


def test_a_group_without_anything_that_counts_changes_nothing():
    nothing = np.zeros(3)
    assert ratio(np.append(VALUES, nothing), np.append(ONES, nothing)) == ratio(VALUES, ONES)


@pytest.mark.parametrize(
    ("part", "whole"),
    [
        ([1.0], [2.0]),
        ([0, 0.0], [0, 0.0]),
        ([1.0, 0], [2.0, 0]),
        ([0.0, 0], [2.0, 2]),
        ([2.0, 2], [2.0, 2]),
        # all agree
        ([1.0, 2], [2.0, 4]),
        # all agree but for rounding: residuals of some 1e-18
        ([0.3, 0.7, 1.1], [3.0, 7, 11]),
    ],
)
def test_where_groups_can_not_tell_there_is_no_interval(part, whole):
    assert np.isnan(ratio_interval(ratio(np.array(part), np.array(whole)), 0.95)).all()


def test_rounding_is_no_disagreement():
    assert ratio(np.array([0.3, 0.7, 1.1]), np.array([3.0, 7, 11])).error == 0


@pytest.mark.filterwarnings("error")
def test_of_nothing_the_figure_is_undefined():
    nothing = ratio(np.zeros(2), np.zeros(2))
    assert np.isnan([nothing.value, nothing.error, nothing.freedom]).all()
    assert np.isnan(difference((np.zeros(2), np.zeros(2)), (np.ones(2), np.ones(2))).value)


def test_the_unit_of_the_sums_is_of_no_consequence():
    assert ratio(VALUES / 64, ONES / 64) == ratio(VALUES, ONES)


def test_ends_keep_within_0_and_1():
    low, high = ratio_interval(ratio(np.array([0.0, 0, 0, 1]), np.ones(4)), 0.95)
    assert 0 < low < 0.25 < high < 1


def test_a_difference_of_means_is_the_paired_t_test():
    after = VALUES + np.array([0.1, -0.1, 0.05, 0, 0.1, 0.02, 0.1, 0])
    theirs = stats.ttest_rel(after, VALUES)
    found = difference((VALUES, ONES), (after, ONES))
    interval = theirs.confidence_interval(0.95)
    assert difference_interval(found, 0.95) == pytest.approx((interval.low, interval.high))
    assert sureness(found) == pytest.approx(1 - stats.ttest_rel(after, VALUES, alternative="greater").pvalue)
    back = difference((after, ONES), (VALUES, ONES))
    assert sureness(back) == pytest.approx(1 - sureness(found))


def test_ends_of_a_difference_keep_within_minus_1_and_1():
    """Groups of 0 and 1 in turn: the error is large, and t of one degree of freedom reaches beyond any difference."""
    up = difference((np.array([0.0, 0]), np.ones(2)), (np.array([1.0, 0]), np.ones(2)))
    assert difference_interval(up, 0.95) == (-1, 1)


def test_what_is_alike_in_every_group_is_said_to_be():
    same = difference((VALUES, ONES), (VALUES, ONES))
    assert (*difference_interval(same, 0.95), sureness(same)) == (0, 0, 0.5)
    shifted = difference((VALUES / 2, ONES), (VALUES / 2 + 0.25, ONES))
    assert difference_interval(shifted, 0.95) == pytest.approx((0.25, 0.25))
    assert sureness(shifted) == 1


def test_one_group_tells_no_difference():
    one = difference((np.array([1.0]), np.array([2.0])), (np.array([2.0]), np.array([2.0])))
    assert one.value == 0.5
    assert np.isnan(difference_interval(one, 0.95)).all()
    assert sureness(one) == 0.5


def test_two_trainings_add_their_own_chance():
    """Errors 0.03 and twice 0.04 squared: 0.0009 + 0.0032 = 0.0041; freedom 0.0041^2 / (0.0009^2 / 5)."""
    found = widened(Estimate(0.1, 0.03, 5), 0.04)
    assert found == pytest.approx((0.1, 0.0041**0.5, 0.0041**2 / (0.0009**2 / 5)))
    assert widened(Estimate(0.1, 0.03, 5), 0) == (0.1, 0.03, 5)
    assert widened(Estimate(0.2, 0.0, 5), 0) == (0.2, 0, 5)
    # what every group agrees on is as sure as the seeds let it be: z times sqrt(2) times 0.04
    assert difference_interval(widened(Estimate(0.2, 0.0, 5), 0.04), 0.95)[0] == pytest.approx(
        0.2 - stats.norm.ppf(0.975) * 0.0032**0.5
    )
    assert widened(Estimate(0.0, 0.0, 5), 0.04) == (0, 0, 5)
