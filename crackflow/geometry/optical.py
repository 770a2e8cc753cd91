"""Optical widths: read grey levels across the cracks of a photograph and fit each profile."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d, map_coordinates, median_filter

from crackflow.geometry.dip import find_dips
from crackflow.geometry.dip_fit import Widths, fit_widths
from crackflow.geometry.skeleton import Points

# Profiles stand this many px apart, and reach this far beyond the edges of the mask.
_APART, _BEYOND = 3, 12
# Half of the mask's width; where the mask is wider, no profile is read.
_BROADEST = 48
# Of neighbours along a crack the middle one counts: single grains don't make it wide.
_NEIGHBOURS = 5
# Weights that give the slope of the straight line through the neighbours, by least squares. scipy.signal.savgol_filter
# does the same, and importing it takes as long as finding the cracks in a small photograph.
_SLOPE = np.arange(_NEIGHBOURS) - (_NEIGHBOURS - 1) / 2
_SLOPE /= _APART * (_SLOPE**2).sum()
# A crack's optical width needs this many clear profiles, and this share of all.
_FEWEST, _SHARE = 5, 0.5
# From one profile to the next, the dip of a crack moves aside by less than this, px, at every other one at least. The
# darkest grain of a surface is anywhere.
_ASIDE = 1.5
_STEPS = (8, 16, 32, _BROADEST)


class OpticalWidths(NamedTuple):
    """Widths along one crack: float64 (N,), px, and where they were read, float64 (N, 2), x and y."""

    widths: NDArray[np.float64]
    places: Points


class Lines(NamedTuple):
    """Where profiles stand, for one path. float64 (N, 2) both, and the mask's half width there, float64 (N,)."""

    places: Points
    normals: Points
    half: NDArray[np.float64]


def lines(path: Points, readable: NDArray[np.bool_], widths: NDArray[np.float64]) -> Lines:
    """Choose where profiles stand on a path, and their directions.

    Args:
        path: float64 (N, 2), smooth, N >= 2.
        readable: bool (N,).
        widths: float64 (N,), of the mask, px.
    """
    tangent = np.gradient(path, axis=0)
    normal = np.stack([-tangent[:, 1], tangent[:, 0]], axis=1)
    normal /= np.maximum(np.hypot(*normal.T), 1e-9)[:, None]
    chosen = np.flatnonzero(readable & (widths <= 2 * _BROADEST))[::_APART]
    return Lines(path[chosen], normal[chosen], widths[chosen] / 2)


def read_widths(grey: NDArray[np.uint8], cracks: list[list[Lines]]) -> list[OpticalWidths | None]:
    """Read the optical widths of all cracks of a photograph; None for those that don't show clearly enough.

    Args:
        grey: uint8 (H, W).
        cracks: for each crack, the lines of each of its branches.
    """
    every = [line for crack in cracks for line in crack]
    if not every:
        return [None] * len(cracks)
    joined = Lines(*(np.concatenate(part) for part in zip(*every, strict=True)))
    found = _fit_all(grey, joined)
    results, start = [], 0
    for crack in cracks:
        widths, places, aside, count = [], [], [np.zeros(0)], 0
        for line in crack:
            part = slice(start, start + len(line.places))
            start, count = part.stop, count + len(line.places)
            widths.append(_along(found.width[part], found.centre[part], found.clear[part]))
            places.append(line.places[found.clear[part]])
            aside.append(np.abs(np.diff(found.centre[part][found.clear[part]])))
        one = OpticalWidths(np.concatenate(widths or [np.zeros(0)]), np.concatenate(places or [np.zeros((0, 2))]))
        enough, moves = len(one.widths) >= max(_FEWEST, _SHARE * count), np.concatenate(aside)
        results.append(one if enough and len(moves) and np.median(moves) < _ASIDE else None)
    return results


def _fit_all(grey: NDArray[np.uint8], all_lines: Lines) -> Widths:
    """Fit every profile; those across broader masks are longer, so they are read apart."""
    count = len(all_lines.places)
    found = Widths(np.zeros(count), np.zeros(count), np.zeros(count), np.zeros(count, np.bool_))
    lower = -1.0
    for upper in _STEPS:
        rows = np.flatnonzero((all_lines.half > lower) & (all_lines.half <= upper))
        lower = upper
        # some thousands at a time, to bound memory
        for start in range(0, len(rows), 8192):
            part = rows[start : start + 8192]
            x = np.arange(-(upper + _BEYOND), upper + _BEYOND + 1.0)
            places, normals = all_lines.places[part], all_lines.normals[part]
            at = places[:, None, :] + x[None, :, None] * normals[:, None, :]
            levels = map_coordinates(grey, [at[..., 1], at[..., 0]], np.float64, order=1, mode="nearest")
            valid = np.all((at >= 0) & (at <= np.array(grey.shape[::-1]) - 1), axis=2)
            dips = find_dips(x, levels, valid, all_lines.half[part] + 1)
            for values, new in zip(found, fit_widths(x, levels, valid, dips), strict=True):
                values[part] = new
    return found


def _along(width: NDArray[np.float64], centre: NDArray[np.float64], clear: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The widths of the clear profiles of one branch, in their order, each measured square to the crack itself.

    The path is that of the mask. Where the dark line runs at a slant to it, a profile crosses the line at that slant.
    """
    width, centre = width[clear], centre[clear]
    if len(width) < _NEIGHBOURS:
        return width
    steady = median_filter(centre, _NEIGHBOURS, mode="nearest")
    slant = correlate1d(steady, _SLOPE, mode="nearest")
    width = width / np.sqrt(1 + np.clip(slant, -1, 1) ** 2)
    return np.asarray(median_filter(width, _NEIGHBOURS, mode="nearest"))
