"""Cracks of the built-in sample: branching random walks of varying width, drawn so that the mask is exact."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from crackflow.sources.synthetic.surfaces import Canvas, Plane

Points = npt.NDArray[np.float64]

# Cracks are drawn this many times larger and averaged down, so coverage is exact to 1/16 of a pixel.
OVERSAMPLING = 4
STEP_PX = 0.5
# Below this a crack would break into single pixels of mask.
THINNEST_PX = 1.25
# How the direction varies: (length in units, angle in radians). The shortest length is the size of a grain.
WANDER = ((2.5, 0.6), (9.0, 0.45), (30.0, 0.3), (120.0, 0.25))


@dataclass(frozen=True)
class Crack:
    """One crack or branch, from its start to its end.

    Attributes:
        points: float64 (n, 2), x and y in pixels.
        widths: float64 (n,), in pixels.
    """

    points: Points
    widths: npt.NDArray[np.float64]


def grow(canvas: Canvas, width: float, branching: float) -> list[Crack]:
    """Draw a crack with branches through the middle of the photo, where every crop shows it.

    Args:
        canvas: where to draw.
        width: typical width of the trunk, in units.
        branching: expected branches along a length of one side; branches have branches too.

    Returns:
        The trunk's two halves and all branches.
    """
    start = canvas.rng.uniform(0.38, 0.62, 2) * canvas.side
    heading = canvas.between(0, 2 * np.pi)
    cracks = []
    for turn in (0.0, np.pi):
        length = canvas.side * (canvas.between(0.25, 0.6) if canvas.chance(0.3) else 0.9)
        cracks.append(_walk(canvas, start, heading + turn, length, width))
    newest = cracks
    for _ in range(2):
        newest = [branch for crack in newest for branch in _branches(canvas, crack, branching)]
        cracks = cracks + newest
    return cracks


def _branches(canvas: Canvas, crack: Crack, branching: float) -> list[Crack]:
    count = canvas.rng.poisson(branching * len(crack.points) * STEP_PX / canvas.side)
    branches = []
    for _ in range(count):
        at = int(canvas.rng.integers(len(crack.points) // 8, len(crack.points) - 1))
        along = crack.points[min(at + 8, len(crack.points) - 1)] - crack.points[max(at - 8, 0)]
        turn = canvas.between(0.4, 1.3) * (1 if canvas.chance(0.5) else -1)
        length = canvas.side * canvas.between(0.08, 0.5)
        width = crack.widths[at] / canvas.unit * canvas.between(0.4, 0.85)
        branches.append(_walk(canvas, crack.points[at], float(np.arctan2(along[1], along[0])) + turn, length, width))
    return branches


def _walk(canvas: Canvas, start: Points, heading: float, length: float, width: float) -> Crack:
    """Walk from `start` in a direction that varies on several scales around `heading`.

    Args:
        canvas: where to draw; the walk ends at its border.
        start: float64 (2,), x and y in pixels.
        heading: in radians from the x axis.
        length: in pixels.
        width: in units; it tapers off towards an end inside the photo.
    """
    count = max(16, int(length / STEP_PX))
    headings = heading + sum(angle * _along(canvas, count, scale) for scale, angle in WANDER)
    points = start + np.cumsum(STEP_PX * np.stack([np.cos(headings), np.sin(headings)], 1), 0)
    inside = np.all((points > -20) & (points < canvas.side + 20), 1)
    count = count if inside.all() else max(16, int(np.argmin(inside)))
    points = points[:count]
    taper = np.ones(count)
    if inside.all():
        taper = np.minimum(1, np.arange(count, 0, -1) * STEP_PX / (60 * canvas.unit)) ** 0.6
    swing = np.exp(0.3 * _along(canvas, count, 50) + 0.22 * _along(canvas, count, 7))
    widths = np.maximum(THINNEST_PX, width * canvas.unit * swing * (0.3 + 0.7 * taper))
    return Crack(points, widths)


def _along(canvas: Canvas, count: int, scale: float) -> npt.NDArray[np.float64]:
    """Smooth noise along a line, mean 0 and standard deviation about 1."""
    spacing = max(2.0, scale * canvas.unit / STEP_PX)
    knots = canvas.rng.standard_normal(int(count / spacing) + 3)
    return np.asarray(np.interp(np.arange(count) / spacing, np.arange(len(knots)), knots))


def coverage(canvas: Canvas, cracks: list[Crack], ragged: float) -> Plane:
    """Measure how much of each pixel the cracks cover.

    Args:
        canvas: where to draw.
        cracks: what `grow` gave.
        ragged: how rough the edges are, as a share of the width.

    Returns:
        Float32 (side, side) in 0..1; the mask is where it is above one half.
    """
    large = np.zeros((canvas.side * OVERSAMPLING,) * 2, np.uint8)
    for crack in cracks:
        outline = np.stack([_edge(canvas, crack, side, ragged) for side in (1, -1)], 1)
        fixed = (outline * OVERSAMPLING * 16).round().astype(np.int32)
        # One quadrilateral per step: in a single polygon, a crack that crosses itself would cancel out.
        for quad in np.concatenate([fixed[:-1], fixed[1:, ::-1]], 1):
            cv2.fillConvexPoly(large, quad, 255, cv2.LINE_8, 4)
    small = cv2.resize(large, (canvas.side, canvas.side), interpolation=cv2.INTER_AREA)
    return np.asarray(small, np.float32) / np.float32(255)


def _edge(canvas: Canvas, crack: Crack, side: int, ragged: float) -> Points:
    """Compute the edge of a crack on one `side`, 1 or -1.

    Each edge is rough on its own, in straight sections as long as a few grains, because broken stone is angular.
    """
    count = len(crack.points)
    every = max(1, round(1.2 * canvas.unit / STEP_PX))
    at = np.arange(0, count, every)
    points, widths = crack.points[at], crack.widths[at]
    # The direction is averaged over part of the width, or the edges of a wide crack would cross.
    reach = max(every, round(0.6 * float(widths.mean()) / STEP_PX))
    along = crack.points[np.minimum(at + reach, count - 1)] - crack.points[np.maximum(at - reach, 0)]
    across = side * np.stack([-along[:, 1], along[:, 0]], 1) / (np.hypot(along[:, 0], along[:, 1])[:, None] + 1e-9)
    breaks = 0.4 * _along(canvas, count, 4)[at] + 0.45 * _along(canvas, count, 13)[at]
    return np.asarray(points + across * (widths / 2 * np.exp(ragged * breaks))[:, None])
