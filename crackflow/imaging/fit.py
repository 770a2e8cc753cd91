"""Which part of a photograph goes where in the squares that a model takes, and the way back."""

import math
from typing import Literal, NamedTuple

Mode = Literal["stretch", "letterbox", "crop"]
"""How a whole photograph comes into one square."""
ResizeMode = Mode | Literal["tile"]
"""How stage resize brings photographs into squares; "tile" may take several (`grid`)."""


class Frame(NamedTuple):
    """Where a photograph lies in a square.

    Attributes:
        source: rows and columns of the photograph that are used, px.
        target: rows and columns of the square that they fill, px; what is outside is padding.
    """

    source: tuple[slice, slice]
    target: tuple[slice, slice]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the target, px."""
        rows, columns = self.target
        return rows.stop - rows.start, columns.stop - columns.start


def frame(height: int, width: int, size: int, mode: Mode = "stretch") -> Frame:
    """Fit a photograph into a square.

    Args:
        height: of the photograph, px.
        width: of the photograph, px.
        size: side of the square, px.
        mode: "stretch" fills the square with the whole photograph, each side scaled by itself, as the original does;
            "letterbox" scales both sides alike and centres the whole photograph between two bars of padding; "crop"
            scales both sides alike and fills the square with the middle of the photograph.

    Returns:
        What is used and where it goes; both are at least 1 px high and wide.
    """
    whole = slice(0, height), slice(0, width)
    square = slice(0, size), slice(0, size)
    if mode == "stretch":
        return Frame(whole, square)
    if mode == "crop":
        side = min(height, width)
        return Frame((_middle(side, height), _middle(side, width)), square)
    scale = size / max(height, width)
    rows, columns = (max(1, round(side * scale)) for side in (height, width))
    return Frame(whole, (_middle(rows, size), _middle(columns, size)))


def _middle(part: int, whole: int) -> slice:
    start = (whole - part) // 2
    return slice(start, start + part)


class Grid(NamedTuple):
    """How a photograph is cut: equal parts in rows and columns, each pixel in one of them."""

    height: int
    width: int
    rows: int
    columns: int

    def __len__(self) -> int:
        """How many parts there are."""
        return self.rows * self.columns

    def part(self, row: int, column: int) -> tuple[slice, slice]:
        """Give the rows and columns of the photograph that a part holds, px; `photograph[part]` cuts it out."""
        return _share(self.height, self.rows, row), _share(self.width, self.columns, column)


def grid(height: int, width: int, side: int) -> Grid:
    """Say how a photograph is cut.

    A part is as near to a square as whole numbers allow: of `side`, or of the photograph's shorter side where that is
    less. So a part keeps about its own pixels where the photograph is large, and grows to `side` where it is a narrow
    strip. No part is more than sqrt(2) times as long as it is wide. A photograph that is not either stays whole, unless
    its shorter side is more than sqrt(2) times `side`.

    Args:
        height: of the photograph, px.
        width: of the photograph, px.
        side: of the squares that the parts become, px.

    Returns:
        The grid; 1 x 1 where the photograph stays whole.
    """
    short, long = sorted((height, width))
    across = _number(short / side) if short > side else 1
    along = _number(long / (short / across))
    rows, columns = (across, along) if height <= width else (along, across)
    return Grid(height, width, rows, columns)


def _number(ratio: float) -> int:
    """The whole number that a ratio is nearest to as a ratio: from n to n + 1 at sqrt(n (n + 1))."""
    lower = max(1, math.floor(ratio))
    return lower + (ratio > math.sqrt(lower * (lower + 1)))


def _share(length: int, parts: int, number: int) -> slice:
    return slice(number * length // parts, (number + 1) * length // parts)
