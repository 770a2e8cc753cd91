"""The one reader of TIFF files.

OpenCV's garbles 16-bit planes, differently at each reading, and inverts 16-bit images whose white is 0.
"""

import io
import logging
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from crackflow.errors import ImageError

Samples = NDArray[np.uint8] | NDArray[np.uint16]
MAGIC = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
MAX_PIXELS = 2**30
_WHITE_IS_ZERO, _BLACK_IS_ZERO, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_GREY = (_WHITE_IS_ZERO, _BLACK_IS_ZERO)
_CHANNELS = {_WHITE_IS_ZERO: 1, _BLACK_IS_ZERO: 1, _RGB: 3, _PALETTE: 1, _CMYK: 4, _YCBCR: 3}
_ALPHA = (1, 2)
# JPEG in its two forms, JPEG 2000, WebP, JPEG XL, JPEG XR: what is read need not be what was written
_JPEG = (6, 7)
_LOSSY = {*_JPEG, 33003, 33004, 33005, 34712, 34927, 50001, 34892, 50002, 52546, 22610, 34934}
# Pixels in the order of the EXIF orientations 1 to 8, as flips of rows and columns after a change of axes.
_TURNS = {2: (0, 0, 1), 3: (0, 1, 1), 4: (0, 1, 0), 5: (1, 0, 0), 6: (1, 0, 1), 7: (1, 1, 1), 8: (1, 1, 0)}


# ImageError says why a file can't be read; tifffile would print a line for each tag beside it.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


@dataclass(frozen=True)
class Tiff:
    """The first image of a file, turned as its orientation says.

    Attributes:
        pixels: (H, W) grey or (H, W, 3) RGB; with fewer than 8 bits stretched to 0..255, else as stored: uint8, or
            uint16 of the `bits` that it holds. Colour tables are looked up, ink and white-is-zero are inverted.
        bits: 8, or the number of bits of each uint16.
        full: the level of white, where the file tells it or an inversion took it; None for 16 bits as they are stored,
            whose brightest level tells it.
        indices: uint8 (H, W), the numbers that a colour table is for; None where there is none.
        table: uint8 (N, 3), RGB.
        alpha: uint8 (H, W); None where the file has none.
        lossless: whether its levels are exactly those that were written.
    """

    pixels: Samples
    bits: int
    full: int | None
    indices: NDArray[np.uint8] | None
    table: NDArray[np.uint8] | None
    alpha: NDArray[np.uint8] | None
    lossless: bool


def full_level(bits: int, highest: int) -> int:
    """Say which level stands for full: white, or with white-is-zero and ink, black.

    Args:
        bits: that a file gives each level, 1..16.
        highest: level that is stored; it counts with 16 bits, of which a file may use fewer.

    Returns:
        2^bits - 1; with 16 bits the least of 8, 10, 12, 14 and 16 that hold the highest level.
    """
    used = int(highest).bit_length()
    return int(2 ** (bits if bits < 16 else max(8, used + used % 2)) - 1)


def colour_table(page: Any, name: str) -> NDArray[np.uint8]:
    """Read the colour table of a tifffile page, uint8 (N, 3) RGB.

    Raises:
        ImageError: when there is none, or its numbers have more than 8 bits.
    """
    if page.bitspersample > 8 or page.colormap is None:
        raise ImageError(
            f"{name} has a colour table for {page.bitspersample}-bit numbers, expected at most 8; save it as RGB"
        )
    colours = np.asarray(page.colormap).T
    # some programs write 8-bit colours where 16 belong
    return np.asarray(colours >> 8 if colours.max() > 255 else colours, np.uint8)


def read_tiff(data: bytes, name: str, *, turned: bool = True) -> Tiff:
    """Read a TIFF file.

    Args:
        data: the whole file.
        name: for messages.
        turned: turn it as its orientation says; otherwise as the pixels are stored.

    Returns:
        Its first image.

    Raises:
        ImageError: when it is damaged, or of a kind that can't be read, with what it is.
        MemoryError: when there is not enough memory.
    """
    try:
        with tifffile.TiffFile(io.BytesIO(data)) as file:
            page = file.pages.first
            _check(page, len(data), name)
            return _decoded(page, name, turned=turned)
    except (ImageError, MemoryError):
        raise
    # a damaged file fails in any way that a codec or a table can
    except Exception as error:
        raise ImageError(
            f"{name} is truncated or not an image ({_first_line(error)}); replace it or leave the pair out"
        ) from None


def _check(page: Any, size: int, name: str) -> None:
    """Raise ImageError for what can't be read, before anything is decoded."""
    if page.imagewidth * page.imagelength > MAX_PIXELS:
        raise ImageError(
            f"{name} has {page.imagewidth}x{page.imagelength} px, expected at most 2^30 in all; cut it into parts"
        )
    if page.imagedepth != 1:
        raise ImageError(f"{name} is a stack of {page.imagedepth} images, expected one; save one of them")
    bits = page.bitspersample
    if page.sampleformat != 1 or not isinstance(bits, int) or not 1 <= bits <= 16:
        kind = page.dtype if page.dtype is not None else f"{bits}-bit"
        raise ImageError(f"{name} holds {kind} samples, expected 8 or 16 bits; save it with those")
    channels = _CHANNELS.get(int(page.photometric))
    if channels is None:
        raise ImageError(
            f"{name} holds {_called(page.photometric)} colours, expected grey, RGB, CMYK or a colour table; "
            "save it as RGB"
        )
    # one more is alpha, or what a program that says nothing of it means as alpha
    if page.samplesperpixel not in (channels, channels + 1):
        raise ImageError(
            f"{name} has {page.samplesperpixel} bands, expected {channels}, or {channels} and alpha; save those alone"
        )
    ends = [start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=True)]
    # tifffile leaves black what no strip or tile is there for
    if len(ends) < math.prod(page.chunked) or not ends or max(ends) > size or not all(page.databytecounts):
        raise ImageError(f"{name} is truncated or not an image; replace it or leave the pair out")


def _decoded(page: Any, name: str, *, turned: bool) -> Tiff:
    photometric, bits = int(page.photometric), page.bitspersample
    channels = _CHANNELS[photometric]
    stored = page.asarray(maxworkers=1)
    if int(page.planarconfig) == 2 and stored.ndim == 3:
        stored = np.moveaxis(stored, 0, -1)
    stored = stored.reshape(page.imagelength, page.imagewidth, -1)
    if turned and (tag := page.tags.get("Orientation")) is not None and tag.value in _TURNS:
        swapped, rows, columns = _TURNS[tag.value]
        stored = stored.swapaxes(0, 1) if swapped else stored
        stored = stored[:: -1 if rows else 1, :: -1 if columns else 1]
    compression = int(page.compression)
    alpha: NDArray[np.uint8] | None = None
    if stored.shape[2] > channels:
        alpha = _eight(_stretched(np.ascontiguousarray(stored[..., channels]), bits)[0], bits)
    stored = np.ascontiguousarray(stored[..., 0] if channels == 1 else stored[..., :channels])
    if photometric == _PALETTE:
        table, indices = colour_table(page, name), stored.astype(np.uint8)
        return Tiff(table[indices], 8, 255, indices, table, alpha, compression not in _LOSSY)
    pixels: NDArray[Any]
    pixels, used = _stretched(stored, bits)
    inverted = photometric in (_WHITE_IS_ZERO, _CMYK)
    # what is inverted no longer shows by its brightest level how many bits are used
    full = full_level(used, int(pixels.max())) if inverted or used < 16 else None
    if photometric == _WHITE_IS_ZERO and full is not None:
        pixels = pixels.dtype.type(full) - pixels
    elif photometric == _CMYK and full is not None:
        ink = pixels.astype(np.uint32)
        black = full - ink[..., 3:]
        pixels = (((full - ink[..., :3]) * black + full // 2) // full).astype(pixels.dtype)
    elif photometric == _YCBCR and compression not in _JPEG:
        raise ImageError(f"{name} holds YCbCr colours without JPEG, expected RGB; save it as RGB")
    return Tiff(pixels, used, full, None, None, alpha, compression not in _LOSSY)


def _stretched(stored: NDArray[Any], bits: int) -> tuple[Samples, int]:
    """Levels of 1 to 8 bits as 0..255; deeper ones as they are, with their bits."""
    if bits > 8:
        return stored.astype(np.uint16, copy=False), bits
    levels = stored.astype(np.uint8, copy=False)
    return (levels if bits == 8 else (levels.astype(np.uint16) * 255 // (2**bits - 1)).astype(np.uint8)), 8


def _eight(levels: Samples, bits: int) -> NDArray[np.uint8]:
    return (levels if levels.dtype == np.uint8 else levels >> (bits - 8)).astype(np.uint8)


def _called(value: Any) -> str:
    return str(getattr(value, "name", value))


def _first_line(error: Exception) -> str:
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:120]
