"""Confidence intervals of a ratio of sums over groups, and of the difference between two such ratios.

A figure such as a pooled IoU or a mean over images is sum(part) / sum(whole). What belongs to one group is not
independent, so the group is the unit. The variance is that of the linearized ratio (Cochran 1977, section 6.19, and
Davison and Hinkley 1997, section 2.7.2). Few groups, or a few large ones, make that variance itself uncertain. So the
interval takes Student's t with the degrees of freedom of Bell and McCaffrey (2002), as Imbens and Kolesar (2016)
advise: a handful where one group holds most of `whole`, the number of groups less one where all are alike. Ends on the
scale of log-odds keep within 0 and 1.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

Sums = NDArray[np.float64]
UNKNOWN = (float("nan"), float("nan"))


class Estimate(NamedTuple):
    """A figure and how well it is known."""

    value: float
    error: float
    """standard error; 0 where all groups agree, NaN where there are fewer than two"""
    freedom: float
    """degrees of freedom of that error; NaN where there are fewer than two groups"""


def ratio(part: Sums, whole: Sums) -> Estimate:
    """Estimate sum(part) / sum(whole).

    Args:
        part: float64 (G,), a sum over each group.
        whole: float64 (G,), likewise, at least 0; a group of 0 is no part of the figure.

    Returns:
        The ratio; NaN where `whole` is 0 everywhere.
    """
    return _estimate(_linear(part, whole))


def difference(old: tuple[Sums, Sums], new: tuple[Sums, Sums]) -> Estimate:
    """Estimate the ratio `new` less the ratio `old`, both over the same groups.

    Args:
        old: part and whole, each float64 (G,), in the same order of groups as those of `new`.
        new: likewise.
    """
    before, after = _linear(*old), _linear(*new)
    return _estimate(
        _Linear(after.value - before.value, after.residuals - before.residuals, (after.weights + before.weights) / 2)
    )


def ratio_interval(found: Estimate, level: float) -> tuple[float, float]:
    """Give the interval of a ratio within 0 and 1.

    Args:
        found: as `ratio` gives it.
        level: confidence, for instance 0.95.

    Returns:
        Both ends; NaN where groups can't tell: there are fewer than two, all agree, or the ratio is 0 or 1.
    """
    if not (found.error > 0 and 0 < found.value < 1):
        return UNKNOWN
    # by the delta method the error of log-odds is that of the ratio over its derivative
    reach = _quantile(found, level) * found.error / (found.value * (1 - found.value))
    middle = special.logit(found.value)
    return float(special.expit(middle - reach)), float(special.expit(middle + reach))


def difference_interval(found: Estimate, level: float) -> tuple[float, float]:
    """Give the interval of a difference of two ratios within 0 and 1.

    Args:
        found: as `difference` gives it.
        level: confidence.

    Returns:
        Both ends, within -1 and 1; NaN where there are fewer than two groups. Where all groups changed alike, both are
        the difference.
    """
    if np.isnan(found.error):
        return UNKNOWN
    reach = _quantile(found, level) * found.error if found.error else 0.0
    return max(-1.0, found.value - reach), min(1.0, found.value + reach)


def widened(found: Estimate, spread: float) -> Estimate:
    """Add what a difference owes to chance elsewhere than in the groups.

    Args:
        found: as `difference` gives it.
        spread: standard deviation of each of the two figures by that chance, taken as known; 0 adds nothing.

    Returns:
        The same difference with a larger error, and its degrees of freedom by Satterthwaite. Where nothing differs in
        any group it is left as it is.
    """
    if not spread or np.isnan(found.error) or (found.value == 0 and found.error == 0):
        return found
    own, more = found.error**2, 2 * spread**2
    freedom = (own + more) ** 2 / (own**2 / found.freedom) if own else float("inf")
    return Estimate(found.value, float(np.sqrt(own + more)), float(freedom))


def sureness(found: Estimate) -> float:
    """How sure it is that the true value is above 0: one less the one-sided p-value, 0..1.

    0.5 says that nothing is known, or that both are alike.
    """
    if found.error > 0:
        return float(stats.t.cdf(found.value / found.error, found.freedom))
    return 0.5 if np.isnan(found.error) or found.value == 0 else float(found.value > 0)


class _Linear(NamedTuple):
    value: float
    residuals: Sums
    """(G,): by how much the value follows each group; their sum is 0"""
    weights: Sums
    """(G,): how much of the whole each group is; their sum is 1"""


def _linear(part: Sums, whole: Sums) -> _Linear:
    total = whole.sum()
    if total <= 0:
        return _Linear(float("nan"), np.zeros_like(part), np.zeros_like(part))
    value = part.sum() / total
    return _Linear(float(value), (part - value * whole) / total, whole / total)


def _estimate(found: _Linear) -> Estimate:
    weights = found.weights[found.weights > 0]
    number = weights.size
    if number < 2:
        return Estimate(found.value, float("nan"), float("nan"))
    error = np.sqrt(number / (number - 1) * (found.residuals**2).sum())
    # sums of rounding errors are no disagreement
    return Estimate(found.value, float(error) if error > 1e-12 else 0.0, _freedom(weights))


def _freedom(weights: Sums) -> float:
    """Satterthwaite's degrees of freedom of sum(weights^2 * residuals^2), for groups that vary alike.

    The residuals have covariance C = I - w 1' - 1 w' + w'w 1 1'. With the diagonal matrix A of squared weights it is
    tr(A C)^2 / tr(A C A C), written out here so that no (G, G) matrix is made.
    """
    squared = weights**2
    both = squared.sum()
    on_diagonal = 1 - 2 * weights + both
    # off the diagonal C is half[g] + half[h]
    half = both / 2 - weights
    trace = (squared * on_diagonal).sum()
    first, second = (squared * half).sum(), (squared * half**2).sum()
    trace_of_square = 2 * both * second + 2 * first**2 + (squared**2 * (1 + 4 * half)).sum()
    return float(trace**2 / trace_of_square)


def _quantile(found: Estimate, level: float) -> float:
    return float(stats.t.ppf((1 + level) / 2, found.freedom))
