"""Masks painted on their photographs: what a prediction found, missed and raised as false alarm; outlines of a mask.

The three kinds of pixels differ twice. Their colours can be told apart with any colour vision and differ in lightness
(Okabe and Ito, "Color Universal Design", 2008; https://jfly.uni-koeln.de/color). Their patterns differ too: found is
solid, false alarms have stripes, missed has dots.
"""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from crackflow.visualization.contact_sheet import font

Picture = NDArray[np.uint8]
BoolMask = NDArray[np.bool_]
Rgba = tuple[int, int, int, int]


class Mark(NamedTuple):
    """How one kind of pixel is painted, and the words for it."""

    colour: tuple[int, int, int]
    pattern: str
    words: str


FOUND = Mark((86, 180, 233), "solid", "found: crack in truth and prediction (TP)")
FALSE_ALARM = Mark((213, 94, 0), "stripes", "false alarm: in the prediction alone (FP)")
MISSED = Mark((240, 228, 66), "dots", "missed: in truth alone (FN)")
PREDICTED = Mark((204, 121, 167), "solid", "predicted crack")

# Share of the mark's colour in a painted pixel: the surface below stays visible, and dark parts of a pattern too.
STRONG, WEAK = 0.85, 0.45
# Period of stripes and dots, px; wide enough to survive a sheet at half size.
PERIOD = 8

LETTER_PX = 13
SWATCH = (40, 20)

# Of outlines: Okabe and Ito's yellow, their lightest colour, within a black rim. One of the two is visible on any
# surface, with any colour vision.
LINE = (240, 228, 66)
RIM = (0, 0, 0)


def overlay(image: Picture, truth: NDArray[np.uint8] | None, predicted: NDArray[np.uint8]) -> Picture:
    """Paint a prediction on its photograph.

    With more than two classes a pixel counts as crack where its class is any but the background, as in the headline
    figures.

    Args:
        image: uint8 (H, W, 3) RGB.
        truth: uint8 (H, W) class indices, 0 the background; None where nothing is known, then every predicted crack
            pixel gets the mark PREDICTED.
        predicted: uint8 (H, W) class indices.

    Returns:
        uint8 (H, W, 3) RGB, a new array.

    Raises:
        ValueError: when the heights and widths differ.
    """
    for name, mask in (("truth", truth), ("predicted", predicted)):
        if mask is not None and mask.shape != image.shape[:2]:
            raise ValueError(
                f"received {name} of shape {mask.shape} for an image of {image.shape[:2]}; sizes must agree"
            )
    p = predicted > 0
    if truth is None:
        return painted(image, [(PREDICTED, p)])
    t = truth > 0
    return painted(image, [(FOUND, p & t), (FALSE_ALARM, p & ~t), (MISSED, ~p & t)])


def painted(image: Picture, parts: Sequence[tuple[Mark, BoolMask]]) -> Picture:
    """Paint disjoint parts of a picture, each by its mark.

    Args:
        image: uint8 (H, W, 3) RGB.
        parts: each with its pixels, bool (H, W).

    Returns:
        uint8 (H, W, 3) RGB, a new array.
    """
    out = image.copy()
    # their pixels alone are computed: a photograph of 200 megapixels as floats is 2.4 GB
    for mark, where in parts:
        y, x = np.nonzero(where)
        share = np.where(_pattern(mark.pattern, y, x), STRONG, WEAK)[:, None]
        out[y, x] = np.rint(share * np.array(mark.colour) + (1 - share) * image[y, x])
    return out


def transparent(truth: NDArray[np.uint8], predicted: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], list[Rgba]]:
    """Paint what `overlay` paints, without the photograph: laid over it, the two look the same.

    Args:
        truth: uint8 (H, W) class indices, 0 the background.
        predicted: as `truth`, of the same shape.

    Returns:
        uint8 (H, W), which colour each pixel has, and the colours as red, green, blue, opacity, 0..255; the first one
        is wholly transparent.
    """
    p, t = predicted > 0, truth > 0
    indices = np.zeros(truth.shape, np.uint8)
    colours: list[Rgba] = [(0, 0, 0, 0)]
    for mark, where in ((FOUND, p & t), (FALSE_ALARM, p & ~t), (MISSED, ~p & t)):
        y, x = np.nonzero(where)
        indices[y, x] = len(colours) + np.where(_pattern(mark.pattern, y, x), 0, 1)
        colours += [(*mark.colour, round(255 * share)) for share in (STRONG, WEAK)]
    return indices, colours


def outlined(image: Picture, crack: BoolMask, line_px: int = 2) -> Picture:
    """Draw a line around a mask, outside of it, so that the crack itself stays visible.

    Args:
        image: uint8 (H, W, 3) RGB.
        crack: bool (H, W).
        line_px: width of the line, px; the rim on its outer side is as wide.

    Returns:
        uint8 (H, W, 3) RGB, a new array. Pixels of the mask are those of the image. Gaps of 1 or 2 px in the mask count
        as part of it.
    """
    closed = np.asarray(cv2.morphologyEx(crack.view(np.uint8), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)), np.uint8)
    out = image.copy()
    line = _grown(closed, line_px)
    rim = _grown(line, line_px)
    out[(rim > 0) & (line == 0)] = RIM
    out[(line > 0) & (closed == 0)] = LINE
    return out


def legend(width: int, *, with_truth: bool = True) -> Picture:
    """Draw the key to `overlay`: a swatch and words for each mark.

    Args:
        width: of the picture, px; entries flow onto as many lines as they need.
        with_truth: for overlays that had a truth, else for those that had none.

    Returns:
        uint8 (H, width, 3) RGB.
    """
    return key(width, (FOUND, FALSE_ALARM, MISSED) if with_truth else (PREDICTED,))


def key(width: int, marks: Sequence[Mark]) -> Picture:
    """Draw the key to a painted picture: a swatch and words for each mark.

    Args:
        width: of the picture, px; entries flow onto as many lines as they need.
        marks: in order.

    Returns:
        uint8 (H, width, 3) RGB.
    """
    face = font(LETTER_PX)
    places: list[tuple[int, int]] = []
    left = line = 0
    for mark in marks:
        needed = SWATCH[0] + 8 + round(face.getlength(mark.words))
        if left and left + needed > width:
            left, line = 0, line + 1
        places.append((left, line))
        left += needed + 24
    pitch = SWATCH[1] + 8
    canvas = Image.new("RGB", (width, (line + 1) * pitch), (255, 255, 255))
    draw = ImageDraw.Draw(canvas)
    for mark, (left, line) in zip(marks, places, strict=True):
        swatch = np.full((SWATCH[1], SWATCH[0], 3), 128, np.uint8)
        canvas.paste(Image.fromarray(painted(swatch, [(mark, np.ones(swatch.shape[:2], bool))])), (left, line * pitch))
        middle = (left + SWATCH[0] + 8, line * pitch + SWATCH[1] // 2)
        draw.text(middle, mark.words, (32, 32, 32), face, anchor="lm")
    return np.asarray(canvas)


def _grown(mask: NDArray[np.uint8], by: int) -> NDArray[np.uint8]:
    down, right = np.mgrid[-by : by + 1, -by : by + 1]
    disc = (down**2 + right**2 <= by**2).astype(np.uint8)
    return np.asarray(cv2.dilate(mask, disc), np.uint8)


def _pattern(name: str, y: NDArray[np.intp], x: NDArray[np.intp]) -> BoolMask:
    if name == "stripes":
        return np.asarray((x + y) % PERIOD < PERIOD // 2)
    if name == "dots":
        return np.asarray((x % PERIOD - 3.5) ** 2 + (y % PERIOD - 3.5) ** 2 < 3**2)
    return np.ones(x.shape, bool)
