"""What can be measured of a label without the truth: does the image show anything where the mask says crack?

Grey levels are compared as z = (level - mean) / standard deviation, both of the unmarked surface in a window about the
pixel. So uneven light and coarse texture have no influence.
"""

from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

# All in px of the pair as it was resized; they suit images of 256 to 1024 px.
BLUR_PX = 1.0
WINDOW_PX = 81
GUARD_PX = 4
RING_PX = 20
FAR_PX = 16
# A dark line that may be an unmarked crack is at least this share of the image's side long, and slim.
LINE_LENGTH, LINE_SLIMNESS = 0.12, 0.08
# It is at least LEAST_Z deviations and AS_DARK of the marked crack's depth darker than the surface; where the mask is
# empty, or shows nothing, DARK_Z deviations.
LEAST_Z, AS_DARK, DARK_Z = -2.0, 0.7, -3.0
# Of fewer pixels no distribution is measured.
FEWEST = 16

# A cross and no square, which would call the steps of slanted lines gaps.
_CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))


class Measures(NamedTuple):
    """What was measured of one pair; None where it is undefined.

    Attributes:
        darker: share of the mask's pixels that are darker than 95 % of the ring about it, 0..1; of a mask drawn
            at random 0.05, of a tight one 0.5 to 1.
        brighter: the same for brighter than 95 %, for cracks that were filled or stand in the light.
        excess: area of the mask over the area of the crack's core in it, >= 1; None where there is no core.
        covered: share of the image that the mask covers, 0..1.
        border: share of the image's border pixels that the mask covers, 0..1.
        unmarked: length of slim dark lines away from the mask, in sides of the image.
        frayed: area of the gaps of 1 or 2 px in the mask over the mask's own area.
    """

    darker: float | None
    brighter: float | None
    excess: float | None
    covered: float
    border: float
    unmarked: float
    frayed: float | None


def measure(grey: NDArray[np.uint8], crack: NDArray[np.bool_]) -> Measures:
    """Measure one pair.

    The ring is the surface GUARD_PX to RING_PX away from the mask. The core of a crack is what lies beyond the middle
    between the ring's median and the mask's darkest tenth (or brightest, whichever of darker and brighter is larger);
    with c and r the shares of mask and ring beyond it, texture alone puts r of any area there, so the core is
    (c - r) / (1 - r) of the mask and the excess is one over that. There is a core where the mask's darkest tenth is at
    least one standard deviation beyond the ring's.

    Args:
        grey: uint8 (H, W).
        crack: bool (H, W).

    Returns:
        The measures.

    Raises:
        ValueError: when the shapes differ.
    """
    if grey.shape != crack.shape:
        raise ValueError(f"received an image of {grey.shape} and a mask of {crack.shape}; sizes must agree")
    marked = crack.view(np.uint8)
    count = int(np.count_nonzero(crack))
    distance = cv2.distanceTransform(1 - marked, cv2.DIST_L2, cv2.DIST_MASK_3) if count else None
    residual, spread = _flattened(grey, distance)
    z = residual / spread
    darker = brighter = excess = frayed = None
    dark = z < DARK_Z
    if distance is not None:
        inside, ring = z[crack], z[(distance > GUARD_PX) & (distance <= RING_PX)]
        if min(len(inside), len(ring)) >= FEWEST:
            low, high = _quantiles(ring, 0.05, 0.95)
            darker, brighter = float(np.mean(inside < low)), float(np.mean(inside > high))
            sign = 1 if darker >= brighter else -1
            excess = _excess(sign * inside, sign * ring)
            # An unmarked line is counted as surface and raises the deviation around it, so it is compared with the
            # marked crack in grey levels.
            dark = (z < LEAST_Z) & (residual < AS_DARK * float(np.median(residual[crack])))
        closed = cv2.morphologyEx(marked, cv2.MORPH_CLOSE, _CROSS)
        frayed = np.count_nonzero(closed) / count - 1
    edge = np.concatenate([crack[0], crack[-1], crack[1:-1, 0], crack[1:-1, -1]])
    far = distance > FAR_PX if distance is not None else np.ones_like(crack)
    return Measures(darker, brighter, excess, count / crack.size, float(edge.mean()), _slim_lines(dark & far), frayed)


def _flattened(grey: NDArray[np.uint8], distance: NDArray[Any] | None) -> tuple[NDArray[Any], NDArray[Any]]:
    """Levels less the mean of the unmarked surface about each pixel, and the standard deviation of that surface."""
    level = cv2.GaussianBlur(grey, (0, 0), BLUR_PX).astype(np.float32)
    free = np.ones_like(level) if distance is None else (distance > GUARD_PX).astype(np.float32)
    # where the window holds no surface at all, the result is not negative, so nothing there counts as dark
    share = np.maximum(_windowed(free), 1e-6)
    level -= _windowed(level * free) / share
    # A sum of squares can come out a little below 0 where the filter's running sum is rounded.
    return level, np.sqrt(np.maximum(_windowed(level * level * free) / share, 1))


def _windowed(values: NDArray[np.float32]) -> NDArray[Any]:
    return cv2.blur(values, (WINDOW_PX, WINDOW_PX), borderType=cv2.BORDER_REFLECT)


def _excess(inside: NDArray[np.float32], ring: NDArray[np.float32]) -> float | None:
    (deepest,) = _quantiles(inside, 0.1)
    ring_deepest, middle = _quantiles(ring, 0.1, 0.5)
    if deepest > ring_deepest - 1:
        return None
    beyond = (middle + deepest) / 2
    mask_share, ring_share = float(np.mean(inside < beyond)), float(np.mean(ring < beyond))
    core = (mask_share - ring_share) / (1 - ring_share)
    return 1 / core if core > 0 else None


def _quantiles(values: NDArray[np.float32], *shares: float) -> list[float]:
    """The value below which each share lies, without interpolation: one partial sort, a fifth of np.quantile's time."""
    places = [int(share * (len(values) - 1)) for share in shares]
    return [float(value) for value in np.partition(values, places)[places]]


def _slim_lines(dark: NDArray[np.bool_]) -> float:
    side = max(dark.shape)
    joined = cv2.morphologyEx(dark.view(np.uint8), cv2.MORPH_CLOSE, _CROSS)
    _, _, found, _ = cv2.connectedComponentsWithStats(joined, connectivity=8)
    found = found[1:]
    length = np.hypot(found[:, cv2.CC_STAT_WIDTH], found[:, cv2.CC_STAT_HEIGHT])
    slim = found[:, cv2.CC_STAT_AREA] < LINE_SLIMNESS * length**2
    return float(length[slim & (length > LINE_LENGTH * side)].sum() / side)
