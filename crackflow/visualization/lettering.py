"""Words on pictures, in the typeface that matplotlib ships, so that a picture looks the same on every machine."""

from functools import cache
from pathlib import Path

import matplotlib as mpl
from PIL import ImageFont

Font = ImageFont.FreeTypeFont


@cache
def font(size: int, *, bold: bool = False) -> Font:
    """Load DejaVu Sans.

    Args:
        size: height of a line's capital and descender together, px.
        bold: the bold cut.

    Returns:
        A font that PIL.ImageDraw takes; the same object for the same arguments.
    """
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(mpl.get_data_path(), "fonts/ttf", name), size)


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
