"""Write a PNG from strips of rows, so that only one strip of a large picture need be in memory beside its file.

OpenCV takes whole pictures, and holds up to three copies of the file meanwhile.
"""

import io
import struct
import zlib
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

Strip = NDArray[np.uint8] | NDArray[np.uint16]
# Pixels of a strip.
AT_A_TIME = 2**21
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Of the PNG specification (W3C, third edition), section 9: each byte less the one above it.
_UP = 2


def png_of(strips: Iterable[Strip], height: int, width: int, compression: int = 1) -> bytes:
    """Give the file of a picture.

    Args:
        strips: from top to bottom, each uint8 RGB (R, W, 3), uint8 grey (R, W) or uint16 grey (R, W).
        height: of the picture, px.
        width: likewise.
        compression: zlib level 0..9.

    Raises:
        ValueError: when the strips are not as many rows as `height`, or not as wide as `width`.
    """
    file = io.BytesIO()
    file.write(_SIGNATURE)
    packed = zlib.compressobj(compression)
    rows, above = 0, np.zeros(0, np.uint8)
    for strip in strips:
        if strip.shape[1] != width:
            raise ValueError(f"a strip is {strip.shape[1]} px wide, expected {width}")
        if not rows:
            colours = 2 if strip.ndim == 3 else 0
            header = struct.pack(">IIBBBBB", width, height, 8 * strip.dtype.itemsize, colours, 0, 0, 0)
            _write(file, b"IHDR", header)
            above = np.zeros(strip[0].nbytes, np.uint8)
        lines = np.ascontiguousarray(strip.astype(strip.dtype.newbyteorder(">"), copy=False))
        lines = lines.view(np.uint8).reshape(len(strip), -1)
        filtered = np.full((len(lines), lines.shape[1] + 1), _UP, np.uint8)
        np.subtract(lines[:1], above, out=filtered[:1, 1:])
        np.subtract(lines[1:], lines[:-1], out=filtered[1:, 1:])
        above = lines[-1].copy()
        _write(file, b"IDAT", packed.compress(filtered.data))
        rows += len(strip)
    if rows != height:
        raise ValueError(f"the strips have {rows} rows, expected {height}")
    _write(file, b"IDAT", packed.flush())
    _write(file, b"IEND", b"")
    return file.getvalue()


def strips_of(height: int, width: int, at_a_time: int = AT_A_TIME) -> Iterator[slice]:
    """Say which rows are a strip, from top to bottom."""
    rows = max(1, at_a_time // width)
    return (slice(top, min(top + rows, height)) for top in range(0, height, rows))


def _write(file: io.BytesIO, kind: bytes, content: bytes) -> None:
    if content or kind == b"IEND":
        file.write(struct.pack(">I", len(content)) + kind)
        file.write(content)
        file.write(struct.pack(">I", zlib.crc32(content, zlib.crc32(kind))))
