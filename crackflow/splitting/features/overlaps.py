"""Whether two photographs show the same pavement, by a geometric check of their local features.

Features are matched one to one and mutually. RANSAC (Fischler and Bolles 1981) looks for one affine map that most of
the matches follow. The map must be a plausible turn, zoom and shear, and the matches must be spread over what the two
share. At last the one photograph is laid over the other by that map, and their grey levels must agree.
"""

import math
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from crackflow.splitting.features.local_features import SIDE, Features

Map = NDArray[np.float64]

MATCHES = 10
"""Places that must follow one map."""

# As in Lowe 2004, section 7.1, but milder: textures have many features alike, and RANSAC sorts out.
_RATIO = 0.85
_OFF_PX = 4.0
_ZOOM = 2.5
_STRETCH = 2.5
_SPREAD = 0.15
AGREEMENT = 0.3
"""How much grey levels must correlate, where one photograph is laid over the other."""
_BLUR_PX = 12.0
# Mean squared level below which there is nothing but rounding.
_FLAT = 0.01
_FRAME = np.array([[0, 0], [SIDE, 0], [SIDE, SIDE], [0, SIDE]], np.float32)


class Overlap(NamedTuple):
    """How one photograph lies over another.

    Attributes:
        affine: float64 (2, 3), takes x and y in the one to those in the other, both in px at SIDE x SIDE.
        matches: places that follow it.
    """

    affine: Map
    matches: int

    @property
    def words(self) -> str:
        """How the one is turned, in degrees counter-clockwise, and how much larger it is in the other."""
        linear = self.affine[:, :2]
        degrees = round(math.degrees(math.atan2(linear[0, 1] - linear[1, 0], linear[0, 0] + linear[1, 1]))) % 360
        return f"{f'rotated {degrees}, ' if degrees else ''}zoom {math.sqrt(np.linalg.det(linear)):.2f}"


def overlap(one: Features, other: Features) -> Overlap | None:
    """Look for the map that takes one photograph's features to the other's.

    Args:
        one: features of a photograph, as they are or mirrored.
        other: those of another one.

    Returns:
        The map that most features follow; None where fewer than `MATCHES` places follow one, or it is none that a copy
        or a crop would have.
    """
    left, right = _matched(one.descriptors, other.descriptors)
    if len(left) < MATCHES:
        return None
    estimated, inside = cv2.estimateAffine2D(
        one.points[left], other.points[right], ransacReprojThreshold=_OFF_PX, maxIters=1000, confidence=0.99
    )
    if estimated is None:
        return None
    affine = estimated.astype(np.float64)
    if not _plausible(affine):
        return None
    # a place may have several features, each with a direction of its own
    places = np.unique(one.points[left][inside[:, 0] > 0].round(), axis=0)
    if len(places) < MATCHES:
        return None
    hull = cv2.contourArea(cv2.convexHull(places))
    return Overlap(affine, len(places)) if hull >= _SPREAD * _shared_area(affine) else None


def agreement(one: NDArray[np.uint8], other: NDArray[np.uint8], affine: Map) -> float:
    """Correlate the grey levels of two photographs where one lies over the other.

    Slow changes of light are taken out first, since they correlate among any two photographs.

    Args:
        one: uint8 (SIDE, SIDE).
        other: uint8 (SIDE, SIDE).
        affine: takes x and y in the one to those in the other.

    Returns:
        Correlation, -1 to 1; 0 where nothing is shared, or nothing differs from its surroundings.
    """
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(_detail(other), affine, (SIDE, SIDE), flags=flags)
    shared = cv2.warpAffine(np.ones((SIDE, SIDE), np.uint8), affine, (SIDE, SIDE), flags=flags) > 0
    left, right = _detail(one)[shared], laid[shared]
    levels = np.sqrt((left**2).sum() * (right**2).sum())
    return float((left * right).sum() / levels) if levels > _FLAT * np.count_nonzero(shared) else 0.0


def _matched(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows of two sets of descriptors that are each other's nearest, and nearer than the second by `_RATIO`."""
    if min(len(one), len(other)) < MATCHES:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    squares, nearest = cv2.batchDistance(one, other, cv2.CV_32S, normType=cv2.NORM_L2SQR, K=2)
    rows = np.flatnonzero(squares[:, 0] < _RATIO**2 * squares[:, 1])
    if not len(rows):
        return rows, rows
    there = nearest[rows, 0]
    _, back = cv2.batchDistance(other[there], one, cv2.CV_32S, normType=cv2.NORM_L2SQR, K=1)
    mutual = back[:, 0] == rows
    return rows[mutual], there[mutual].astype(np.intp)


def _plausible(affine: Map) -> bool:
    long, short = np.linalg.svd(affine[:, :2], compute_uv=False)
    upright = np.linalg.det(affine[:, :2]) > 0
    return bool(upright and 1 / _ZOOM <= math.sqrt(long * short) <= _ZOOM and long <= _STRETCH * short)


def _shared_area(affine: Map) -> float:
    """Area of what the two share, in px of the one."""
    back = cv2.invertAffineTransform(affine)
    area, _ = cv2.intersectConvexConvex(_FRAME, cv2.transform(_FRAME[None], back)[0].astype(np.float32))
    return float(area)


def _detail(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Levels less those of the surroundings, and without what a JPEG loses."""
    level = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1.5)
    return np.asarray(level - cv2.GaussianBlur(level, (0, 0), _BLUR_PX), np.float32)
