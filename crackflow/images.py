"""Read, resize and write photographs and masks.

Files are decoded from memory and never by `cv2.imread`: `cv2.imdecode` refuses a JPEG that ends early, `cv2.imread`
fills the missing part with grey. A second, strict decoding by Pillow to find such files would cost 70 % more
and find no more of them.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from crackflow.errors import ImageError

Pixels = NDArray[np.uint8]

# Why a file can't be decoded is said once, by ImageError.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

# Formats that keep levels exactly, so that a level of 1 is meant and not an artefact.
_LOSSLESS = {".png", ".bmp", ".tif", ".tiff"}


def read_image(path: Path) -> Pixels:
    """Read a photograph.

    Args:
        path: a JPEG, PNG, BMP, TIFF or WebP file, grey or colour, 8 or 16 bit, with or without alpha.

    Returns:
        uint8 RGB (H, W, 3): turned as its EXIF orientation says, alpha dropped, 16-bit levels scaled to 8 bit.

    Raises:
        ImageError: when the file is absent, truncated or not an image.
    """
    return _decode(path, cv2.IMREAD_COLOR_RGB)


def read_mask(path: Path, colours: Sequence[tuple[int, int, int]]) -> Pixels:
    """Read a mask as class numbers.

    Each pixel is the class whose colour is nearest in RGB space, so the in-between levels that JPEG makes are sorted
    out; with black and white alone a pixel above 127 is class 1.

    Args:
        path: a file as for `read_image`.
        colours: RGB 0..255 of each class, the background first.

    Returns:
        uint8 (H, W), 0 <= class < len(colours).

    Raises:
        ImageError: when the file is absent, truncated, not an image, or holds class numbers in place of colours.
    """
    palette = np.asarray(colours, dtype=np.int32)
    if (palette == palette[:, :1]).all():
        levels = _decode(path, cv2.IMREAD_GRAYSCALE)
        _refuse_class_numbers(path, levels, len(colours))
        return np.asarray(_nearest(np.arange(256)[:, None], palette[:, :1])[levels])
    pixels = _decode(path, cv2.IMREAD_COLOR_RGB)
    _refuse_class_numbers(path, pixels, len(colours))
    return _nearest(pixels, palette)


def read_stored_mask(path: Path, num_classes: int) -> Pixels:
    """Read a mask that crackflow wrote itself, as data/resized/masks and predictions hold them.

    Args:
        path: a single-channel PNG with the levels of `encode_classes`.
        num_classes: number of classes, the background included.

    Returns:
        uint8 (H, W), class numbers.

    Raises:
        ImageError: when the file is absent or truncated, or holds a level that is no class.
    """
    return decode_classes(_decode(path, cv2.IMREAD_GRAYSCALE), num_classes)


def resize_image(image: Pixels, size: int) -> Pixels:
    """Resize a photograph to a square; its aspect is not kept.

    A side that shrinks is averaged over area, which keeps thin cracks as faint lines where interpolation would skip
    them; a side that grows is interpolated cubically, which keeps them darker than linear interpolation does.

    Args:
        image: uint8 (H, W, 3) or (H, W).
        size: side of the result, px.

    Returns:
        uint8 (size, size, 3) or (size, size).
    """
    return _resize(image, size, cv2.INTER_CUBIC)


def resize_mask(classes: Pixels, size: int, num_classes: int) -> Pixels:
    """Resize a mask to a square without losing thin lines.

    A resized pixel is foreground when foreground covers at least half of the share that a line of one source pixel
    covers in it at best: 1/2 where the mask grows, scale/2 where it shrinks by that scale. A horizontal or vertical
    line of one pixel therefore never breaks, wherever it falls; the majority alone would drop it, and the nearest
    pixel would drop it now and then. Of several foreground classes the one that covers most wins.

    Args:
        classes: uint8 (H, W), class numbers.
        size: side of the result, px.
        num_classes: number of classes, the background included.

    Returns:
        uint8 (size, size), class numbers.
    """
    full = np.uint8(255)
    foreground = _resize(np.where(classes > 0, full, np.uint8(0)), size, cv2.INTER_LINEAR)
    needed = 255 / 2 * min(1.0, *(size / side for side in classes.shape))
    # coverage is in whole levels; one may be lost to rounding in each of the two passes
    is_foreground = foreground >= max(1, int(needed) - 1)
    if num_classes == 2:
        return is_foreground.astype(np.uint8)
    coverage = [
        _resize(np.where(classes == number, full, np.uint8(0)), size, cv2.INTER_LINEAR)
        for number in range(1, num_classes)
    ]
    return np.where(is_foreground, np.argmax(coverage, axis=0) + 1, 0).astype(np.uint8)


def encode_classes(classes: Pixels, num_classes: int) -> Pixels:
    """Turn class numbers into the grey levels that masks are stored with: class k of C is 255 * k // (C - 1).

    Args:
        classes: uint8, any shape, class numbers.
        num_classes: number of classes C, 2..256.

    Returns:
        uint8 levels of the same shape.
    """
    return _levels(num_classes)[classes]


def decode_classes(levels: Pixels, num_classes: int) -> Pixels:
    """Turn stored grey levels back into class numbers.

    Args:
        levels: uint8, any shape, as `encode_classes` made them.
        num_classes: number of classes C, 2..256.

    Returns:
        uint8 class numbers of the same shape.

    Raises:
        ImageError: on a level that is none of the C stored ones.
    """
    known = _levels(num_classes)
    numbers = np.full(256, -1, dtype=np.int16)
    numbers[known] = np.arange(num_classes)
    classes = numbers[levels]
    if (classes < 0).any():
        found = int(levels[classes < 0].flat[0])
        raise ImageError(
            f"a stored mask holds level {found}, expected one of {', '.join(map(str, known))}; resize again"
        )
    return classes.astype(np.uint8)


def write_png(path: Path, array: Pixels, compression: int = 1) -> None:
    """Write a PNG at once: a reader sees the old file or the whole new one, never a part.

    Args:
        path: where to; its folder is made.
        array: uint8 RGB (H, W, 3) or grey (H, W).
        compression: zlib level 0..9; 1 writes a photograph 5 times quicker than 6 and a twelfth larger.
    """
    bgr = cv2.cvtColor(array, cv2.COLOR_RGB2BGR) if array.ndim == 3 else array
    # one filter for all rows: a third quicker to write and a quarter to read than trying them all, and no larger
    settings = [cv2.IMWRITE_PNG_COMPRESSION, compression, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]
    _, data = cv2.imencode(".png", bgr, settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data.tobytes())
    os.replace(part, path)


def _decode(path: Path, flags: int) -> Pixels:
    try:
        data = path.read_bytes()
        if data.startswith(b"\xff\xd8"):
            # a broken-off copy can end in zeros, which decode as black; no JPEG ends in them
            data = data.rstrip(b"\0")
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except OSError as error:
        raise ImageError(f"{path.name} can't be opened: {error.strerror}") from None
    except cv2.error:
        pixels = None
    if pixels is None:
        raise ImageError(f"{path.name} is truncated or not an image; replace it or leave the pair out")
    return np.asarray(pixels, dtype=np.uint8)


def _nearest(pixels: NDArray[np.integer], palette: NDArray[np.int32]) -> Pixels:
    """Number of the nearest colour along the last axis; the lower number at a tie."""
    best = np.zeros(pixels.shape[:-1], dtype=np.uint8)
    least = np.full(pixels.shape[:-1], np.iinfo(np.int32).max, dtype=np.int32)
    wide = pixels.astype(np.int32)
    for number, colour in enumerate(palette):
        distance = ((wide - colour) ** 2).sum(axis=-1, dtype=np.int32)
        nearer = distance < least
        best[nearer] = number
        least[nearer] = distance[nearer]
    return best


def _refuse_class_numbers(path: Path, pixels: Pixels, num_classes: int) -> None:
    """Levels 0 and 1 in place of 0 and 255 would all be read as background, and no one would be told."""
    highest = int(pixels.max())
    if 0 < highest < num_classes and path.suffix.lower() in _LOSSLESS:
        raise ImageError(
            f"{path.name} holds levels 0 to {highest}, which look like class numbers; "
            "expected the colours under `classes`: write the mask with those"
        )


def _resize(pixels: Pixels, size: int, growing: int) -> Pixels:
    """Shrink the sides that shrink by area, then grow the others, since INTER_AREA does not average while one grows."""
    height, width = pixels.shape[:2]
    smaller = cv2.resize(pixels, (min(width, size), min(height, size)), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(smaller, (size, size), interpolation=growing), dtype=np.uint8)


def _levels(num_classes: int) -> Pixels:
    return (255 * np.arange(num_classes) // (num_classes - 1)).astype(np.uint8)
