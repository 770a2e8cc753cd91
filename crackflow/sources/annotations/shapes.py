"""Outlines that people drew, as masks.

(0, 0) is the upper left corner of the photograph, and a pixel belongs to an outline when its centre does.
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from crackflow.errors import DataError
from crackflow.imaging.tiff import MAX_PIXELS

Mask = NDArray[np.uint8]
_CORNERS = 3
# labels that say that there is none: no crack, not cracked, no visible cracks, uncracked, non-crack, crack-free
_DENIED = re.compile(
    r"(?<![a-z])(?:(?:no|non|not|without)(?:[\W_]+[a-z]+)?|un)[\W_]*crack|crack(?:s|ed|ing)?[\W_]*(?:free|less)"
)


@dataclass(frozen=True)
class Shape:
    """A label on a photograph: one outline, or all of that label together.

    Attributes:
        label: its name.
        mask: uint8 (H, W), 1 where it is.
    """

    label: str
    mask: Mask


@dataclass(frozen=True)
class Annotated:
    """A photograph and its labels.

    Attributes:
        photo: its path or name, as the annotations have it.
        size: (width, height) of the photograph, px, as the annotations have it.
        shapes: none where the photograph has no crack.
    """

    photo: str
    size: tuple[int, int]
    shapes: tuple[Shape, ...]


def merged(shapes: Iterable[Shape]) -> tuple[Shape, ...]:
    """Give all outlines of a label as one: 200 cracks on 24 megapixels would take 4.8 GB, each for itself.

    Args:
        shapes: made one after another, so that few are there at a time; their masks are written to.
    """
    found: dict[str, Mask] = {}
    for shape in shapes:
        known = found.setdefault(shape.label, shape.mask)
        np.maximum(known, shape.mask, out=known)
    return tuple(Shape(label, mask) for label, mask in found.items())


def fill(rings: Sequence[Sequence[float]], size: tuple[int, int]) -> Mask:
    """Fill outlines as pycocotools does.

    Args:
        rings: of each outline x0, y0, x1, y1, ...
        size: (width, height), px.

    Returns:
        uint8 (H, W), 1 inside any of them.

    Raises:
        DataError: when an outline has fewer than three corners, a number is missing, or a corner lies farther off the
            photograph than its longer side: pycocotools takes memory for each pixel of an outline, inside or not.
    """
    width, height = size
    side = max(size)
    for ring in rings:
        if len(ring) < 2 * _CORNERS or len(ring) % 2:
            raise DataError(f"an outline of {len(ring)} numbers, expected x and y of three corners or more; redraw it")
        if far := [number for number in ring if not -side <= number <= 2 * side]:
            raise DataError(f"a corner at {far[0]:g}, far off its photograph of {width}x{height} px; redraw it")
    if not rings:
        return np.zeros((height, width), np.uint8)
    # pycocotools takes four numbers for a box
    encoded = coco_mask.merge(coco_mask.frPyObjects([[float(n) for n in ring] for ring in rings], height, width))
    return np.asarray(coco_mask.decode(encoded), np.uint8)


def checked_size(width: int, height: int) -> tuple[int, int]:
    """Give the size of a photograph, px, as labels say it.

    Raises:
        DataError: when no photograph can have it.
    """
    if width >= 1 and height >= 1 and width * height <= MAX_PIXELS:
        return width, height
    raise DataError(f"a photograph of {width}x{height} px, expected 1 to 2^30 in all; correct it")


def unrolled(lengths: Sequence[int], number: int) -> Mask:
    """Give the pixels of runs, the first of which is outside the label and may have no pixel.

    Args:
        lengths: px.
        number: of pixels that there must be.

    Returns:
        uint8 (number,), 1 inside.

    Raises:
        DataError: when there are more or fewer.
    """
    if min(lengths, default=0) < 0 or sum(lengths) != number:
        raise DataError(f"a mask of {sum(lengths):,} px, expected {number:,}; redraw it")
    return np.repeat(np.arange(len(lengths), dtype=np.uint8) % 2, lengths)


def box(left: float, top: float, right: float, bottom: float, rotation: float = 0.0) -> list[float]:
    """Give the outline of a rectangle.

    Args:
        left: its left side, px, before it is turned.
        top: likewise.
        right: likewise.
        bottom: likewise.
        rotation: about its centre, degrees, clockwise as one looks at the photograph.
    """
    if not rotation:
        return [left, top, right, top, right, bottom, left, bottom]
    x, y = (left + right) / 2, (top + bottom) / 2
    sine, cosine = math.sin(math.radians(rotation)), math.cos(math.radians(rotation))
    corners = ((left - x, top - y), (right - x, top - y), (right - x, bottom - y), (left - x, bottom - y))
    # y goes down, so this is clockwise
    return [
        n for across, down in corners for n in (x + across * cosine - down * sine, y + across * sine + down * cosine)
    ]


def crack_mask(found: Annotated, cracks: frozenset[str]) -> Mask:
    """Draw a photograph's labels on one mask.

    Args:
        found: the photograph.
        cracks: the labels that are cracks.

    Returns:
        uint8 (H, W), 255 where there is a crack, else 0.
    """
    width, height = found.size
    mask = np.zeros((height, width), np.uint8)
    for shape in found.shapes:
        if shape.label in cracks:
            mask[shape.mask > 0] = 255
    return mask


def crack_labels(labels: Sequence[str], where: str) -> frozenset[str]:
    """Choose the labels that are cracks: those that have "crack" in their name and don't deny it, or the only one.

    Raises:
        DataError: when there are several, and none has.
    """
    denied = frozenset(label for label in labels if _DENIED.search(label.lower()))
    cracks = frozenset(label for label in labels if "crack" in label.lower()) - denied
    others = frozenset(labels) - denied
    if cracks or not others or (len(others) == 1 and not denied):
        return cracks or others
    raise DataError(
        f"{where} has the labels {', '.join(sorted(set(labels)))}, expected one label or some with crack in their "
        "name; rename those that are cracks"
    )
