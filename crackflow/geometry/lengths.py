"""How long a branch is, between pixels.

The steps of a skeleton are too long: a line at 22.5 degrees has 8 % more of them than length. Here the points are
smoothed first, by a parabola through the nearest ones (Savitzky and Golay, 1964), and the steps between the smoothed
points are summed. A parabola keeps the length of bends that are wider than the window; smaller wiggles of a crack do
not count. docs/explanation/geometry.md has the bias on lines of known length.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from crackflow.geometry.skeleton import Points

WINDOW = 11
"""Points to a parabola, odd."""
_BESIDE = ((1, 0), (0, 1), (-1, 0), (0, -1))


def smooth(points: Points, *, ring: bool = False) -> Points:
    """Smooth a chain of points at steps of about 1 px.

    Args:
        points: float64 (N, 2); of a ring the first one again at the end.
        ring: the chain is closed.

    Returns:
        float64 (N, 2). The first and the last point stay.
    """
    window = min(WINDOW, len(points) - 1 + len(points) % 2)
    if window < 5:
        return points
    half, fit = window // 2, _parabola(window)
    if ring:
        # the last point is the first one again
        points = np.concatenate([points[-1 - half : -1], points, points[1 : half + 1]])
        return _weighted(points, fit[half])
    ends = fit[:half] @ points[:window], fit[-half:] @ points[-window:]
    smoothed = np.concatenate([ends[0], _weighted(points, fit[half]), ends[1]])
    smoothed[0], smoothed[-1] = points[0], points[-1]
    return smoothed


@lru_cache
def _parabola(window: int) -> NDArray[np.float64]:
    """What takes `window` values to those of the parabola that fits them best, float64 (window, window).

    `scipy.signal.savgol_filter` does the same and takes 3 ms for a chain of any length.
    """
    powers = np.vander(np.arange(window) - window // 2, 3).astype(np.float64)
    return np.asarray(powers @ np.linalg.pinv(powers))


def _weighted(points: Points, weights: NDArray[np.float64]) -> Points:
    """The weighted mean of as many points as there are weights, for each place where they fit in."""
    return np.stack([np.convolve(points[:, k], weights[::-1], "valid") for k in (0, 1)], axis=1)


def length(points: Points) -> float:
    """Length of a chain of points, px."""
    return float(np.hypot(*np.diff(points, axis=0).T).sum())


def straighten_joint(points: Points, width: float) -> Points:
    """Let a branch run straight into a junction. Near one, thinning bends the branches towards each other.

    Args:
        points: float64 (N, 2), x and y; the junction is the last one.
        width: of the crack at the junction, px; the last points, up to three quarters of it, are replaced.

    Returns:
        float64 (M, 2), at steps of about 1 px.
    """
    far = np.flatnonzero(np.hypot(*(points - points[-1]).T) >= 0.75 * width)
    # at least half of a short branch stays
    last = max(int(far[-1]) if len(far) else 0, len(points) // 2)
    return np.concatenate([points[: last + 1], straight(points[last], points[-1])[1:]])


def straight(start: Points, end: Points) -> Points:
    """Points from `start` to `end`, float64 (2,) both, at steps of at most 1 px."""
    count = max(1, int(np.ceil(np.hypot(*(end - start)))))
    return np.asarray(start + (end - start) * np.arange(count + 1)[:, None] / count)


def reach_tip(points: Points, crack: NDArray[np.bool_], depth: NDArray[np.float32]) -> Points:
    """Let a branch end where the crack does. Thinning ends earlier, or in a corner of a blunt end.

    The last points, as many as the crack is half as wide (and half as many again, for a corner lies that much farther
    off), are replaced by the tangent, up to the edge of the crack or of the photograph.

    Args:
        points: float64 (N, 2), x and y; the free end is the last one.
        crack: bool (H, W).
        depth: float32 (H, W), distance to the nearest pixel that is no crack, px.

    Returns:
        float64 (M, 2), at steps of about 1 px.
    """
    steps = np.hypot(*np.diff(points, axis=0).T)
    back = np.concatenate([[0.0], np.cumsum(steps[::-1])])[::-1]
    rows, columns = (np.rint(points[:, k]).astype(int).clip(0, crack.shape[1 - k] - 1) for k in (1, 0))
    near = 1.5 * depth[rows, columns] + 1
    deep = np.flatnonzero(back >= near)
    # the last point that is far enough from the end; half of the branch stays whatever happens
    last = max(int(deep[-1]) if len(deep) else 0, len(points) // 2)
    kept = points[: last + 1]
    reach = max(2.0, float(near[last]))
    first = max(0, last - max(6, round(2 * reach)))
    if first == last:
        return points
    path = smooth(kept)
    tangent = path[last] - path[first : last + 1].mean(axis=0)
    tangent /= np.hypot(*tangent) or 1.0
    way = np.arange(0.25, 2 * reach + 2, 0.25)
    ahead = path[last] + way[:, None] * tangent
    within = _drawn(ahead, crack)
    # a thin line is a stair beside its tangent, which may miss a pixel of it
    beside = np.any([_drawn(ahead + step, crack) for step in _BESIDE], axis=0) | within
    far = len(way) if beside.all() else int(np.argmin(beside))
    inside = np.flatnonzero(within[:far])
    # the edge lies half a step after the last point inside, and half a pixel after the last pixel of a thin line
    away = max(
        0.25 * (int(inside[-1]) + 1) + 0.125 if len(inside) else 0.0, float((points[-1] - path[last]) @ tangent) + 0.5
    )
    end = path[last] + away * tangent
    return np.concatenate([kept, straight(kept[-1], end)[1:]])


def _drawn(places: Points, crack: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Whether the nearest pixels are crack; outside of the array they are not."""
    column, row = np.rint(places).astype(int).T
    within: NDArray[np.bool_] = (row >= 0) & (row < crack.shape[0]) & (column >= 0) & (column < crack.shape[1])
    within[within] = crack[row[within], column[within]]
    return within
