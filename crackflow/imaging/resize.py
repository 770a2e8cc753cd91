"""Bring photographs and masks to one size, thin cracks included."""

import cv2
import numpy as np
from numpy.typing import NDArray

from crackflow.imaging.fit import Mode, frame
from crackflow.imaging.images import Pixels
from crackflow.imaging.thin_lines import coverage, scale_lines


def resize_image(image: Pixels, size: int, mode: Mode = "stretch") -> Pixels:
    """Resize a photograph to a square.

    A side that shrinks is averaged over area, which keeps thin cracks as faint lines where interpolation would skip
    them. A side that grows is interpolated cubically, which keeps cracks darker than linear interpolation does.

    Padding has the photograph's mean colour. Black bars would be the darkest and straightest thing in the image. A
    repeated or mirrored edge would continue a crack into the padding, where the mask has none.

    Args:
        image: uint8 (H, W, 3) or (H, W).
        size: side of the result, px.
        mode: as for `crackflow.imaging.fit.frame`.

    Returns:
        uint8 (size, size, 3) or (size, size).
    """
    placed = frame(image.shape[0], image.shape[1], size, mode)
    part, (height, width) = image[placed.source], placed.shape
    # INTER_AREA does not average while the other side grows
    smaller = min(height, part.shape[0]), min(width, part.shape[1])
    for (rows, columns), how in ((smaller, cv2.INTER_AREA), ((height, width), cv2.INTER_CUBIC)):
        if part.shape[:2] != (rows, columns):
            part = np.asarray(cv2.resize(part, (columns, rows), interpolation=how), np.uint8)
    if (height, width) == (size, size):
        return np.ascontiguousarray(part)
    mean = np.rint(cv2.mean(part)[: image.shape[2] if image.ndim == 3 else 1])
    square = np.empty((size, size, *image.shape[2:]), np.uint8)
    square[:] = mean
    square[placed.target] = part
    return square


def resize_mask(classes: Pixels, size: int, num_classes: int, mode: Mode = "stretch") -> Pixels:
    """Resize a mask to a square without losing thin lines; padding is background.

    The foreground is scaled as `crackflow.imaging.thin_lines.scale_lines` says: lines of one pixel never break, and the
    area is kept as far as that allows. Of several foreground classes, a pixel gets the one that covers most of it.

    Args:
        classes: uint8 (H, W), class numbers.
        size: side of the result, px.
        num_classes: number of classes, the background included.
        mode: as for `crackflow.imaging.fit.frame`.

    Returns:
        uint8 (size, size), class numbers.
    """
    placed = frame(classes.shape[0], classes.shape[1], size, mode)
    part = classes[placed.source]
    found = scale_lines(_levels(part > 0), *placed.shape).astype(np.uint8)
    if num_classes > 2:
        shares = [coverage(_levels(part == number), *placed.shape) for number in range(1, num_classes)]
        found *= np.argmax(shares, axis=0).astype(np.uint8) + np.uint8(1)
    square = np.zeros((size, size), np.uint8)
    square[placed.target] = found
    return square


def _levels(mask: NDArray[np.bool_]) -> Pixels:
    """0 and 255 for false and true."""
    return mask * np.uint8(255)
