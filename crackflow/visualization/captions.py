"""Several pictures beside each other with several lines of words below: the entries of a sheet."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from crackflow.visualization.lettering import font, shorten

Picture = NDArray[np.uint8]

PAPER, INK, SOFT = (255, 255, 255), (32, 32, 32), (89, 89, 89)
GAP = 4
LETTER_PX = 13
LINE_PX = 18


def entry(pictures: Sequence[Picture], lines: Sequence[str], width: int) -> Picture:
    """Set pictures in a row with lines of words below, the first one bold.

    Args:
        pictures: uint8 (H, W, 3) RGB; each is scaled to a square, as crackflow's resized pairs are.
        lines: words; what does not fit is shortened in its middle.
        width: side of each picture, px.

    Returns:
        uint8 (H, W, 3) RGB.
    """
    total = len(pictures) * (width + GAP) - GAP
    canvas = Image.new("RGB", (total, width + GAP + LINE_PX * len(lines)), PAPER)
    for place, picture in enumerate(pictures):
        method = cv2.INTER_AREA if picture.shape[0] > width else cv2.INTER_NEAREST
        scaled = cv2.resize(picture, (width, width), interpolation=method)
        canvas.paste(Image.fromarray(np.asarray(scaled, np.uint8)), (place * (width + GAP), 0))
    draw = ImageDraw.Draw(canvas)
    for number, line in enumerate(lines):
        face = font(LETTER_PX, bold=number == 0)
        top = width + GAP + number * LINE_PX + LINE_PX // 2
        draw.text((0, top), shorten(line, total, face), INK if number == 0 else SOFT, face, anchor="lm")
    return np.asarray(canvas)


def entries(made: Sequence[Picture], columns: int) -> Picture:
    """Lay entries out on a sheet, left to right, top to bottom.

    Args:
        made: of `entry`, all of one shape, at least one.
        columns: how many beside each other.

    Returns:
        uint8 (H, W, 3) RGB.
    """
    height, width = made[0].shape[:2]
    columns = min(columns, len(made))
    rows = -(-len(made) // columns)
    margin = 2 * GAP
    sheet = np.full((margin + rows * (height + margin), margin + columns * (width + margin), 3), PAPER, np.uint8)
    for place, picture in enumerate(made):
        row, column = divmod(place, columns)
        top, left = margin + row * (height + margin), margin + column * (width + margin)
        sheet[top : top + height, left : left + width] = picture
    return sheet
