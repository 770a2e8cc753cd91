"""Contact sheets: many pictures on one, with headings above the columns and captions below the pictures."""

from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

Picture = NDArray[np.uint8]
Font = ImageFont.FreeTypeFont

PAPER, INK, SOFT_INK = (255, 255, 255), (32, 32, 32), (89, 89, 89)
GAP, NARROW_GAP = 8, 4
LETTER_PX = 13
LINE_PX, NARROW_LINE_PX = 22, 18


def sheet(
    rows: Sequence[Sequence[Picture]],
    captions: Sequence[Sequence[str]] = (),
    headings: Sequence[str] = (),
    width: int = 256,
    key: Picture | None = None,
) -> Picture:
    """Lay pictures out in rows, left to right, top to bottom, on white.

    Args:
        rows: uint8 pictures, (H, W) grey or (H, W, 3) RGB, of any sizes; rows may differ in length.
        captions: for each row the words below it: one caption a picture, or a single one along the whole row. A caption
            that is too long is shortened in its middle. Empty: no captions.
        headings: the words above the columns; empty: none.
        width: width of each picture on the sheet, px; heights follow from the pictures' shapes. Pictures are averaged
            when made smaller and keep their pixels visible when made larger.
        key: a picture set above all at its own size, for instance a legend.

    Returns:
        uint8 (H, W, 3) RGB.

    Raises:
        ValueError: when there is no picture, or not one row of captions for each row of pictures.
    """
    if not any(len(row) for row in rows):
        raise ValueError("received no picture; a sheet needs at least one")
    if captions and len(captions) != len(rows):
        raise ValueError(
            f"received {len(captions)} rows of captions for {len(rows)} rows of pictures; give one for each"
        )
    scaled = [[_scaled(picture, width) for picture in row] for row in rows]
    heights = [max((picture.shape[0] for picture in row), default=0) for row in scaled]
    line = LINE_PX if captions else 0
    columns = max(len(row) for row in scaled)
    key_width, key_height = (key.shape[1] + 2 * GAP, key.shape[0] + GAP) if key is not None else (0, 0)
    total_width = max(GAP + columns * (width + GAP), key_width)
    total_height = GAP + key_height + (LINE_PX if headings else 0) + sum(height + line + GAP for height in heights)
    canvas = Image.new("RGB", (total_width, total_height), PAPER)
    draw = ImageDraw.Draw(canvas)
    top = GAP
    if key is not None:
        canvas.paste(Image.fromarray(key), (GAP, top))
        top += key_height
    if headings:
        for column, heading in enumerate(headings):
            _write(draw, (GAP + column * (width + GAP), top + LINE_PX // 2), heading, width, bold=True)
        top += LINE_PX
    for index, (row, height) in enumerate(zip(scaled, heights, strict=True)):
        for column, picture in enumerate(row):
            canvas.paste(Image.fromarray(picture), (GAP + column * (width + GAP), top))
        top += height
        if captions:
            room = width if len(captions[index]) > 1 else len(row) * (width + GAP) - GAP
            for column, caption in enumerate(captions[index]):
                _write(draw, (GAP + column * (width + GAP), top + LINE_PX // 2), caption, room)
        top += line + GAP
    return np.asarray(canvas)


def captioned(pictures: Sequence[Picture], lines: Sequence[str], width: int) -> Picture:
    """Set pictures side by side with several lines of words below, the first one bold.

    Args:
        pictures: uint8 (H, W, 3) RGB, square as crackflow's resized pairs are.
        lines: words; a line that is too long is shortened in its middle.
        width: side of each picture, px.

    Returns:
        uint8 (H, W, 3) RGB, which `sheet` can lay out among others of the same width.
    """
    total = len(pictures) * (width + NARROW_GAP) - NARROW_GAP
    canvas = Image.new("RGB", (total, width + NARROW_GAP + NARROW_LINE_PX * len(lines)), PAPER)
    for place, picture in enumerate(pictures):
        canvas.paste(Image.fromarray(_scaled(picture, width)), (place * (width + NARROW_GAP), 0))
    draw = ImageDraw.Draw(canvas)
    for number, line in enumerate(lines):
        middle = width + NARROW_GAP + number * NARROW_LINE_PX + NARROW_LINE_PX // 2
        _write(draw, (0, middle), line, total, bold=number == 0, ink=SOFT_INK if number else INK)
    return np.asarray(canvas)


@cache
def font(size: int, *, bold: bool = False) -> Font:
    """Load DejaVu Sans, which matplotlib ships, so that a picture looks the same on every machine.

    Args:
        size: height of a line's capital and descender together, px.
        bold: the bold cut.

    Returns:
        A font that PIL.ImageDraw takes; the same object for the same arguments.
    """
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    # the font is in matplotlib, which need not be imported for that: it takes a while
    package = find_spec("matplotlib")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("No module named 'matplotlib'", name="matplotlib")
    return ImageFont.truetype(Path(package.origin).with_name("mpl-data") / "fonts/ttf" / name, size)


def shorten(text: str, width: int, face: Font) -> str:
    """Take letters out of the middle of `text` until it is at most `width` px wide.

    Names of photographs differ at both ends (source first, number last), so the middle is what a reader misses least.

    Args:
        text: one line.
        width: room, px.
        face: the font it will be written in.

    Returns:
        `text` itself where it fits, else its two ends with an ellipsis between; at least the ellipsis.
    """
    if face.getlength(text) <= width:
        return text
    for kept in range(len(text) - 1, 0, -1):
        head, tail = text[: (kept + 1) // 2], text[len(text) - kept // 2 :]
        if face.getlength(f"{head}…{tail}") <= width:
            return f"{head}…{tail}"
    return "…"


def _scaled(picture: NDArray[Any], width: int) -> Picture:
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    method = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(picture, (width, height), interpolation=method), np.uint8)


def _write(
    draw: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    room: int,
    *,
    bold: bool = False,
    ink: tuple[int, int, int] = INK,
) -> None:
    """Write one line from its left end at half its height."""
    face = font(LETTER_PX, bold=bold)
    draw.text(at, shorten(text, room, face), ink, face, anchor="lm")
