"""The outlines of a mask along the edges of its pixels: polygons that give back the mask, pixel for pixel.

The upper left corner of the photograph is (0, 0), and the pixel in column x and row y reaches from (x, y) to
(x + 1, y + 1). Outlines through the centres of pixels, as OpenCV gives them, would make each crack a pixel narrower.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Ring = NDArray[np.float64]
Points = NDArray[np.int32]


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
        count, labels, stats, _ = cv2.connectedComponentsWithStats((mask == number).view(np.uint8), connectivity=8)
        crack_of = np.zeros(count, np.int64)
        for crack, branches in cracks.items():
            for branch in branches:
                crack_of[labels[branch[:, 1], branch[:, 0]]] = crack
        for label in range(1, count):
            left, top, width, height, area = map(int, stats[label])
            outer, holes = _rings(labels[top : top + height, left : left + width] == label, (left, top))
            belongs_to = int(crack_of[label]) or None
            found.append(Region(outer, holes, (left, top, width, height), area, number, belongs_to))
    return sorted(found, key=lambda one: (one.class_number, one.crack is None, one.crack or 0))


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
