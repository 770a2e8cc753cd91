"""How wide a dark line is, from grey levels across it: two direct estimates, from which the fit of dip_fit starts.

A profile is a row of grey levels at steps of one pixel. The line is the dip at its middle.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Levels = NDArray[np.float64]

FLOOR = 0.05
"""Grey level in a crack, as a share of the surface's: no light gets out of a crack that is deeper than wide."""
# Samples on either side of the dip that tell the surface's level: from this far off its edge, this many.
_OFF, _FLANK = 1.5, 8.0


class Dips(NamedTuple):
    """One value for each profile, float64 (N,): places and widths in px, levels 0..255.

    Attributes:
        centre: middle of the part that is darker than half the depth.
        surface: level beside the dip.
        lowest: the lowest level in the dip.
        half_depth: width at the level half-way between the lowest and the surface's, between samples.
        rectangle: width of a rectangle with the dip's area, as deep as `FLOOR` allows: the rectangle transform of Benz
            and Rodehorst, "Model-based crack width estimation using rectangle transform", MVA 2021. It knows nothing
            about blur, which leaves the area as it is.
    """

    centre: Levels
    surface: Levels
    lowest: Levels
    half_depth: Levels
    rectangle: Levels


def find_dips(x: Levels, levels: Levels, valid: NDArray[np.bool_], reach: Levels) -> Dips:
    """Find the dip in the middle of each profile and measure it.

    Args:
        x: float64 (K,), places of the samples, steps of 1 px, 0 in the middle.
        levels: float64 (N, K), grey levels.
        valid: bool (N, K), False for samples outside of the photograph.
        reach: float64 (N,), px: the lowest sample, the mean of three, lies within this distance of the middle. One
            sample there is valid at least.
    """
    rows = np.arange(len(levels))
    smooth = levels.copy()
    smooth[:, 1:-1] = (levels[:, :-2] + levels[:, 1:-1] + levels[:, 2:]) / 3
    inner: NDArray[np.bool_] = (np.abs(x) <= reach[:, None]) & valid
    rough = np.argmin(np.where(inner, smooth, np.inf), axis=1)
    # the lowest sample itself may be a neighbour
    beside = np.clip(rough[:, None] + [-1, 0, 1], 0, len(x) - 1)
    lowest_at = beside[rows, np.argmin(np.take_along_axis(levels, beside, 1), axis=1)]
    lowest = levels[rows, lowest_at]

    surface = np.maximum(quantile(levels, valid, 0.75), lowest + 1)
    for _ in range(2):
        half = (surface + lowest) / 2
        left, right = _crossings(levels, half, lowest_at)
        centre, width = (left + right) / 2 + x[0], right - left
        off = np.abs(x - centre[:, None]) - width[:, None] / 2
        flank = valid & (off >= _OFF) & (off <= _OFF + _FLANK)
        known = flank.any(axis=1)
        surface[known] = np.maximum(quantile(levels[known], flank[known], 0.5), lowest[known] + 1)
    dip = np.clip(surface[:, None] - levels, 0, None) * ((off <= _OFF) & valid)
    rectangle = dip.sum(axis=1) / ((1 - FLOOR) * surface)
    return Dips(centre, surface, lowest, width, rectangle)


def quantile(levels: Levels, used: NDArray[np.bool_], share: float) -> Levels:
    """The quantile of what is used of each row, 0 where nothing is; NumPy's nanquantile takes seconds for as much."""
    ordered = np.sort(np.where(used, levels, np.inf), axis=1)
    ordered[~used.any(axis=1)] = 0.0
    place = (used.sum(axis=1) - 1).clip(0) * share
    low, high = (
        np.take_along_axis(ordered, side.astype(int)[:, None], 1)[:, 0] for side in (np.floor(place), np.ceil(place))
    )
    return np.asarray(low + (high - low) * (place - np.floor(place)))


def _crossings(levels: Levels, half: Levels, lowest_at: NDArray[np.intp]) -> tuple[Levels, Levels]:
    """Where each profile crosses a level left and right of its lowest sample, in samples from its start."""
    count, samples = levels.shape
    rows, index = np.arange(count), np.arange(samples)
    above = levels >= half[:, None]
    before = np.where(above & (index < lowest_at[:, None]), index, -1).max(axis=1)
    after = np.where(above & (index > lowest_at[:, None]), index, samples).min(axis=1)
    edges = []
    for outer, inner in ((before, before + 1), (after, after - 1)):
        high, low = levels[rows, outer.clip(0, samples - 1)], levels[rows, inner.clip(0, samples - 1)]
        part = np.where(high > low, (high - half) / np.where(high > low, high - low, 1), 0.0)
        edges.append(outer + (inner - outer) * np.clip(part, 0, 1))
    return edges[0], edges[1]
