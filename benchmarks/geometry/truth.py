"""Made cracks of known length and width, drawn anti-aliased; for benchmarks.geometry.made."""

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline

SURFACE, GRAIN = 120.0, 3.0
_FINE, _SHIFT = 8, 4
Line = NDArray[np.float64]


class Made(NamedTuple):
    """Coverage, float64 (H, W), 0..1: the share of each pixel that the cracks cover; and their length, px."""

    coverage: NDArray[np.float64]
    length: float


def spline(rng: np.random.Generator, size: float, bend: float) -> Line:
    """A curve through 5 knots at a random angle, float64 (500, 2); `bend` 0 is straight."""
    t = np.linspace(0, 1, 500)
    sideways = CubicSpline(np.linspace(0, 1, 5), rng.normal(0, 0.35 * bend, 5))
    return turned(np.stack([t, sideways(t)], axis=1) * size, rng.uniform(0, 2 * math.pi))


def turned(line: Line, angle: float) -> Line:
    return line @ np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])


def arc_length(line: Line) -> float:
    return float(np.hypot(*np.diff(line, axis=0).T).sum())


def draw(rng: np.random.Generator, lines: list[Line], width: float) -> Made:
    """Draw lines with blunt ends at a random offset between pixels, each pixel as 8 x 8 smaller ones."""
    every = np.concatenate(lines)
    margin = width / 2 + 24
    offset = margin - every.min(axis=0) + rng.uniform(0, 1, 2)
    across, down = (math.ceil(side) for side in every.max(axis=0) + offset + margin)
    fine = np.zeros((down * _FINE, across * _FINE), np.uint8)
    for line in lines:
        way = line + offset
        steps = np.gradient(way, axis=0)
        normal = np.stack([-steps[:, 1], steps[:, 0]], axis=1) / np.hypot(*steps.T)[:, None]
        # OpenCV draws the pixels that an edge runs through: half a fine pixel more on each side
        normal *= (width - 1 / _FINE) / 2
        left, right = ((side + 0.5) * _FINE - 0.5 for side in (way + normal, way - normal))
        corners = np.stack([left[:-1], left[1:], right[1:], right[:-1]], axis=1)
        for quad in np.rint(corners * 2**_SHIFT).astype(np.int32):
            cv2.fillConvexPoly(fine, quad, 1, shift=_SHIFT)
    coverage = fine.reshape(down, _FINE, across, _FINE).mean(axis=(1, 3))
    return Made(coverage, sum(map(arc_length, lines)))


def joint(rng: np.random.Generator, kind: str, width: float) -> list[Line]:
    """Two curves that meet once at 40 to 140 degrees: crossing (X), or one ending at the other (Y)."""
    while True:
        one, other = spline(rng, 260, rng.choice([0.0, 0.15])), spline(rng, 200, 0.1)
        at, foot = 250 + int(rng.integers(-50, 50)), 250 if kind == "X" else 0
        wanted = _direction(one, at) + math.radians(rng.uniform(40, 140))
        other = turned(other - other[foot], wanted - _direction(other, foot)) + one[at]
        away = np.hypot(*(other - other[foot]).T) > 4 * width + 5
        apart = np.hypot(*(one[:, None] - other[None, away]).transpose(2, 0, 1))
        if apart.min() > width + 4:
            return [one, other]


def _direction(line: Line, at: int) -> float:
    step = line[at + 1] - line[at]
    return math.atan2(step[1], step[0])


def photograph(rng: np.random.Generator, coverage: NDArray[np.float64], blur: float, floor: float) -> NDArray[np.uint8]:
    """Grey levels of a surface with grain, uint8 (H, W): dark where the crack is, blurred by a Gaussian."""
    levels = SURFACE - (SURFACE - floor) * coverage
    if blur:
        levels = cv2.GaussianBlur(levels, (0, 0), blur)
    return np.clip(np.rint(levels + rng.normal(0, GRAIN, levels.shape)), 0, 255).astype(np.uint8)
