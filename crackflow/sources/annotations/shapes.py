"""Outlines that people drew, as masks.

(0, 0) is the upper left corner of the photograph, and a pixel belongs to an outline when its centre does.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from crackflow.errors import DataError

Mask = NDArray[np.uint8]
_CORNERS = 3


@dataclass(frozen=True)
class Shape:
    """One label on a photograph.

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


def fill(rings: Sequence[Sequence[float]], size: tuple[int, int]) -> Mask:
    """Fill outlines as pycocotools does.

    Args:
        rings: of each outline x0, y0, x1, y1, ...
        size: (width, height), px.

    Returns:
        uint8 (H, W), 1 inside any of them.

    Raises:
        DataError: when an outline has fewer than three corners, or a number is missing.
    """
    width, height = size
    for ring in rings:
        if len(ring) < 2 * _CORNERS or len(ring) % 2:
            raise DataError(f"an outline of {len(ring)} numbers, expected x and y of three corners or more; redraw it")
    if not rings:
        return np.zeros((height, width), np.uint8)
    # pycocotools takes four numbers for a box
    encoded = coco_mask.merge(coco_mask.frPyObjects([[float(n) for n in ring] for ring in rings], height, width))
    return np.asarray(coco_mask.decode(encoded), np.uint8)


def box(left: float, top: float, right: float, bottom: float) -> list[float]:
    """Give the outline of a rectangle."""
    return [left, top, right, top, right, bottom, left, bottom]


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
    """Choose the labels that are cracks: those that have "crack" in their name, or the only one there is.

    Raises:
        DataError: when there are several, and none has.
    """
    cracks = frozenset(label for label in labels if "crack" in label.lower())
    if cracks or len(set(labels)) <= 1:
        return cracks or frozenset(labels)
    raise DataError(
        f"{where} has the labels {', '.join(sorted(set(labels)))}, expected one label or some with crack in their "
        "name; rename those that are cracks"
    )
