"""Find photographs that are the same but for size, compression, brightness, a trimmed edge, a flip or a turn."""

from collections.abc import Mapping
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crackflow.imaging.perceptual_hash import SIDE
from crackflow.parallel.engine import fan_out
from crackflow.parallel.threads import Threads

TURNS = (
    "same",
    "rotated 90",
    "rotated 180",
    "rotated 270",
    "mirrored",
    "mirrored, rotated 90",
    "mirrored, rotated 180",
    "mirrored, rotated 270",
)
"""The symmetries of the square: mirrored left to right or not, then rotated counter-clockwise by so many degrees."""

_BITS = SIDE * SIDE
_CHUNK = 32
_ODD = np.arange(SIDE) % 2 == 1


class NearDuplicate(NamedTuple):
    """Two pairs whose images look the same."""

    one: str
    other: str
    # how many bits of the hashes differ, in the turn where they differ least
    bits: int
    # what turns the one into the other, a word of TURNS
    turn: str
    # how many places of the one were found in the other by their local features; 0 where the hashes found the pair
    places: int = 0


def near_duplicates(hashes: Mapping[str, str], distance: int) -> list[NearDuplicate]:
    """Find all pairs of names whose hashes differ in few bits, whichever way the images are turned.

    Mirroring an image negates the odd frequencies of its cosine transform along that axis. Transposing an image
    transposes its transform. So the hashes of all turns follow from one hash, and no image is read again. All are
    compared with all, on all cores: no index helps where 60 of 256 bits may differ, since most buckets that one hash
    falls into are then those of strangers. docs/explanation/scale.md has the time for 100,000.

    Args:
        hashes: a hash of `crackflow.imaging.perceptual_hash.perceptual_hash` by name.
        distance: the largest number of bits that may differ.

    Returns:
        Each pair once, `one` before `other` in the order of `hashes`, sorted by that order.
    """
    names = list(hashes)
    if len(names) < 2:
        return []
    packed = np.array([np.frombuffer(bytes.fromhex(value), dtype=np.uint8) for value in hashes.values()])
    squares = np.unpackbits(packed, axis=1).reshape(-1, SIDE, SIDE).astype(bool)
    upright, across = _quarters(squares), _quarters(squares.transpose(0, 2, 1))

    def below(start: int) -> list[NearDuplicate]:
        """Those of which the first is among a few rows."""
        rows = slice(start, start + _CHUNK)
        alike = np.maximum(
            _agreement(upright[:, rows], upright[:, start:]), _agreement(across[:, rows], upright[:, start:])
        )
        found = []
        for first, second in np.argwhere(np.triu(alike >= _BITS - 2 * distance, k=1)).tolist():
            one, other = start + first, start + second
            bits = [int(np.count_nonzero(turned ^ squares[other])) for turned in _turned(squares[one])]
            found.append(NearDuplicate(names[one], names[other], min(bits), TURNS[bits.index(min(bits))]))
        return found

    # threads share the hashes, and NumPy lets go of the interpreter while it counts bits
    return list(chain.from_iterable(fan_out(Threads(), below, range(0, len(names), _CHUNK))))


def apart(one: str, other: str) -> int:
    """Bits in which two hashes differ, in the turn where they differ least."""
    return near_duplicates({"one": one, "other": other}, _BITS)[0].bits


def _quarters(squares: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """Hashes (N, SIDE, SIDE) as four words each (4, N): even or odd rows, by even or odd columns."""
    quarters = [squares[:, row::2, column::2].reshape(len(squares), -1) for row in (0, 1) for column in (0, 1)]
    return np.array([np.packbits(quarter, axis=1).view(np.uint64)[:, 0] for quarter in quarters])


def _agreement(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> NDArray[np.int16]:
    """Bits that agree less bits that differ, (N, M), in the one of four mirrorings where it is most.

    A mirroring negates the odd rows, the odd columns, or both. So each quarter is kept or negated as a whole, and only
    the sign of its sum changes.
    """
    even, right, lower, both = (
        64 - 2 * np.bitwise_count(a[:, None] ^ b).astype(np.int16) for a, b in zip(one, other, strict=True)
    )
    agreement: NDArray[np.int16] = np.maximum(even + right + abs(lower + both), even - right + abs(lower - both))
    return agreement


def _turned(square: NDArray[np.bool_]) -> list[NDArray[np.bool_]]:
    """The hash (SIDE, SIDE) that the image has in each of TURNS."""
    turned = []
    for mirrored in (square, square ^ _ODD):
        turned.append(mirrored)
        for _ in range(3):
            # a quarter turn counter-clockwise exchanges rows and columns, then turns the image upside down
            turned.append(turned[-1].T ^ _ODD[:, None])
    return turned
