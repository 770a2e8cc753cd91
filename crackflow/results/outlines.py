"""The outlines of a mask along the edges of its pixels: polygons that give back the mask, pixel for pixel.

The upper left corner of the photograph is (0, 0), and the pixel in column x and row y reaches from (x, y) to
(x + 1, y + 1). Outlines through the centres of pixels, as OpenCV gives them, would make each crack a pixel narrower.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from crackflow.geometry.pieces import in_touching_cells

Ring = NDArray[np.float64]
Points = NDArray[np.int32]
Mask = NDArray[np.bool_]
# Side of the cells that a mask is cut up by, px.
_CELL = 64


@dataclass(frozen=True)
class Region:
    """Pixels of one class that touch, at a corner too.

    Attributes:
        outer: float64 (N, 2), columns x and y; the first corner is not repeated at the end. Where two pixels touch at a
            corner alone, the outline passes that corner twice.
        holes: the same for each hole.
        box: (left, top, width, height), px.
        area_px: pixels.
        class_number: in the mask.
        crack: number of the crack that it belongs to; None where it is too short to be one.
    """

    outer: Ring
    holes: tuple[Ring, ...]
    box: tuple[int, int, int, int]
    area_px: int
    class_number: int
    crack: int | None


def regions(mask: NDArray[np.uint8], cracks: Mapping[int, Sequence[Points]]) -> list[Region]:
    """Find the outlines of a mask.

    Args:
        mask: uint8 (H, W), class numbers; 0 is the background.
        cracks: the number of each crack -> its branches, int32 (N, 2) with columns x and y.

    Returns:
        The regions by class and crack, those without a crack last.
    """
    found: list[Region] = []
    for number in range(1, int(mask.max(initial=0)) + 1):
        for left, top, part in in_touching_cells(mask == number, _CELL):
            count, labels, stats, _ = cv2.connectedComponentsWithStats(part.view(np.uint8), connectivity=8)
            crack_of = _owners(np.asarray(labels, np.int32), count, cracks, (left, top))
            for label in range(1, count):
                x, y, width, height, area = map(int, stats[label])
                outer, holes = _rings(labels[y : y + height, x : x + width] == label, (left + x, top + y))
                box = (left + x, top + y, width, height)
                found.append(Region(outer, holes, box, area, number, int(crack_of[label]) or None))
    return sorted(found, key=lambda one: (one.class_number, one.crack is None, one.crack or 0, one.box))


def _owners(
    labels: NDArray[np.int32], count: int, cracks: Mapping[int, Sequence[Points]], corner: tuple[int, int]
) -> NDArray[np.int64]:
    """The number of the crack that each label belongs to; 0 for none."""
    owner = np.zeros(count, np.int64)
    height, width = labels.shape
    for crack, branches in cracks.items():
        for branch in branches:
            x, y = (branch - np.array(corner)).T
            here = (x >= 0) & (y >= 0) & (x < width) & (y < height)
            owner[labels[y[here], x[here]]] = crack
    owner[0] = 0
    return owner


def without_holes(region: Region) -> Ring:
    """Join the holes to the outline by cuts of no width, since COCO, Labelme and CVAT know no holes.

    A cut runs from the left end of a hole to the left, through pixels of the region and past their centres. So
    whoever fills the polygon gets the same pixels.

    Returns:
        float64 (N, 2), one ring.
    """
    ring = region.outer
    for hole in sorted(region.holes, key=lambda one: one[:, 0].min()):
        after = np.roll(hole, -1, axis=0)
        start = int(np.argmin(hole[:, 0] + np.where(hole[:, 0] == after[:, 0], 0, np.inf)))
        x, y = hole[start, 0], min(hole[start, 1], after[start, 1]) + 0.25
        following = np.roll(ring, -1, axis=0)
        upright = ring[:, 0] == following[:, 0]
        passed = (np.minimum(ring, following)[:, 1] < y) & (y < np.maximum(ring, following)[:, 1])
        # holes further left are part of the ring by now, and the outline is left of all
        at = int(np.argmax(np.where(upright & passed & (ring[:, 0] < x), ring[:, 0], -np.inf)))
        cut = np.array([[ring[at, 0], y], [x, y]])
        ring = np.concatenate([ring[: at + 1], cut, np.roll(hole, -start - 1, axis=0), cut[::-1], ring[at + 1 :]])
    return ring


def _rings(region: NDArray[np.bool_], corner: tuple[int, int]) -> tuple[Ring, tuple[Ring, ...]]:
    """Outline and holes of a region that fills its box; `corner` is the box's place.

    Each pixel is made four. The outline through their centres then has an even x right of a pixel's edge and an odd one
    left of it, and likewise y: rounded up to the half, both are the edge.
    """
    doubled = np.repeat(np.repeat(region.view(np.uint8), 2, axis=0), 2, axis=1)
    contours, _ = cv2.findContours(doubled, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    rings = [_corners(np.asarray(contour[:, 0] + 1, np.int32) // 2) + np.array(corner) for contour in contours]
    # the outline is the one that reaches the box's left edge
    rings.sort(key=lambda ring: ring[:, 0].min())
    return rings[0], tuple(rings[1:])


def _corners(ring: Points) -> Ring:
    """Drop points that lie on the straight line between their neighbours, or on one of them."""
    ring = ring[(ring != np.roll(ring, 1, axis=0)).any(axis=1)]
    before, after = ring - np.roll(ring, 1, axis=0), np.roll(ring, -1, axis=0) - ring
    turns = before[:, 0] * after[:, 1] != before[:, 1] * after[:, 0]
    return np.asarray(ring[turns], np.float64)
