"""Two photographs of one flat surface: where each pixel of the second lies in the first.

Features that both show give a homography (SIFT of Lowe 2004, matches checked by MAGSAC++ of Barath et al. 2020). It is
refined until the grey levels agree best (ECC of Evangelidis and Psarakis 2008). Then how far it is off is measured in
blocks, each by phase correlation, and photographs that do not show one place are rejected.
"""

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from crackflow.errors import DataError
from crackflow.imaging.images import Pixels

Matrix = NDArray[np.float64]
Plane = NDArray[np.float32]
# All is computed on copies whose longer side is this, px; a larger photograph has no more to say about where it lies.
_SIDE = 1280
_FEATURES, _RATIO, _REPROJECTION_PX = 6000, 0.8, 3.0
# Of different places a handful agrees by chance.
FEWEST_MATCHES = 20
# How much larger or smaller the second may show the surface, and how much that may differ across the photograph.
LARGEST_SCALE, LARGEST_TILT = 2.0, 2.0
# Correlation of the two after light is taken out, and the share of the first that the second shows.
LEAST_CORRELATION, LEAST_OVERLAP = 0.2, 0.3
# What is left between the two in most blocks, as a share of the longer side.
LARGEST_ERROR = 0.006
_LIGHT_PX, _CLEAR = 12.0, 0.1
# Sides of the blocks, px: as large as leaves enough of them in a small photograph.
_LARGEST_BLOCK, _SMALLEST_BLOCK, _FEWEST_BLOCKS = 96, 40, 4


class Registration(NamedTuple):
    """How the second photograph lies on the first."""

    matrix: Matrix
    """float64 (3, 3): takes a place (x, y, 1) in the second photograph to the first"""
    matches: int
    """features of both that agree on it"""
    correlation: float
    """of the grey levels where both show the surface, light taken out, -1..1"""
    overlap: float
    """share of the first photograph that the second shows, 0..1"""
    error_px: float
    """95 % of the blocks are off by less, px of the first photograph"""

    def words(self) -> str:
        """Say it in one line."""
        return (
            f"{self.matches} features agree; correlation {self.correlation:.2f}; {self.overlap:.0%} of the first "
            f"photograph is shown by both; off by at most {self.error_px:.1f} px in 95 % of it"
        )


def register(first: Pixels, second: Pixels) -> Registration:
    """Find out how the second photograph lies on the first.

    Args:
        first: uint8 RGB (H, W, 3).
        second: uint8 RGB, of any size.

    Raises:
        DataError: when they do not show one flat place, or too little of it; the message says why.
    """
    (scale, grey), (other_scale, other_grey) = (_smaller(photo) for photo in (first, second))
    found, matches = _by_features(grey, other_grey)
    if found is None or matches < FEWEST_MATCHES:
        raise _not_one_place(f"{matches} features agree, expected {FEWEST_MATCHES} or more")
    _reject_implausible(_between(found, scale, other_scale), (second.shape[1], second.shape[0]))
    one, other = _without_light(grey), _without_light(other_grey)
    found, correlation = _refined(one, other, found)
    if correlation < LEAST_CORRELATION:
        raise _not_one_place(f"their grey levels correlate by {correlation:.2f}, expected {LEAST_CORRELATION} or more")
    shown = shown_by_both(found, one.shape, other.shape)
    overlap = float(shown.mean())
    if overlap < LEAST_OVERLAP:
        raise DataError(
            f"both photographs show {overlap:.0%} of the first one, expected {LEAST_OVERLAP:.0%} or more; take the "
            "second from the place of the first"
        )
    error = _error(one, other, found, shown)
    if error > LARGEST_ERROR * max(grey.shape):
        raise DataError(
            f"the two photographs still differ by up to {error / scale:.1f} px once they are laid on each other, "
            f"expected {LARGEST_ERROR * max(first.shape):.1f} or less; the surface must be flat and both must show it "
            "sharply"
        )
    return Registration(_between(found, scale, other_scale), matches, correlation, overlap, error / scale)


def laid_on(photo: Pixels, matrix: Matrix, size: tuple[int, int]) -> Pixels:
    """Draw the second photograph as it lies on the first.

    Args:
        photo: the second, uint8 (H, W, 3) or (H, W).
        matrix: as `Registration.matrix`.
        size: (width, height) of the first, px.

    Returns:
        uint8 (height, width, 3) or (height, width); what the second does not show continues its border.
    """
    shrink = 1 / _scales(matrix, (photo.shape[1], photo.shape[0]))[0]
    if shrink > 1.2:
        # what gets smaller is averaged first, or fine grain would turn into a coarse pattern
        photo = np.asarray(cv2.GaussianBlur(photo, (0, 0), 0.5 * float(np.sqrt(shrink**2 - 1))), np.uint8)
    laid = cv2.warpPerspective(photo, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(laid, np.uint8)


def shown_by_both(matrix: Matrix, first: tuple[int, ...], second: tuple[int, ...]) -> NDArray[np.bool_]:
    """Say which pixels of the first photograph the second shows, bool (H, W).

    Args:
        matrix: as `Registration.matrix`.
        first: height and width of the first, px.
        second: of the second.
    """
    whole = np.ones(second[:2], np.uint8)
    laid = cv2.warpPerspective(whole, matrix, (first[1], first[0]), flags=cv2.INTER_NEAREST)
    return np.asarray(laid > 0)


def _smaller(photo: Pixels) -> tuple[float, NDArray[np.uint8]]:
    """The scale of the copy, at most 1, and its grey levels."""
    scale = min(1.0, _SIDE / max(photo.shape[:2]))
    grey = np.asarray(cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY), np.uint8)
    if scale < 1:
        size = max(1, round(photo.shape[1] * scale)), max(1, round(photo.shape[0] * scale))
        grey = np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)
    return scale, grey


def _between(matrix: Matrix, first: float, second: float) -> Matrix:
    """The matrix of the copies as that of the photographs: pixel centres lie half a pixel in."""
    grown = _zoom(1 / first) @ matrix @ _zoom(second)
    return np.asarray(grown / grown[2, 2], np.float64)


def _zoom(scale: float) -> Matrix:
    moved = (scale - 1) / 2
    return np.array([[scale, 0, moved], [0, scale, moved], [0, 0, 1]])


def _by_features(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> tuple[Matrix | None, int]:
    even, finder = cv2.createCLAHE(3.0, (8, 8)), cv2.SIFT.create(_FEATURES)
    (places, one), (others, other) = (finder.detectAndCompute(even.apply(grey), None) for grey in (first, second))
    if one is None or other is None or min(len(one), len(other)) < 4:
        return None, 0
    # the square root of the shares compares better (Arandjelovic and Zisserman 2012)
    one, other = (np.sqrt(of / np.maximum(of.sum(axis=1, keepdims=True), 1e-9)) for of in (one, other))
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(other, one, k=2)
    good = [pair[0] for pair in pairs if len(pair) == 2 and pair[0].distance < _RATIO * pair[1].distance]
    if len(good) < 4:
        return None, len(good)
    start = np.array([others[match.queryIdx].pt for match in good], np.float32)
    end = np.array([places[match.trainIdx].pt for match in good], np.float32)
    # its random draws begin at one seed each time
    matrix, agree = cv2.findHomography(start, end, cv2.USAC_MAGSAC, _REPROJECTION_PX, maxIters=5000, confidence=0.999)
    if matrix is None:
        return None, 0
    # several features at one spot are one
    spots = np.unique(np.rint(end[agree.ravel() > 0] / 4), axis=0)
    return np.asarray(matrix, np.float64), len(spots)


def _scales(matrix: Matrix, size: tuple[int, int]) -> tuple[float, float, bool]:
    """Geometric mean of the scales at the corners and the middle, largest over smallest, and whether all are right."""
    width, height = size
    places = [(0, 0), (width, 0), (0, height), (width, height), (width / 2, height / 2)]
    depths = np.array([matrix[2] @ (x, y, 1) for x, y in places])
    # of a homography the area scale at a place is det H / w^3
    areas = np.linalg.det(matrix) / np.where(depths == 0, 1e-12, depths) ** 3
    proper = bool((depths > 0).all() and (areas > 0).all())
    if not proper:
        return 0.0, np.inf, False
    sides = np.sqrt(areas)
    return float(np.exp(np.log(sides).mean())), float(sides.max() / sides.min()), True


def _reject_implausible(matrix: Matrix, size: tuple[int, int]) -> None:
    scale, tilt, proper = _scales(matrix, size)
    if not proper:
        raise _not_one_place("the features that agree would turn the surface inside out")
    if not 1 / LARGEST_SCALE <= scale <= LARGEST_SCALE:
        raise DataError(
            f"the second photograph shows the surface at {1 / scale:.2f} times the scale of the first, expected "
            f"{1 / LARGEST_SCALE} to {LARGEST_SCALE}; take it from as far away"
        )
    if tilt > LARGEST_TILT:
        raise DataError(
            f"the second photograph is taken so much at a slant to the first that its scale differs {tilt:.1f} times, "
            f"expected {LARGEST_TILT} or less; take both square to the surface"
        )


def _without_light(grey: NDArray[np.uint8]) -> Plane:
    """Grey levels, each less its surroundings' mean and over their spread, float32: light and shadow are out."""
    levels = grey.astype(np.float32)
    rest = levels - cv2.GaussianBlur(levels, (0, 0), _LIGHT_PX)
    spread = np.sqrt(cv2.GaussianBlur(rest * rest, (0, 0), 2 * _LIGHT_PX))
    return np.asarray(np.clip(rest / (spread + 2), -3, 3), np.float32)


def _refined(first: Plane, second: Plane, matrix: Matrix) -> tuple[Matrix, float]:
    """The matrix at which the two correlate best, and by how much."""
    best, correlation = matrix, _correlation(first, second, matrix)
    # the first look is blurred, so that a start that is some pixels off is drawn in
    for blur in (9, 3):
        start = np.linalg.inv(best)
        try:
            _, turned = cv2.findTransformECC(
                first,
                second,
                (start / start[2, 2]).astype(np.float32),
                cv2.MOTION_HOMOGRAPHY,
                (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-6),
                np.full(second.shape, 255, np.uint8),
                blur,
            )
            new = np.linalg.inv(turned.astype(np.float64))
        except (cv2.error, np.linalg.LinAlgError):  # it does not converge
            continue
        new /= new[2, 2]
        if (reached := _correlation(first, second, new)) > correlation:
            best, correlation = new, reached
    return best, correlation


def _correlation(first: Plane, second: Plane, matrix: Matrix) -> float:
    shown = shown_by_both(matrix, first.shape, second.shape)
    if np.count_nonzero(shown) < _SMALLEST_BLOCK**2:
        return 0.0
    # fine grain differs by focus and noise
    one, other = (cv2.GaussianBlur(plane, (0, 0), 1.5)[shown] for plane in (first, _laid(second, matrix, first)))
    return float(np.corrcoef(one, other)[0, 1]) if one.std() > 0 and other.std() > 0 else 0.0


def _laid(second: Plane, matrix: Matrix, first: Plane) -> Plane:
    size = first.shape[1], first.shape[0]
    return np.asarray(cv2.warpPerspective(second, matrix, size, flags=cv2.INTER_LINEAR), np.float32)


def _error(first: Plane, second: Plane, matrix: Matrix, shown: NDArray[np.bool_]) -> float:
    """The 95th percentile of what the blocks that show it clearly are off by, px of the copy."""
    block = min(_LARGEST_BLOCK, max(_SMALLEST_BLOCK, min(first.shape) // 3))
    laid, window = _laid(second, matrix, first), cv2.createHanningWindow((block, block), cv2.CV_32F)
    shifts = []
    for top in range(0, first.shape[0] - block + 1, block // 2):
        for left in range(0, first.shape[1] - block + 1, block // 2):
            part = slice(top, top + block), slice(left, left + block)
            if shown[part].all():
                (x, y), response = cv2.phaseCorrelate(first[part], laid[part], window)
                if response > _CLEAR:
                    shifts.append(float(np.hypot(x, y)))
    if len(shifts) < _FEWEST_BLOCKS:
        raise _not_one_place(f"{len(shifts)} blocks of {block} px can be compared, expected {_FEWEST_BLOCKS} or more")
    return float(np.percentile(shifts, 95))


def _not_one_place(why: str) -> DataError:
    return DataError(
        f"the two photographs do not show one place ({why}); name two of one place, taken from about the same distance "
        "and sharp, with half of the surface or more in both"
    )
