"""A mask drawn as a line around what it covers, so that the crack itself stays visible."""

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

# Okabe and Ito's yellow, the lightest of their colours, within a black rim: one of the two is seen on any surface, with
# any colour vision.
LINE = (240, 228, 66)
RIM = (0, 0, 0)


def outlined(image: Picture, crack: NDArray[np.bool_], line_px: int = 2) -> Picture:
    """Draw the mask's outline outside of it.

    Args:
        image: uint8 (H, W, 3) RGB.
        crack: bool (H, W).
        line_px: width of the line, px; the rim on its outer side is as wide.

    Returns:
        uint8 (H, W, 3) RGB, a new array; pixels of the mask are those of the image, but for gaps of 1 or 2 px in the
        mask, which are left alone as if they were covered.
    """
    closed = np.asarray(cv2.morphologyEx(crack.view(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), np.uint8)
    out = image.copy()
    line = _grown(closed, line_px)
    rim = _grown(line, line_px)
    out[(rim > 0) & (line == 0)] = RIM
    out[(line > 0) & (closed == 0)] = LINE
    return out


def _grown(mask: NDArray[np.uint8], by: int) -> NDArray[np.uint8]:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * by + 1, 2 * by + 1))
    return np.asarray(cv2.dilate(mask, disc), np.uint8)
