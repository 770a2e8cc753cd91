"""Which photographs are too large for the memory that one may take, or too narrow for the network's squares."""

import math
from dataclasses import dataclass
from functools import cached_property

from crackflow.errors import ImageError, ParamsError
from crackflow.imaging.fit import ResizeMode
from crackflow.inference.photographs import Scale
from crackflow.inference.scale_choice import choose_scale
from crackflow.inference.tiling import starts

MAX_MEMORY = 1.5
"""GiB that a photograph may take by itself, where the user says nothing else."""
# What a computer can have, GiB; more is a slip of the pen.
_BOUNDS = (0.01, 2**20)
# Bytes that each pixel takes with all that is written by default, and more for each of the first 2^23: what the network
# and the component filter's strip take. Measured by benchmarks/speed/large.py, and a tenth more.
BYTES_A_PIXEL, MORE_IN_A_STRIP, STRIP = 7, 48, 2**23
# Likewise of a TIFF whose pixels and probabilities lie on the disk.
BYTES_A_PIXEL_ON_DISK, MORE_ON_DISK = 6.8, 24
# Of arrays as large as the photograph, bytes a pixel: itself, and the probability.
_PHOTO, _LEVELS = 3, 2
# The largest of several scales, and of how many the probabilities are held.
_LARGEST, _SCALES = 1.25, 3
# Bytes of a pixel of the two rows of squares whose values are blended: float32 each, with what is made of them.
_IN_ROWS = 24
# Where so many squares hold less than this share of the photograph, nearly all that the network sees is mirrored.
_MANY, _SHARE = 16, 1 / 16


def room(max_memory: float) -> float:
    """Give the bytes of so many GiB.

    Raises:
        ParamsError: when no photograph fits into them, or no computer has them.
    """
    smallest, largest = _BOUNDS
    if not smallest <= max_memory <= largest:
        raise ParamsError(
            f"--max-memory {max_memory:g} GiB, expected a number from {smallest:g} to {largest:,.0f}; correct it"
        )
    return max_memory * 2**30


@dataclass(frozen=True)
class Space:
    """What a photograph may take.

    Attributes:
        max_memory: GiB, above what the program takes without one.
        scale: at which it is looked at.
    """

    max_memory: float
    scale: Scale = "auto"

    def __post_init__(self) -> None:
        room(self.max_memory)

    @cached_property
    def most_pixels(self) -> int:
        """How many pixels a photograph may have that lies in memory."""
        return self._most(self.bytes_a_pixel(on_disk=False), MORE_IN_A_STRIP)

    @cached_property
    def most_pixels_on_disk(self) -> int:
        """How many it may have where its pixels and probabilities lie on the disk."""
        return self._most(self.bytes_a_pixel(on_disk=True), MORE_ON_DISK)

    def bytes_a_pixel(self, *, on_disk: bool) -> float:
        """Give what a pixel takes where most is in use: while the network looks at it, or while cracks are measured.

        Args:
            on_disk: whether pixels and probabilities lie on the disk. A copy at another scale lies in memory.
        """
        base, photo = (BYTES_A_PIXEL_ON_DISK, 0) if on_disk else (BYTES_A_PIXEL, _PHOTO)
        if self.scale == "several":
            return max(base + _LEVELS, photo + _SCALES * _LEVELS + (_PHOTO + _LEVELS) * _LARGEST**2)
        if isinstance(self.scale, str) or self.scale == 1:
            return base
        copy = (_PHOTO + (0 if on_disk else _LEVELS)) * self.scale**2
        return max(base + _LEVELS, photo + copy)

    def check_squares(self, name: str, height: int, width: int, side: int, mode: ResizeMode = "stretch") -> None:
        """Reject a photograph whose squares take too much memory, or too much time for what they hold of it.

        Args:
            name: for messages.
            height: of the photograph, px.
            width: likewise.
            side: of the squares, px.
            mode: how the training pairs were resized.

        Raises:
            ImageError: with what to do.
        """
        factor = self._factor(height, width, side, mode)
        if factor is None:
            return
        high, wide = (max(1, round(length * factor)) for length in (height, width))
        squares = len(starts(high, side)) * len(starts(wide, side))
        if squares > _MANY and min(high, wide) < side * _SHARE:
            least = math.ceil(side * _SHARE / factor)
            raise ImageError(
                f"{name} is a strip of {width}x{height} px, expected at least {least} px on its shorter side: "
                f"{squares} squares of {side} px would show the network its mirror image"
            )
        needed = wide * side * _IN_ROWS
        if needed > room(self.max_memory):
            raise ImageError(
                f"{name} is {width:,} px wide, and the rows of squares that it is looked at in take "
                f"{needed / 2**20:,.0f} MiB, expected at most {self.max_memory * 1024:,.0f}; allow more memory, or cut "
                "it into parts"
            )

    def _factor(self, height: int, width: int, side: int, mode: ResizeMode) -> float | None:
        """At which scale it is looked at in squares; None where it is squeezed into one."""
        if not isinstance(self.scale, str):
            return self.scale
        if mode == "tile":
            return 1.0
        chosen = "fit" if self.scale == "fit" else choose_scale(height, width, side)
        return None if isinstance(chosen, str) else chosen * (_LARGEST if self.scale == "several" else 1.0)

    def _most(self, each: float, more: float) -> int:
        space = room(self.max_memory)
        return int(max(min(space / (each + more), STRIP), (space - more * STRIP) / each))
