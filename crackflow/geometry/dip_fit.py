"""Fit a blurred rectangle to the dip that a crack makes in a grey profile.

A crack of width w is a rectangle: the floor's level inside, the surface's outside. Lens, focus and pixels blur it by a
Gaussian. Where the crack is wider than the blur, its edges tell the width, however dark the floor is. Where it is
narrower, only width times depth can be seen, and the floor must be known. Both cases are one least-squares fit with a
prior on the floor: it weighs nothing against edges that show, and decides where none do. (Gaussian convolved with a
bar: Steger, "Unbiased extraction of lines with parabolic and Gaussian profiles", 2013, has the same model for lines.)
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from crackflow.geometry.dip import FLOOR, Dips, Levels, quantile

FLOOR_SPREAD = 0.15
"""Standard deviation of the floor's level, as a share of the surface's: narrow cracks are taken to be black."""
# Standard deviation of the blur, px: expected, spread of its logarithm, and limits.
_BLUR, _BLUR_SPREAD, _BLUR_LIMITS = 0.9, 0.8, (0.35, 6.0)
# Differences up to this many levels count by their square, larger ones by their size: grains and specks.
_NOISE = 5.0
# Samples beyond the edges of the dip that are fitted.
_MARGIN = 8.0
_ROUNDS, _ENOUGH = 25, 1e-3
_CHUNK = 2048
# A dip is one where it is deeper than this many levels, and than this many times the surface's noise.
_LEAST_DEPTH, _LEAST_RATIO = 6.0, 3.0
_CENTRE, _WIDTH, _SIGMA, _SURFACE, _SLOPE, _FLOOR = range(6)


class Widths(NamedTuple):
    """One value for each profile.

    Attributes:
        width: float64 (N,), px.
        centre: float64 (N,), px from the middle of the profile.
        blur: float64 (N,), standard deviation, px.
        clear: bool (N,): the dip is there, deep enough, with surface on both sides. The others are to be left out.
    """

    width: Levels
    centre: Levels
    blur: Levels
    clear: NDArray[np.bool_]


def fit_widths(
    x: Levels, levels: Levels, valid: NDArray[np.bool_], dips: Dips, floor: float = FLOOR, spread: float = FLOOR_SPREAD
) -> Widths:
    """Fit each profile.

    Args:
        x: float64 (K,), places of the samples, steps of 1 px, 0 in the middle.
        levels: float64 (N, K), grey levels.
        valid: bool (N, K), False for samples outside of the photograph.
        dips: of `find_dips`.
        floor: expected level in the crack, as a share of the surface's.
        spread: standard deviation of the floor, as a share of the surface's level, above 0.
    """
    count = len(levels)
    found = Widths(np.zeros(count), np.zeros(count), np.zeros(count), np.zeros(count, np.bool_))
    # narrow dips together: then no more of a profile is computed than the dip needs
    order = np.argsort(dips.half_depth, kind="stable")
    for start in range(0, count, _CHUNK):
        part = order[start : start + _CHUNK]
        some = Dips(*(values[part] for values in dips))
        reach = int(np.ceil(some.half_depth[-1] / 2 + _MARGIN))
        index = np.rint(some.centre - x[0]).astype(int)[:, None] + np.arange(-reach, reach + 1)
        inside = (index >= 0) & (index < len(x))
        index = index.clip(0, len(x) - 1)
        known = np.take_along_axis(valid[part], index, 1) & inside
        new = _fit(x[index], np.take_along_axis(levels[part], index, 1), known, some, (floor, spread))
        for values, fitted in zip(found, new, strict=True):
            values[part] = fitted
    return found


def _fit(x: Levels, levels: Levels, valid: NDArray[np.bool_], dips: Dips, expected: tuple[float, float]) -> Widths:
    """Fit profiles whose samples have places of their own, x float64 (N, K)."""
    off = np.abs(x - dips.centre[:, None]) - dips.half_depth[:, None] / 2
    known = valid & (off <= _MARGIN)
    used = known.astype(np.float64)
    x = x - dips.centre[:, None]
    zero, one = np.zeros(len(levels)), np.ones(len(levels))
    # a dip narrower than the blur is as wide as the rectangle says, a wider one as its edges do
    width = np.where(dips.half_depth < 4, dips.rectangle, dips.half_depth)
    floor = np.where(dips.half_depth < 4, expected[0] * dips.surface, dips.lowest)
    start = np.stack([zero, np.clip(width, 0.1, None), _BLUR * one, dips.surface, zero, floor], axis=1)
    low = np.stack([-4 * one, 0.01 * one, _BLUR_LIMITS[0] * one, one, -3 * one, -10 * one], axis=1)
    high = np.stack([4 * one, 2 * dips.half_depth + 4, _BLUR_LIMITS[1] * one, 300 * one, 3 * one, dips.lowest + 5], 1)
    prior = np.stack([share * dips.surface for share in expected], axis=1)
    best = _levenberg_marquardt(x, levels, used, np.clip(start, low, high), low, high, prior)

    rest = np.abs(_model(x, best)[0] - levels)
    noise = 1.4826 * quantile(rest, known, 0.5)
    half = best[:, _WIDTH] / (2 * np.sqrt(2) * best[:, _SIGMA])
    depth = (best[:, _SURFACE] - best[:, _FLOOR]) * erf(half)
    side = off >= 1.0
    flanks = [(side & known & (x * sign > 0)).sum(axis=1) for sign in (-1, 1)]
    clear = (
        (depth >= np.maximum(_LEAST_DEPTH, _LEAST_RATIO * noise))
        & (np.minimum(*flanks) >= 3)
        & (np.abs(best[:, _CENTRE]) < 4)
        & (best[:, _SIGMA] < _BLUR_LIMITS[1])
    )
    return Widths(best[:, _WIDTH], best[:, _CENTRE] + dips.centre, best[:, _SIGMA], clear)


def _model(x: Levels, values: Levels) -> tuple[Levels, Levels]:
    """The levels of blurred rectangles, (N, K), and their derivatives by the six parameters, (N, K, 6)."""
    centre, width, sigma, surface, slope, floor = (values[:, k : k + 1] for k in range(6))
    left, right = x - centre + width / 2, x - centre - width / 2
    inside = 0.5 * (erf(left / (np.sqrt(2) * sigma)) - erf(right / (np.sqrt(2) * sigma)))
    base = surface + slope * x
    first, second = (np.exp(-0.5 * (t / sigma) ** 2) / (np.sqrt(2 * np.pi) * sigma) for t in (left, right))
    deep = base - floor
    slopes = np.stack(
        [
            deep * (first - second),
            -deep * 0.5 * (first + second),
            deep * (left * first - right * second) / sigma,
            1 - inside,
            (1 - inside) * x,
            inside,
        ],
        axis=-1,
    )
    return base - deep * inside, slopes


def _levenberg_marquardt(
    x: Levels, levels: Levels, used: Levels, start: Levels, low: Levels, high: Levels, prior: Levels
) -> Levels:
    """Minimise robust squares within bounds, all profiles at once; those that have settled leave the rounds.

    The loss of a difference r is 2 s^2 (sqrt(1 + (r / s)^2) - 1) with s = `_NOISE` levels ("soft L1" of SciPy), solved
    by reweighting.
    """
    best, left = start.copy(), np.arange(len(start))
    values, damping = start, np.full(len(start), 1e-2)
    cost, gradient, curvature = _squares(x, levels, used, values, prior)
    for _ in range(_ROUNDS):
        diagonal = np.einsum("nii->ni", curvature)
        damped = curvature + (damping[:, None] * diagonal + 1e-9)[:, :, None] * np.eye(6)
        tried = np.clip(values - np.linalg.solve(damped, gradient[..., None])[..., 0], low[left], high[left])
        new_cost, new_gradient, new_curvature = _squares(x[left], levels[left], used[left], tried, prior[left])
        better = new_cost < cost
        settled = better & (cost - new_cost < _ENOUGH * cost) | (damping > 1e6)
        values = np.where(better[:, None], tried, values)
        gradient = np.where(better[:, None], new_gradient, gradient)
        curvature = np.where(better[:, None, None], new_curvature, curvature)
        cost = np.where(better, new_cost, cost)
        damping = np.where(better, damping / 5, damping * 5)
        best[left] = values
        stay = ~settled
        if not stay.any():
            break
        left, values, damping, cost = left[stay], values[stay], damping[stay], cost[stay]
        gradient, curvature = gradient[stay], curvature[stay]
    return best


def _squares(x: Levels, levels: Levels, used: Levels, values: Levels, prior: Levels) -> tuple[Levels, Levels, Levels]:
    """Cost (N,), half its gradient (N, 6) and its approximate curvature (N, 6, 6)."""
    model, slopes = _model(x, values)
    rest = model - levels
    root = np.sqrt(1 + (rest / _NOISE) ** 2)
    cost = (used * 2 * _NOISE**2 * (root - 1)).sum(axis=1)
    weighted = slopes * (used / root)[..., None]
    gradient = np.einsum("nki,nk->ni", weighted, rest)
    curvature = np.matmul(weighted.transpose(0, 2, 1), slopes)
    # the two priors, in the units of a difference of levels
    floor_scale = _NOISE / prior[:, 1]
    floor_off = (values[:, _FLOOR] - prior[:, 0]) * floor_scale
    blur_scale = _NOISE / (_BLUR_SPREAD * values[:, _SIGMA])
    blur_off = np.log(values[:, _SIGMA] / _BLUR) * _NOISE / _BLUR_SPREAD
    cost += floor_off**2 + blur_off**2
    gradient[:, _FLOOR] += floor_off * floor_scale
    gradient[:, _SIGMA] += blur_off * blur_scale
    curvature[:, _FLOOR, _FLOOR] += floor_scale**2
    curvature[:, _SIGMA, _SIGMA] += blur_scale**2
    return cost, gradient, curvature
