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
from crackflow.imaging import geotiff
from crackflow.imaging.heif import is_heif, teach_pillow
from crackflow.imaging.images import Pixels, read_image
from crackflow.imaging.on_disk import OnDisk
from crackflow.imaging.unreadable import opened_by_pillow

# Of TIFF 6.0: what a page is for. Bit 0: a smaller copy of another page, bit 2: a transparency mask.
_NEW_SUBFILE_TYPE = 254
_NO_PAGE_OF_ITS_OWN = 0b101
# Bytes of a file for one pixel: a file that holds more for each pixel that may be read is no photograph.
_BYTES_A_PIXEL = 8
# A mask has as many colours as classes. One that was saved as a JPEG has more at its edges, and nearly all is black or
# white. Of 4,033 photographs none has fewer than 60 colours in such a sample, nor more than 64 % of black and white.
_MASK_COLOURS = 4
_MASK_SHARE = 0.95
_BLACK, _WHITE = 16, 240
_SAMPLED_PX = 256
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


def read_photograph(path: Path, most_pixels: int, disk: OnDisk | None = None, most_on_disk: int = 0) -> Pixels:
    """Read a photograph: what OpenCV reads, and what only Pillow does.

    Args:
        path: a regular file, as for crackflow.imaging.images.read_image. A JPEG with further pictures behind it (MPO,
            as telephones write) is read as its first. A TIFF may hold smaller copies of itself. HEIC takes the extra
            `heic`.
        most_pixels: more are not decoded into memory.
        disk: makes the array of a TIFF that has more; it is read in windows, which takes the extra `geo`. None rejects
            such files.
        most_on_disk: how many pixels such a TIFF may have.

    Returns:
        uint8 RGB (H, W, 3), turned as its EXIF orientation says; alpha is dropped.

    Raises:
        ImageError: when it can't be read, has too many pixels, holds several pictures, or samples that are no levels.
    """
    if is_heif(path):
        teach_pillow(path.name)
    header = read_header(path)
    if header is not None:
        _check(path.name, header)
        if header.width * header.height > most_pixels:
            return _in_windows(path, header, most_pixels, disk, most_on_disk)
    try:
        size = path.stat().st_size
    except OSError as error:  # it was there when the photographs were listed
        raise ImageError(f"{path.name} can't be opened: {error.strerror}") from None
    if size > max(2**26, most_pixels * _BYTES_A_PIXEL):
        raise ImageError(f"{path.name} is a file of {size / 2**30:.1f} GiB, too large for a photograph")
    photo = _decoded(path, header)
    if photo.shape[0] * photo.shape[1] > most_pixels:
        raise _too_large(path.name, photo.shape[1], photo.shape[0], most_pixels, "cut it into parts")
    return photo


def _in_windows(path: Path, header: Header, most_pixels: int, disk: OnDisk | None, most_on_disk: int) -> Pixels:
    """A photograph that is too large for memory: a TIFF in windows, anything else is rejected."""
    size = header.width, header.height
    if header.format != "TIFF" or disk is None:
        raise _too_large(path.name, *size, most_pixels, "save it as a TIFF in tiles, or cut it into parts")
    if header.width * header.height > most_on_disk:
        raise _too_large(path.name, *size, most_on_disk, "cut it into parts")
    try:
        return geotiff.read_in_windows(path, lambda shape: disk.empty(shape, np.uint8), disk.release)
    except ModuleNotFoundError:
        raise _too_large(path.name, *size, most_pixels, f"{geotiff.NEEDED}, to read it in windows") from None


def looks_like_mask(photo: Pixels) -> bool:
    """Whether a picture is of a few colours, or of black and white alone, as masks are and photographs are not.

    Args:
        photo: uint8 RGB (H, W, 3); about 256 rows and columns of it are looked at.
    """
    height, width = photo.shape[:2]
    sample = photo[:: max(1, height // _SAMPLED_PX), :: max(1, width // _SAMPLED_PX)].reshape(-1, 3)
    if len(np.unique(sample.astype(np.uint32) @ np.array([1, 2**8, 2**16], np.uint32))) <= _MASK_COLOURS:
        return True
    extreme = (sample < _BLACK).all(axis=1) | (sample >= _WHITE).all(axis=1)
    return bool(extreme.mean() > _MASK_SHARE)


def read_header(path: Path) -> Header | None:
    """Read what a file says of itself; None where Pillow does not know its format."""
    try:
        with of_any_size(), opened_by_pillow(path) as image:
            pictures = 1 if image.format == "MPO" else _pictures(image)
            return Header(image.width, image.height, pictures, image.format or "", image.mode)
    except _UNREADABLE:
        return None


def _decoded(path: Path, header: Header | None) -> Pixels:
    try:
        return read_image(path)
    except ImageError as error:
        photo = None if header is None else _by_pillow(path)
        if photo is None:
            # the reader's words are those for pairs that a network is trained on
            raise ImageError(str(error).replace("leave the pair out", "leave it out")) from None
        return photo


def _check(name: str, header: Header) -> None:
    if header.pictures > 1:
        raise ImageError(f"{name} holds {header.pictures} pictures, expected one; save each as a file of its own")
    if header.mode == "F":
        raise ImageError(f"{name} holds float32 samples, expected 8 or 16 bits; save it with those")


def _too_large(name: str, width: int, height: int, most_pixels: int, instead: str) -> ImageError:
    return ImageError(
        f"{name} has {width:,}x{height:,} px, {_millions(width * height)} megapixels, expected at most "
        f"{_millions(most_pixels)}; allow more memory, or {instead}"
    )


def _millions(number: int) -> str:
    return f"{number / 1e6:,.1f}" if number >= 10**6 else f"{number / 1e6:.2g}"


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
        with of_any_size(), opened_by_pillow(path) as image:
            if image.mode.startswith(("I", "F")):
                return None
            return np.asarray(ImageOps.exif_transpose(image).convert("RGB"), np.uint8)
    except _UNREADABLE:
        return None


@contextlib.contextmanager
def of_any_size() -> Iterator[None]:
    """Switch off Pillow's own limit of pixels, since the size is compared with that of the user."""
    with _PILLOWS_LIMIT:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = limit
