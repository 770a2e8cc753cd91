"""Why a file can't be decoded: what it is instead of an image, or that the memory for its pixels is not to be had."""

import io
import re
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from crackflow.imaging.tiff import MAX_PIXELS

# What Pillow raises for damaged files, often not on purpose.
PILLOW_FAILS = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, struct.error)
# What Pillow may be asked to read. For some of its other formats it starts a program on the file: Ghostscript for EPS,
# whatever the file is called.
_PILLOW_READS = ("AVIF", "BMP", "DIB", "GIF", "HEIF", "JPEG", "JPEG2000", "MPO", "PNG", "PPM", "TIFF", "WEBP")
# What decoding takes a pixel, at most: three channels, and twice as much again for those of a progressive JPEG.
_WORKING_BYTES = 9
_STARTS = (
    (b"%PDF", "a PDF"),
    (b"8BPS", "a Photoshop file"),
    (b"PK\3\4", "a zip"),
    (b"GIF8", "a GIF that can't be read"),
    (b"\xff\x0a", "a JPEG XL image"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL image"),
    (b"version https://git-lfs", "a pointer of Git LFS (fetch the file with git lfs pull)"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML file"),
    (b"<!doctype", "a web page"),
    (b"<html", "a web page"),
)
_BRANDS = {b"avif": "an AVIF image", b"avis": "an AVIF image"}
_HEIF = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


def opened_by_pillow(file: Path | bytes) -> Image.Image:
    """Open a picture by Pillow, if it is of a format that pictures of people have; nothing else opens one by Pillow.

    Args:
        file: its path, or its content.

    Raises:
        OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, struct.error: where Pillow can't.
        Image.DecompressionBombError: when it has more pixels than Pillow's limit.
    """
    Image.init()
    known = [name for name in _PILLOW_READS if name in Image.OPEN]
    return Image.open(io.BytesIO(file) if isinstance(file, bytes) else file, formats=known)


def why_unreadable(data: bytes, name: str) -> str:
    """Say why a file can't be decoded, in one line.

    Args:
        data: the whole file.
        name: its name.
    """
    kind = _kind(data)
    if kind:
        return f"{name} is {kind}, expected a JPEG, PNG, BMP, TIFF or WebP file; save it as one of these"
    if (pixels := _pixels_beyond_pillow(data)) > MAX_PIXELS:
        return f"{name} has {pixels:,} px, expected at most 2^30 in all; cut it into parts"
    return f"{name} is truncated or not an image; replace it or leave the pair out"


def lacks_memory(data: bytes) -> bool:
    """Whether a file that can't be decoded may be whole: the memory that its pixels take is not to be had.

    Decoders report their own lack of memory as damage.
    """
    try:
        with opened_by_pillow(data) as file:
            width, height = file.size
    except (*PILLOW_FAILS, Image.DecompressionBombError):
        return False
    try:
        np.empty(width * height * _WORKING_BYTES + len(data), np.uint8)
    except MemoryError:
        return True
    return False


def _kind(data: bytes) -> str:
    if not data.strip(b"\0"):
        return "nothing but zeros" if data else "empty"
    if data[4:8] == b"ftyp":
        brand = data[8:12]
        return _BRANDS.get(brand, "a HEIC photograph" if brand in _HEIF else "a video")
    start = data[:64].lstrip().lower()
    return next((kind for sign, kind in _STARTS if data.startswith(sign) or start.startswith(sign)), "")


def _pixels_beyond_pillow(data: bytes) -> int:
    """How many pixels a file says that it has, where they are so many that Pillow opens it no more; else 0."""
    try:
        opened_by_pillow(data).close()
    except Image.DecompressionBombError as error:
        found = re.search(r"\((\d+) pixels\)", str(error))
        return int(found[1]) if found else 0
    except PILLOW_FAILS:
        return 0
    return 0
