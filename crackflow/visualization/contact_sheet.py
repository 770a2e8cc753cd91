"""Contact sheets: many pictures on one, with headings above the columns and captions below the pictures."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from crackflow.visualization.lettering import font, shorten

Picture = NDArray[np.uint8]

PAPER = (255, 255, 255)
INK = (32, 32, 32)
GAP = 8
LETTER_PX = 13
LINE_PX = 22


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
        captions: for each row the words below it: one caption a picture, or a single one that runs along the whole row.
            What does not fit is shortened in its middle. Empty: no captions.
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
            _write(draw, GAP + column * (width + GAP), top, heading, width, bold=True)
        top += LINE_PX
    for index, (row, height) in enumerate(zip(scaled, heights, strict=True)):
        for column, picture in enumerate(row):
            canvas.paste(Image.fromarray(picture), (GAP + column * (width + GAP), top))
        top += height
        if captions:
            room = width if len(captions[index]) > 1 else len(row) * (width + GAP) - GAP
            for column, caption in enumerate(captions[index]):
                _write(draw, GAP + column * (width + GAP), top, caption, room)
        top += line + GAP
    return np.asarray(canvas)


def _scaled(picture: NDArray[Any], width: int) -> Picture:
    height = max(1, round(picture.shape[0] * width / picture.shape[1]))
    method = cv2.INTER_AREA if width < picture.shape[1] else cv2.INTER_NEAREST
    return np.asarray(cv2.resize(picture, (width, height), interpolation=method), np.uint8)


def _write(draw: ImageDraw.ImageDraw, left: int, top: int, text: str, room: int, *, bold: bool = False) -> None:
    face = font(LETTER_PX, bold=bold)
    draw.text((left, top + LINE_PX // 2), shorten(text, room, face), INK, face, anchor="lm")
