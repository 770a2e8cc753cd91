"""Read a photograph of a user, whatever kind of file it is, or say in one line why not, before it takes much memory."""

import contextlib
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from crackflow.errors import ImageError
from crackflow.imaging.images import Pixels, read_image

# Of TIFF 6.0: what a page is for. Bit 0: a smaller copy of another page, bit 2: a transparency mask.
_NEW_SUBFILE_TYPE = 254
_NO_PAGE_OF_ITS_OWN = 0b101
# Bytes of a file for one pixel: a file that holds more for each pixel that may be read is no photograph.
_BYTES_A_PIXEL = 8
# What Pillow raises for damaged files, often not on purpose.
_UNREADABLE = (OSError, SyntaxError, ValueError, TypeError, LookupError, ArithmeticError, struct.error)
_PILLOWS_LIMIT = threading.Lock()


class Header(NamedTuple):
    """What a file says of itself before its pixels are decoded."""

    width: int
    height: int
    pictures: int
    """pages, or frames of an animation"""
    format: str
    """as Pillow names it"""
    mode: str
    """likewise"""


def read_photograph(path: Path, most_pixels: int) -> Pixels:
    """Read a photograph: what OpenCV reads, and what only Pillow does.

    Args:
        path: a regular file, as for crackflow.imaging.images.read_image. A JPEG with further pictures behind it (MPO,
            as telephones write) is read as its first. A TIFF may hold smaller copies of itself.
        most_pixels: more are not decoded.

    Returns:
        uint8 RGB (H, W, 3), turned as its EXIF orientation says; alpha is dropped.

    Raises:
        ImageError: when it can't be read, has too many pixels, holds several pictures, or samples that are no levels.
    """
    header = read_header(path)
    if header is not None:
        _check(path.name, header, most_pixels)
    if path.stat().st_size > max(2**26, most_pixels * _BYTES_A_PIXEL):
        raise ImageError(f"{path.name} is a file of {path.stat().st_size / 2**30:.1f} GiB, too large for a photograph")
    photo = _decoded(path, header)
    if photo.shape[0] * photo.shape[1] > most_pixels:
        raise _too_large(path.name, photo.shape[1], photo.shape[0], most_pixels)
    return photo


def read_header(path: Path) -> Header | None:
    """Read what a file says of itself; None where Pillow does not know its format."""
    try:
        with _of_any_size(), Image.open(path) as image:
            pictures = 1 if image.format == "MPO" else _pictures(image)
            return Header(image.width, image.height, pictures, image.format or "", image.mode)
    except _UNREADABLE:
        return None


def _decoded(path: Path, header: Header | None) -> Pixels:
    try:
        return read_image(path)
    except ImageError:
        photo = None if header is None else _by_pillow(path)
        if photo is None:
            raise
        return photo


def _check(name: str, header: Header, most_pixels: int) -> None:
    if header.pictures > 1:
        raise ImageError(f"{name} holds {header.pictures} pictures, expected one; save each as a file of its own")
    if header.mode == "F":
        raise ImageError(f"{name} holds float32 samples, expected 8 or 16 bits; save it with those")
    if header.width * header.height > most_pixels:
        raise _too_large(name, header.width, header.height, most_pixels)


def _too_large(name: str, width: int, height: int, most_pixels: int) -> ImageError:
    return ImageError(
        f"{name} has {width:,}x{height:,} px, {width * height / 1e6:,.1f} megapixels, expected at most "
        f"{most_pixels / 1e6:,.1f}; allow more memory, or cut it into parts, since files are not read part by part yet"
    )


def _pictures(image: Image.Image) -> int:
    """How many pictures there are; smaller copies and masks of a TIFF do not count."""
    number: int = getattr(image, "n_frames", 1) if getattr(image, "is_animated", False) else 1
    if image.format != "TIFF" or number == 1:
        return number
    found = 0
    for page in range(number):
        image.seek(page)
        found += not int(image.tag_v2.get(_NEW_SUBFILE_TYPE, 0)) & _NO_PAGE_OF_ITS_OWN  # type: ignore[attr-defined]
    image.seek(0)
    return found


def _by_pillow(path: Path) -> Pixels | None:
    """The photograph as Pillow reads it; None where it can't, or where levels would be cut off at 255."""
    try:
        with _of_any_size(), Image.open(path) as image:
            if image.mode.startswith(("I", "F")):
                return None
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"), np.uint8)
    except _UNREADABLE:
        return None


@contextlib.contextmanager
def _of_any_size() -> Iterator[None]:
    """Switch off Pillow's own limit of pixels, since the size is compared with that of the user."""
    with _PILLOWS_LIMIT:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit
