"""A picture of any size by a function of squares: where the squares lie, and how what it gives on them is blended.

The squares overlap, and near its border a square counts for less, down to nothing: there the function sees only half of
a pixel's surroundings. The weights of all squares sum to 1 in every pixel, so no seam shows.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
Values = NDArray[np.float32]
# Squares (N, side, side, 3) uint8 RGB -> values (N, side, side, K) float32.
OfSquares = Callable[[Pixels], Values]

# Shares of a square's side: how far neighbours overlap at least, and how much of that, at the border, counts nothing.
# 128 and 32 of 512 px.
OVERLAP = 1 / 4
MARGIN = 1 / 16


class Rows(NamedTuple):
    """Finished rows of the picture."""

    top: int
    """number of the first one"""
    values: Values
    """(R, W, K) float32"""


def starts(length: int, side: int) -> tuple[int, ...]:
    """Say where squares begin along one side of the picture, spread evenly.

    Args:
        length: of the picture's side, px.
        side: of the square, px.

    Returns:
        Ascending, the first 0, the last max(0, length - side). Neighbours overlap by OVERLAP of their side or more.
    """
    if length <= side:
        return (0,)
    step = side - round(side * OVERLAP)
    gaps = -(-(length - side) // step)
    return tuple(number * (length - side) // gaps for number in range(gaps + 1))


def weights(begins: tuple[int, ...], side: int) -> Values:
    """Weigh the pixels of each square along one side of the picture.

    A weight rises from the square's border as a squared sine does (the Hann window), and is 1 in the middle. At a
    border of the picture it is 1 throughout. Then each pixel's weights are divided by their sum.

    Args:
        begins: as `starts` gives them.
        side: of the square, px.

    Returns:
        float32 (squares, side), 0..1; those that meet in a pixel of the picture sum to 1.
    """
    overlap, margin = max(1, round(side * OVERLAP)), round(side * MARGIN)
    inwards = np.clip((np.arange(side) + 0.5 - margin) / max(1, overlap - 2 * margin), 0, 1)
    rising = np.sin(inwards * np.pi / 2) ** 2
    total = np.zeros(begins[-1] + side)
    found = np.ones((len(begins), side))
    for number, begin in enumerate(begins):
        if number > 0:
            found[number] *= rising
        if number < len(begins) - 1:
            found[number] *= rising[::-1]
        total[begin : begin + side] += found[number]
    for number, begin in enumerate(begins):
        found[number] /= total[begin : begin + side]
    return found.astype(np.float32)


def stitched(function: OfSquares, picture: Pixels, side: int, batch: int = 4) -> Iterator[Rows]:
    """Give what a function of squares finds on a picture, from top to bottom.

    A picture that is smaller than a square is continued on its right and lower side by its mirror image. In memory are
    two strips of values, each as high as a square and as wide as the picture.

    Args:
        function: of squares of `side` px.
        picture: uint8 RGB (H, W, 3), H and W at least 1.
        side: of the squares, px.
        batch: how many squares the function gets at once, at most.

    Yields:
        Every row of the picture once, in order.
    """
    height, width = picture.shape[:2]
    lines, columns = starts(height, side), starts(width, side)
    down, across = weights(lines, side), weights(columns, side)
    open_rows = np.zeros((0, width, 0), np.float32)
    for number, top in enumerate(lines):
        band = _mirrored(picture[top : top + side], side)
        strip = _strip(function, band, columns, across, batch)[: height - top, :width]
        strip *= down[number, : len(strip), None, None]
        if len(open_rows):
            strip[: len(open_rows)] += open_rows
        end = lines[number + 1] - top if number + 1 < len(lines) else len(strip)
        yield Rows(top, strip[:end])
        open_rows = strip[end:]


def _strip(function: OfSquares, band: Pixels, columns: tuple[int, ...], across: Values, batch: int) -> Values:
    """The blended values (side, W, K) of one row of squares."""
    side, strip = len(band), np.zeros((0, 0, 0), np.float32)
    for first in range(0, len(columns), batch):
        begins = columns[first : first + batch]
        found = function(np.stack([band[:, begin : begin + side] for begin in begins]))
        if not first:
            strip = np.zeros((side, band.shape[1], found.shape[-1]), np.float32)
        for begin, weight, values in zip(begins, across[first:], found, strict=False):
            strip[:, begin : begin + side] += values * weight[None, :, None]
    return strip


def _mirrored(band: Pixels, side: int) -> Pixels:
    """A band of at least `side` rows and columns; what is missing is the mirror image of what is there."""
    missing = [(0, max(0, side - length)) for length in band.shape[:2]]
    return np.pad(band, [*missing, (0, 0)], mode="reflect") if any(after for _, after in missing) else band
