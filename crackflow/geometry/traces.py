"""The cracks of one date against the masks of another, in one frame: which parts only one of the two shows."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import binary_closing, label
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from crackflow.geometry.contrast import depths
from crackflow.geometry.cracks import Crack, CrackNetwork, measure
from crackflow.geometry.pieces import distances

BoolMask = NDArray[np.bool_]
# Two cracks are one where they run together for this long, px.
_TOGETHER = 10.0
# A line in the other photograph that is at least this share as dark is the same crack.
_AS_DARK = 0.5
# A line that is less dark than this, as a share of its surroundings, can't be told from grain.
_FAINTEST = 0.02
# Of the tolerance, what a mask may be broader at one date; a strip beside it begins beyond the rest, px.
_DRAWN = 2.0
# Share of a strip along which a new line must lie.
_MOST = 0.5
# Shorter parts and gaps are noise, px.
_SHORTEST = 5


class Look(NamedTuple):
    """What is known of one date. Arrays have the size of the frame."""

    grey: NDArray[np.uint8]
    """levels of the photograph, uint8 (H, W)"""
    crack: BoolMask
    """bool (H, W)"""
    network: CrackNetwork
    """the cracks of `crack`"""


class Trace(NamedTuple):
    """One crack of a date, seen from the other date."""

    crack: Crack
    alone_px: float
    """length that the other date does not show"""
    alone: NDArray[np.int32]
    """(N, 2), x and y of the pixels of its path there"""
    other: frozenset[int]
    """indices of the other date's cracks that it runs together with"""


class Nearest:
    """Which crack of a network is the nearest one to a place."""

    def __init__(self, network: CrackNetwork) -> None:
        paths = [np.concatenate(crack.path) for crack in network.cracks]
        self._owners = np.repeat(np.arange(len(paths)), [len(path) for path in paths])
        self._tree = KDTree(np.concatenate(paths)) if paths else None

    def of(self, points: NDArray[np.int32]) -> NDArray[np.intp]:
        """Give the index of the nearest crack for each of some places, int32 (N, 2), x and y; the network has one."""
        if self._tree is None:
            raise ValueError("a network without cracks has no nearest one")
        return np.asarray(self._owners[self._tree.query(points)[1]]) if len(points) else np.zeros(0, np.intp)


def traces(this: Look, that: Look, tolerance: float) -> list[Trace]:
    """Look along each crack of one date for what another date shows there.

    A part is alone where it lies outside of the other date's mask, farther away than the tolerance at one place at
    least, and where the other photograph shows no line half as dark. A network misses parts of cracks at one date and
    not at the other; the photographs themselves tell these from growth.

    Args:
        this: one date.
        that: the other.
        tolerance: by how much the same crack may lie aside, px.
    """
    away = distance(that.crack)
    greys = this.grey, that.grey
    nearest, number = Nearest(that.network), len(that.network.cracks)
    found = []
    for one in this.network.cracks:
        together = np.zeros(number)
        alone_px, steps_px, alone = 0.0, 0.0, [np.zeros((0, 2), np.int32)]
        for branch in one.path:
            x, y = branch.T
            weight = _weights(branch)
            part = _alone(away[y, x], branch, greys, tolerance, one.mask_width_px.p95 / 2)
            alone_px += float(weight[part].sum())
            steps_px += float(weight.sum())
            alone.append(branch[part])
            close = away[y, x] <= tolerance
            together += np.bincount(nearest.of(branch[close]), weight[close], number) if number else 0
        # steps from pixel to pixel are longer than the crack
        share = one.length_px / steps_px if steps_px else 0.0
        enough = min(_TOGETHER, 0.5 * one.length_px)
        others = frozenset(np.flatnonzero(together * share >= enough).tolist())
        found.append(Trace(one, alone_px * share, np.concatenate(alone), others))
    return _with_strips(found, this, away, greys, tolerance)


def _with_strips(
    found: list[Trace],
    this: Look,
    away: NDArray[np.float32],
    greys: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    tolerance: float,
) -> list[Trace]:
    """Add the cracks that lie in strips of the mask beside the other date's mask.

    A new crack close beside an old one has no path of its own: one mask holds both, and its path lies between them.
    """
    strips = this.crack & (away > tolerance - _DRAWN)
    lone = [trace for trace in found if len(trace.alone)]
    if lone:
        # what is around a part that is alone has been counted
        at = np.zeros(strips.shape, np.bool_)
        for trace in lone:
            at[trace.alone[:, 1], trace.alone[:, 0]] = True
        strips &= ~near(at, tolerance + max(trace.crack.mask_width_px.p95 for trace in lone) / 2)
    if not found or not strips.any():
        return found
    nearest = Nearest(this.network)
    for strip in measure(strips).cracks:
        steps_px, alone_px, ways = 0.0, 0.0, []
        for branch in strip.path:
            weight = _weights(branch)
            part = _absent(branch, greys, (tolerance - _DRAWN, tolerance), strip.mask_width_px.p95 / 2)
            steps_px += float(weight.sum())
            alone_px += float(weight[part].sum())
            ways.append(branch[part])
        way = np.concatenate(ways)
        # most of it, or it is an edge of the mask where grain is dark
        if alone_px > _MOST * steps_px:
            owner = int(np.bincount(nearest.of(way)).argmax())
            one = found[owner]
            length = one.alone_px + alone_px * strip.length_px / steps_px
            found[owner] = one._replace(alone_px=length, alone=np.concatenate([one.alone, way]))
    return found


def _absent(
    way: NDArray[np.int32],
    greys: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    aside: tuple[float, float],
    half: float,
) -> BoolMask:
    """Where on a way this date's photograph shows a line, and the other one none that is half as dark."""
    here, there = (depths(grey, way, reach, half) for grey, reach in zip(greys, aside, strict=True))
    return np.asarray((here > _FAINTEST) & (there < _AS_DARK * here))


def groups(first: list[Trace], second: list[Trace]) -> list[tuple[list[int], list[int]]]:
    """Say which cracks of two dates are one, as indices of both; a crack can be in several pieces at a date."""
    together = [(one, other) for one, trace in enumerate(first) for other in trace.other]
    together += [(one, other) for other, trace in enumerate(second) for one in trace.other]
    number = len(first) + len(second)
    rows, columns = np.array(together, np.intp).reshape(-1, 2).T
    links = coo_array((np.ones(len(rows)), (rows, columns + len(first))), shape=(number, number))
    count, component = connected_components(links, directed=False) if number else (0, np.zeros(0, int))
    found: list[tuple[list[int], list[int]]] = [([], []) for _ in range(count)]
    for index, group in enumerate(component.tolist()):
        pieces = found[group]
        if index < len(first):
            pieces[0].append(index)
        else:
            pieces[1].append(index - len(first))
    return found


def near(mask: BoolMask, tolerance: float) -> BoolMask:
    """Say which pixels lie within a distance of a mask, bool (H, W)."""
    return np.asarray(distance(mask) <= tolerance)


def distance(mask: BoolMask) -> NDArray[np.float32]:
    """How far each pixel is from a mask, px, float32 (H, W); infinite where the mask is empty."""
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    return distances(~mask)


def _weights(branch: NDArray[np.int32]) -> NDArray[np.float64]:
    """Half of the steps to both neighbours, px."""
    steps = np.hypot(*np.diff(branch, axis=0).T)
    return np.asarray((np.append(steps, 0) + np.append(0, steps)) / 2)


def _alone(
    away: NDArray[np.float32],
    way: NDArray[np.int32],
    greys: tuple[NDArray[np.uint8], NDArray[np.uint8]],
    tolerance: float,
    half: float,
) -> BoolMask:
    outside = away > 0
    if not (away > tolerance).any():
        return np.zeros(len(way), np.bool_)
    absent = outside & _absent(way, greys, (tolerance, tolerance), half)
    # closing takes the ends of the way for gaps
    absent |= binary_closing(absent, np.ones(_SHORTEST)) & outside
    parts, count = label(absent)
    sizes = np.bincount(parts, minlength=count + 1)
    far = np.zeros(count + 1, np.bool_)
    far[parts[away > tolerance]] = True
    far[sizes < _SHORTEST] = False
    far[0] = False
    return np.asarray(far[parts])
