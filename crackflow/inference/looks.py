"""One look of a model at a photograph: the whole of it in one square, or in squares at some scale."""

from typing import NamedTuple

import cv2
import numpy as np

from crackflow.imaging.fit import Mode, ResizeMode, frame, grid
from crackflow.imaging.images import Pixels
from crackflow.imaging.on_disk import OnDisk
from crackflow.imaging.png_strips import strips_of
from crackflow.imaging.resize import resize_image
from crackflow.inference.components import SCALE, Levels
from crackflow.inference.tiling import OfSquares, Values, stitched

# Of a look's own: a fifth smaller, a quarter larger.
OTHER_SCALES = (0.8, 1.25)


class Look(NamedTuple):
    """What a model sees on a photograph at a scale."""

    scale: float
    """pixels of the model for one of the photograph, along a side; the geometric mean where the two sides differ"""
    planes: Levels
    """uint16 (K, h, w) at the model's scale, level k for the probability k / 65536: the crack's, and where there are
    several foreground classes, each of theirs after it"""


def in_squares(function: OfSquares, photo: Pixels, scale: float, side: int, disk: OnDisk | None = None) -> Look:
    """Look at a photograph in squares of its own pixels, or of those of a smaller or larger copy.

    Args:
        function: the model: squares (N, side, side, 3) uint8 RGB to planes (N, side, side, K) float32, 0..1.
        photo: uint8 RGB (H, W, 3).
        scale: above 0; of the copy.
        side: of the squares, px.
        disk: makes the array of the planes; None leaves it in memory.

    Returns:
        The look.
    """
    height, width = (max(1, round(length * scale)) for length in photo.shape[:2])
    copy = _resized(photo, height, width)
    planes = np.empty((0, height, width), np.uint16)
    for top, values in stitched(function, copy, side):
        if not len(planes):
            shape = (values.shape[-1], height, width)
            planes = np.empty(shape, np.uint16) if disk is None else disk.empty(shape, np.uint16)
        planes[:, top : top + len(values)] = _levels(values)
        if disk is not None:
            disk.release()
    return Look(scale, planes)


def squeezed(function: OfSquares, photo: Pixels, side: int, mode: ResizeMode) -> Look:
    """Look at a whole photograph as stage resize made squares of the training pairs: in one, or in several.

    Args:
        function: as for `in_squares`.
        photo: uint8 RGB (H, W, 3).
        side: of the square, px.
        mode: of the training pairs. With "crop" the photograph is letterboxed, so that no part of it is left out; with
            "tile" each of its parts is looked at in a square of its own.

    Returns:
        The look.
    """
    height, width = photo.shape[:2]
    if mode == "tile":
        return _in_parts(function, photo, side)
    whole: Mode = "letterbox" if mode == "crop" else mode
    target = frame(height, width, side, whole)
    values = function(resize_image(photo, side, whole)[None])[0][target.target]
    tall, wide = target.shape
    return Look(float(np.sqrt(tall / height * wide / width)), _levels(values))


def at_several_scales(function: OfSquares, photo: Pixels, look: Look, side: int) -> Look:
    """Average a look with those at a smaller and at a larger scale.

    Args:
        function: as for `in_squares`.
        photo: uint8 RGB (H, W, 3).
        look: at the photograph.
        side: of the squares, px.

    Returns:
        The mean over the three at the photograph's own size, with the scale of `look`.
    """
    height, width = photo.shape[:2]
    others = (in_squares(function, photo, look.scale * factor, side) for factor in OTHER_SCALES)
    levels = [at_own_size(one, height, width) for one in (look, *others)]
    mean = levels[0].copy()
    for rows in strips_of(height, width):
        mean[:, rows] = sum(one[:, rows].astype(np.uint32) for one in levels) // len(levels)
    return Look(look.scale, mean)


def _in_parts(function: OfSquares, photo: Pixels, side: int) -> Look:
    """Look at each part of a photograph in a square of its own; their planes lie side by side."""
    cut = grid(photo.shape[0], photo.shape[1], side)
    bands = []
    for row in range(cut.rows):
        squares = [resize_image(photo[cut.part(row, column)], side) for column in range(cut.columns)]
        # one by one: a row of a large photograph has many
        bands.append(np.concatenate([_levels(function(square[None])[0]) for square in squares], axis=2))
    scale = np.sqrt(side * cut.rows / cut.height * side * cut.columns / cut.width)
    return Look(float(scale), np.concatenate(bands, axis=1))


def at_own_size(look: Look, height: int, width: int) -> Levels:
    """Bring the planes of a look to the photograph's own size, uint16 (K, height, width), by linear interpolation."""
    if look.planes.shape[1:] == (height, width):
        return look.planes
    planes = [cv2.resize(plane, (width, height), interpolation=cv2.INTER_LINEAR) for plane in look.planes]
    return np.asarray(planes[0][None] if len(planes) == 1 else np.stack(planes), np.uint16)


def _levels(values: Values) -> Levels:
    """Planes (K, h, w) of values (h, w, K), rounded up as `operating_point.fine_levels` does."""
    return np.clip(np.ceil(np.moveaxis(values, -1, 0) * SCALE), 0, SCALE - 1).astype(np.uint16)


def _resized(photo: Pixels, height: int, width: int) -> Pixels:
    """A copy of a size: averaged over area where it shrinks, interpolated where it grows."""
    if photo.shape[:2] == (height, width):
        return photo
    how = cv2.INTER_AREA if height * width < photo.shape[0] * photo.shape[1] else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(photo, (width, height), interpolation=how), np.uint8)
