"""Read photographs and crackflow's own masks, and write both.

Files are decoded from memory and never by `cv2.imread`: `cv2.imdecode` refuses a JPEG that ends early, `cv2.imread`
fills the missing part with grey. A second, strict decoding by Pillow to find such files would cost 70 % more
and find no more of them.
"""

import os
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from crackflow.errors import ImageError

Pixels = NDArray[np.uint8]

# Why a file can't be decoded is said once, by ImageError.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def read_image(path: Path) -> Pixels:
    """Read a photograph.

    Args:
        path: a JPEG, PNG, BMP, TIFF or WebP file, grey or colour, 8 or 16 bit, with or without alpha.

    Returns:
        uint8 RGB (H, W, 3): turned as its EXIF orientation says, alpha dropped, 16-bit levels scaled to 8 bit.

    Raises:
        ImageError: when the file is absent, truncated or not an image.
    """
    return decode(path, cv2.IMREAD_COLOR_RGB)


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
    return decode_classes(decode(path, cv2.IMREAD_GRAYSCALE), num_classes)


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


def decode(path: Path, flags: int) -> Pixels:
    """Decode a file as OpenCV does, or say why it can't be.

    Args:
        path: an image file.
        flags: OpenCV's `IMREAD_*`.

    Returns:
        uint8 (H, W) or (H, W, 3), as `flags` ask for.

    Raises:
        ImageError: when the file is absent, truncated or not an image.
    """
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


def _levels(num_classes: int) -> Pixels:
    return (255 * np.arange(num_classes) // (num_classes - 1)).astype(np.uint8)
