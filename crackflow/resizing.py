"""Bring photographs and masks to one size, thin cracks included."""

import cv2
import numpy as np

from crackflow.images import Pixels


def resize_image(image: Pixels, size: int) -> Pixels:
    """Resize a photograph to a square; its aspect is not kept.

    A side that shrinks is averaged over area, which keeps thin cracks as faint lines where interpolation would skip
    them; a side that grows is interpolated cubically, which keeps them darker than linear interpolation does.

    Args:
        image: uint8 (H, W, 3) or (H, W).
        size: side of the result, px.

    Returns:
        uint8 (size, size, 3) or (size, size).
    """
    return _resize(image, size, cv2.INTER_CUBIC)


def resize_mask(classes: Pixels, size: int, num_classes: int) -> Pixels:
    """Resize a mask to a square without losing thin lines.

    A resized pixel is foreground when foreground covers at least half of the share that a line of one source pixel
    covers in it at best: 1/2 where the mask grows, scale/2 where it shrinks by that scale. A horizontal or vertical
    line of one pixel therefore never breaks, wherever it falls; the majority alone would drop it, and the nearest
    pixel would drop it now and then. Of several foreground classes the one that covers most wins.

    Args:
        classes: uint8 (H, W), class numbers.
        size: side of the result, px.
        num_classes: number of classes, the background included.

    Returns:
        uint8 (size, size), class numbers.
    """
    full = np.uint8(255)
    foreground = _resize(np.where(classes > 0, full, np.uint8(0)), size, cv2.INTER_LINEAR)
    needed = 255 / 2 * min(1.0, *(size / side for side in classes.shape))
    # coverage is in whole levels; one may be lost to rounding in each of the two passes
    is_foreground = foreground >= max(1, int(needed) - 1)
    if num_classes == 2:
        return is_foreground.astype(np.uint8)
    coverage = [
        _resize(np.where(classes == number, full, np.uint8(0)), size, cv2.INTER_LINEAR)
        for number in range(1, num_classes)
    ]
    return np.where(is_foreground, np.argmax(coverage, axis=0) + 1, 0).astype(np.uint8)


def _resize(pixels: Pixels, size: int, growing: int) -> Pixels:
    """Shrink the sides that shrink by area, then grow the others, since INTER_AREA does not average while one grows."""
    height, width = pixels.shape[:2]
    smaller = cv2.resize(pixels, (min(width, size), min(height, size)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(smaller, (size, size), interpolation=growing), dtype=np.uint8)
