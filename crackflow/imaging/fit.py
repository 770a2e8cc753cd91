"""Which part of a photograph goes where in the square that a model takes, and the way back."""

from typing import Literal, NamedTuple

Mode = Literal["stretch", "letterbox", "crop"]


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
