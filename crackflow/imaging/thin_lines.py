"""Scale a mask so that thin lines neither break nor thicken.

A line that is `w` px wide after scaling covers at most the share `w` of a pixel. So a majority vote loses it where `w`
is small, and a lower threshold keeps it but draws it half as wide again. Here the low threshold is the first step. Then
pixels that a line can spare are removed, the least covered first, until the mask has the area that scaling gives it. An
unbroken line needs a pixel in each row, or each column, that it passes. Where that is more than its area, the line is
kept unbroken.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from crackflow.imaging.images import Pixels

# Coverage 0..255 comes in whole levels, and each of the two passes of a resize may round one away.
_FULL, _HALF, _ROUNDING = 255, 127, 2
# The part of what a line of one pixel covers at best that a pixel must cover to be kept. The first value that breaks
# nothing is taken. Two pixels that share a straight line both get half of it at worst, so the first value is enough for
# straight lines. Winding lines break with it in 8 of 1,000 made masks (in 67 with 0.5). The last value keeps all that
# the mask touches, and closes gaps that the others leave open.
_PARTS = (0.45, 0.2, 0.0)
# Pixels of one coverage can't all be removed at once, since one may be needed as soon as another is gone.
_LEVEL_BITS = 5
# East, then counter-clockwise, as steps (row, column).
_RING = ((0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1), (1, 0), (1, 1))


def coverage(mask: Pixels, height: int, width: int) -> Pixels:
    """Share of each pixel of a grid that a mask covers, each pixel of the mask being a square.

    Args:
        mask: uint8 (H, W), 0 or 255.
        height: of the grid, px.
        width: of the grid, px.

    Returns:
        uint8 (height, width), 0..255, to within 2.
    """
    (rows, columns), wanted = mask.shape, (height, width)
    if any(few > many and not _is_exact(many, few) for many, few in zip(mask.shape, wanted, strict=True)):
        mask = mask.repeat(-(-height // rows), axis=0).repeat(-(-width // columns), axis=1)
    # INTER_AREA averages where both sides shrink, and weighs the squares exactly where none does
    smaller = min(height, mask.shape[0]), min(width, mask.shape[1])
    for down, across in (smaller, wanted):
        if mask.shape != (down, across):
            mask = np.asarray(cv2.resize(mask, (across, down), interpolation=cv2.INTER_AREA), np.uint8)
    return mask


def _is_exact(many: int, few: int) -> bool:
    """Whether many / few is a binary fraction; otherwise OpenCV takes a wrong pixel where two edges coincide."""
    denominator = few // math.gcd(many, few)
    return denominator & (denominator - 1) == 0


def scale_lines(mask: Pixels, height: int, width: int) -> NDArray[np.bool_]:
    """Scale a mask: its lines stay unbroken, and its area is kept as far as that allows.

    What is at least 3 px thick afterwards is decided by majority, pixel by pixel, and does not count when the area of
    the lines is balanced.

    Args:
        mask: uint8 (H, W), 0 or 255.
        height: of the result, px.
        width: of the result, px.

    Returns:
        bool (height, width). A line of one pixel never breaks. The area of what is thin is that of the mask, scaled,
        unless unbroken lines need more.
    """
    if mask.shape == (height, width):
        return mask > 0
    if not mask.any():
        return np.zeros((height, width), np.bool_)
    scales = height / mask.shape[0], width / mask.shape[1]
    wanted = cv2.countNonZero(mask) * scales[0] * scales[1]
    share = coverage(mask, height, width)
    thick = _thick(share)
    # with a border, so that every pixel has eight neighbours
    share = np.pad(share, 1)
    kept = _unbroken(share, min(1.0, *scales), component_count(mask))
    places = np.flatnonzero(kept.view(np.bool_))
    if thick is not None:
        thick = np.pad(thick, 1)
        wanted -= cv2.mean(share, mask=thick)[0] / _FULL * cv2.countNonZero(thick)
        inside = thick.reshape(-1)[places] > 0
        thick_places, places = places[inside], places[~inside]
        _thin_out(kept, share, thick_places[share.reshape(-1)[thick_places] <= _HALF], len(thick_places))
    excess = round(len(places) - wanted)
    if excess > 0:
        _thin_out(kept, share, places, excess)
    elif excess < 0:
        free = share * (1 - kept)
        _add(kept, free if thick is None else free * (1 - thick), -excess)
    return np.asarray(kept[1:-1, 1:-1] > 0)


def _unbroken(share: Pixels, best: float, most: int) -> Pixels:
    """1 where enough is covered for lines to stay unbroken, 0 elsewhere.

    Args:
        share: uint8 (H, W), what is covered of each pixel.
        best: what a line of one pixel covers of a pixel at best, 0..1.
        most: components of the mask. The result has no more, and none only if the mask has none.
    """
    for part in _PARTS:
        kept = (share >= max(1, int(_FULL * part * best) - _ROUNDING)).view(np.uint8)
        if min(most, 1) <= component_count(kept) <= most:
            break
    return np.asarray(kept)


def component_count(mask: Pixels) -> int:
    """Count the 8-connected components of a uint8 (H, W) mask; what is above 0 counts."""
    # the background has a label too
    return cv2.connectedComponents(mask, connectivity=8)[0] - 1


def _thick(share: Pixels) -> Pixels | None:
    """1 within two pixels of what is fully covered with all its neighbours, and 0 elsewhere; None for 0 throughout."""
    core = cv2.erode(share, np.ones((3, 3), np.uint8)) >= _FULL - _ROUNDING
    return np.asarray(cv2.dilate(core.view(np.uint8), np.ones((5, 5), np.uint8)), np.uint8) if core.any() else None


def _thin_out(kept: Pixels, share: Pixels, places: NDArray[np.intp], most: int) -> None:
    """Remove pixels, the least covered first, as long as no line breaks or gets shorter and no hole closes.

    Pixels of the same parity of row and column don't touch, so those of one parity are tested at once.

    Args:
        kept: uint8 (H, W), 0 or 1; its border is 0. Changed in place.
        share: uint8 (H, W), what is covered of each pixel.
        places: the pixels that may be removed, as indices into the flat array.
        most: how many are removed at most.
    """
    flat, width = kept.reshape(-1), kept.shape[1]
    parity = places // width % 2 * 2 + places % width % 2
    group = (share.reshape(-1)[places] >> _LEVEL_BITS) * np.uint8(4) + parity.astype(np.uint8)
    order = np.argsort(group, kind="stable")
    steps = np.array([row * width + column for row, column in _RING])
    for part in np.split(places[order], np.flatnonzero(np.diff(group[order])) + 1):
        code = np.packbits(flat[part[:, None] + steps], axis=1, bitorder="little")[:, 0]
        gone = part[_SPARE[code]][:most]
        flat[gone] = 0
        most -= len(gone)
        if not most:
            break


def _add(kept: Pixels, share: Pixels, number: int) -> None:
    """Keep `number` more pixels, those of the largest share, in place; of equal ones the first."""
    counts = cv2.calcHist([share], [0], None, [_FULL + 1], [0, _FULL + 1]).ravel()
    at_least = counts[::-1].cumsum()[::-1]
    level = max(1, int(np.count_nonzero(at_least >= number)) - 1)
    kept[share > level] = 1
    more = number - int(at_least[level + 1]) if level < _FULL else number
    kept.reshape(-1)[np.flatnonzero(share == level)[:more]] = 1


def _spare() -> NDArray[np.bool_]:
    """For each of the 256 neighbourhoods, bit by bit along the ring: can the pixel in the middle be removed?

    It can when it is simple, so that the numbers of components and holes stay the same, and is no end of a line. An end
    has a single neighbour, or two side by side where the line is two pixels wide. Simple pixels are those of
    connectivity number 1 for 8-connected foreground: Yokoi, Toriwaki, Fukumura, "An analysis of
    topological properties of digitized binary pictures using local features", 1975.
    """
    neighbours = np.arange(256)[:, None] >> np.arange(8) & 1
    empty = 1 - neighbours
    number = sum(empty[:, k] * (1 - empty[:, k + 1] * empty[:, (k + 2) % 8]) for k in (0, 2, 4, 6))
    many, beside = neighbours.sum(axis=1), neighbours[:, ::2].sum(axis=1)
    return np.asarray((number == 1) & ((many > 2) | (beside == 2)))


_SPARE = _spare()
