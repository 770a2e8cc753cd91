"""The mean over several views of a square: mirrored and turned, as a crack may lie any way round."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from crackflow.errors import DataError
from crackflow.inference.operating_point import OperatingPoint
from crackflow.inference.tiling import OfSquares, Pixels, Values

# How many views are averaged, and what they are; each row holds the views of those above it.
VIEWS = {
    1: "one view",
    2: "mean over two views, mirrored left-right",
    4: "mean over four flips",
    8: "mean over eight views, flips and quarter turns",
}
# Of axes (N, H, W, C): whether H and W are exchanged, and which axes are reversed then.
_TURNS: tuple[tuple[bool, tuple[int, ...]], ...] = tuple(
    (exchanged, reversed_) for exchanged in (False, True) for reversed_ in ((), (2,), (1,), (1, 2))
)
# Squares that the network gets at once.
_AT_ONCE = 4


def of_point(point: OperatingPoint) -> int:
    """Say how many views an operating point was chosen with."""
    return 4 if point.flips else 1


def words(point: OperatingPoint, views: int) -> str:
    """Say an operating point in words, and how many views are averaged where it is used.

    Args:
        point: as it was chosen.
        views: of VIEWS.
    """
    if views == of_point(point):
        return point.words()
    return replace(point, flips=False).words().replace("no flips", VIEWS[views])


def check(views: int) -> None:
    """Reject a number of views that is none of VIEWS.

    Raises:
        DataError: in that case.
    """
    if views not in VIEWS:
        raise DataError(f"--views {views}, expected one of {', '.join(map(str, VIEWS))}; correct it")


def averaged(function: OfSquares, views: int) -> OfSquares:
    """Give a function of squares that averages another one over views. It takes `views` times as long.

    Args:
        function: squares (N, side, side, 3) uint8 RGB to values (N, side, side, K) float32.
        views: of VIEWS.

    Returns:
        The same from squares to the mean of the values, each turned back before.

    Raises:
        DataError: when `views` is none of VIEWS.
    """
    check(views)

    def mean(squares: Pixels) -> Values:
        seen = each_view(function, squares, views)
        total = next(seen).copy()
        for values in seen:
            total += values
        return total / np.float32(views)

    return function if views == 1 else mean


def each_view(function: OfSquares, squares: Pixels, views: int) -> Iterator[Values]:
    """Give what a function of squares finds in each view, turned back, in the order of VIEWS.

    Args:
        function: as for `averaged`.
        squares: (N, side, side, 3) uint8 RGB.
        views: how many, 1..8.
    """
    # several at once, so that each core takes one
    at_once = max(1, _AT_ONCE // len(squares))
    for first in range(0, views, at_once):
        turns = _TURNS[first : min(first + at_once, views)]
        seen = function(np.concatenate([_turned(squares, *turn) for turn in turns]))
        for (exchanged, axes), values in zip(turns, np.split(seen, len(turns)), strict=True):
            upright = np.flip(values, axes)
            yield upright.swapaxes(1, 2) if exchanged else upright


def _turned(squares: Pixels, exchanged: bool, axes: tuple[int, ...]) -> Pixels:
    return np.flip(squares.swapaxes(1, 2) if exchanged else squares, axes)
