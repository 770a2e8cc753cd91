"""Cut a mask into cracks: what is connected once gaps are closed.

Only small parts of the mask are widened to more than a byte per pixel. So memory follows the largest crack, not the
photograph.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree

Mask = NDArray[np.bool_]


_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


class Piece(NamedTuple):
    """One crack, cut out of the mask. At least a pixel of background is around it, but at the photograph's border.

    Attributes:
        left, top: where the arrays begin in the photograph, px.
        drawn: bool (H, W), the mask; what belongs to other cracks is False.
        whole: bool (H, W), one component: the same with gaps bridged by lines of one pixel, and with notches and small
            holes filled.
        depth: float32 (H, W), distance of each pixel of `whole` to the nearest one that is none, px.
    """

    left: int
    top: int
    drawn: Mask
    whole: Mask
    depth: NDArray[np.float32]


def pieces(mask: Mask, gap: float) -> Iterator[Piece]:
    """Find the cracks, in no particular order.

    Args:
        mask: bool (H, W).
        gap: pieces with this many pixels of background between them, or fewer, belong together.
    """
    # whatever is that near lies in cells that touch
    side = math.ceil(gap) + 1
    for left, top, drawn in in_touching_cells(mask, side):
        yield from _split(drawn, gap, left, top, mask.shape)


def in_touching_cells(mask: Mask, side: int) -> Iterator[tuple[int, int, Mask]]:
    """Cut out what lies in cells that touch: to number the components of a whole mask takes 4 bytes a pixel.

    Args:
        mask: bool (H, W).
        side: of a square cell, px.

    Yields:
        x and y of a part's corner, and the part, bool: what lies in one group of cells.
    """
    height, width = mask.shape
    bands = np.logical_or.reduceat(mask, np.arange(0, height, side), axis=0)
    cells = np.logical_or.reduceat(bands, np.arange(0, width, side), axis=1)
    count, group, stats, _ = cv2.connectedComponentsWithStats(cells.view(np.uint8), connectivity=8)
    for number in range(1, count):
        left, top, across, down = (int(value) for value in stats[number, :4])
        own = group[top : top + down, left : left + across] == number
        left, top = left * side, top * side
        part = mask[top : top + down * side, left : left + across * side]
        yield left, top, part & own.repeat(side, axis=0).repeat(side, axis=1)[: part.shape[0], : part.shape[1]]


def _split(drawn: Mask, gap: float, left: int, top: int, size: tuple[int, int]) -> Iterator[Piece]:
    """Bridge gaps in a part of the mask, and give each crack of it."""
    joined = _bridged(drawn, gap)
    count, label, stats, _ = cv2.connectedComponentsWithStats(joined.view(np.uint8), connectivity=8)
    for number in range(1, count):
        x, y, across, down = (int(value) for value in stats[number, :4])
        box = np.s_[y : y + down, x : x + across]
        own = label[box] == number
        # a border of background, but where the photograph ends
        sides = (
            (int(top + y > 0), int(top + y + down < size[0])),
            (int(left + x > 0), int(left + x + across < size[1])),
        )
        part = np.pad(drawn[box] & own, sides)
        # ragged drawing leaves notches of 1 or 2 px, each of which would get a branch; a cross keeps slanted lines thin
        # (two pixels around it, or closing would run into the edge of the array)
        closed = np.asarray(cv2.morphologyEx(np.pad(own, 2).view(np.uint8), cv2.MORPH_CLOSE, _CROSS), np.uint8)
        whole = np.pad(closed[2:-2, 2:-2].view(np.bool_), sides)
        depth = _depth(whole)
        # holes up to the crack's width: the mean depth of a band is a quarter of its width
        limit = max(gap, 4 * float(depth[whole].mean())) ** 2
        filled = _filled(whole, limit)
        if filled is not whole:
            depth = _depth(filled)
        yield Piece(left + x - sides[1][0], top + y - sides[0][0], part, filled, depth)


def _depth(crack: Mask) -> NDArray[np.float32]:
    if crack.all():
        return np.full(crack.shape, (min(crack.shape) + 1) / 2, np.float32)
    return distances(crack)


def distances(mask: Mask) -> NDArray[np.float32]:
    """Give how far each pixel of a mask is from the nearest one that is none, px: float32 (H, W), 0 outside of it.

    Args:
        mask: bool (H, W) with at least one pixel that is False.
    """
    # Intel's part of OpenCV rounds roots by where the array lies in memory: two runs would give two files
    own = cv2.ipp.useIPP()
    # of this thread alone
    cv2.ipp.setUseIPP(False)
    try:
        return np.asarray(cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE), np.float32)
    finally:
        cv2.ipp.setUseIPP(own)


def _filled(crack: Mask, limit: float) -> Mask:
    """Fill holes of fewer pixels than `limit`; the same array where there are none."""
    count, label, stats, _ = cv2.connectedComponentsWithStats((~crack).view(np.uint8), connectivity=4)
    outer = np.concatenate([label[0], label[-1], label[:, 0], label[:, -1]])
    small = stats[:, cv2.CC_STAT_AREA] < limit
    small[outer] = False
    small[0] = False
    return crack | small[label] if small[:count].any() else crack


def _bridged(drawn: Mask, gap: float) -> Mask:
    """Join the components that lie near to each other by a line at the nearest place, without closing new rings."""
    levels = drawn.view(np.uint8)
    count, label = cv2.connectedComponents(levels, connectivity=8)
    if count <= 2:
        return drawn
    _, nearest = cv2.distanceTransformWithLabels(1 - levels, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    # the place of the crack pixel that each label of a pixel stands for
    place = np.zeros(int(nearest.max()) + 1, np.intp)
    place[nearest[drawn]] = np.flatnonzero(drawn)
    owner = label.ravel()[place]
    starts, ends = [], []
    for one, other in ((nearest[:, :-1], nearest[:, 1:]), (nearest[:-1], nearest[1:])):
        meet = owner[one] != owner[other]
        starts.append(place[one[meet]])
        ends.append(place[other[meet]])
    start, end = np.concatenate(starts), np.concatenate(ends)
    width = drawn.shape[1]
    between = np.hypot(start // width - end // width, start % width - end % width) - 1
    near = between <= gap
    start, end, between = start[near], end[near], between[near]
    first, second = np.sort([label.ravel()[start], label.ravel()[end]], axis=0)
    order = np.lexsort((between, second, first))
    kept = order[np.unique(first[order] * count + second[order], return_index=True)[1]]
    # 0 would be no edge
    links = coo_array((between[kept] + 1, (first[kept], second[kept])), (count, count))
    chosen = {*zip(*(side.tolist() for side in minimum_spanning_tree(links).nonzero()), strict=True)}
    bridged = levels.copy()
    for index in kept.tolist():
        if (int(first[index]), int(second[index])) in chosen:
            ends_xy = [(int(flat % width), int(flat // width)) for flat in (start[index], end[index])]
            cv2.line(bridged, ends_xy[0], ends_xy[1], 1, 1, cv2.LINE_8)
    return bridged.view(np.bool_)
