"""Read photographs and crackflow's own masks, and write both.

Files are decoded from memory and never by `cv2.imread`. `cv2.imdecode` rejects a JPEG that ends early, where
`cv2.imread` fills the missing part with grey. A second, strict decoding by Pillow would cost 70 % more time and find no
more such files. TIFF files have a reader of their own (crackflow/imaging/tiff.py).
"""

from pathlib import Path

import cv2
import cv2.typing
import numpy as np
from numpy.typing import NDArray

from crackflow.atomic import write_bytes
from crackflow.errors import ImageError, is_shortage
from crackflow.imaging import tiff
from crackflow.imaging.unreadable import lacks_memory, why_unreadable

Pixels = NDArray[np.uint8]

# A file's own depth and channels (BGR), turned by EXIF.
NATIVE = cv2.IMREAD_ANYDEPTH | cv2.IMREAD_ANYCOLOR

_PNG = b"\x89PNG\r\n\x1a\n"
# Before and after what a chunk of a PNG holds: its length and its name; its checksum; bytes (PNG specification, 5.3).
_CHUNK_HEAD, _CHUNK_END = 8, 4

# ImageError says why a file can't be decoded, and OpenCV need not say it too.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


def read_image(path: Path, *, turned: bool = True) -> Pixels:
    """Read a photograph.

    A 16-bit file may hold 8, 10, 12, 14 or 16 bits. Its brightest level shows how many, and levels are divided
    accordingly. So a 12-bit photograph in a 16-bit file does not come out black.

    Args:
        path: a JPEG, PNG, BMP, TIFF or WebP file; grey, colour, palette or CMYK; 1, 8 or 16 bit; alpha is dropped.
        turned: turn it as its EXIF orientation says; otherwise as the pixels are stored.

    Returns:
        uint8 RGB (H, W, 3).

    Raises:
        ImageError: when the file is absent, truncated, not an image, or holds samples of more than 16 bits.
    """
    data = load(path)
    ignored = 0 if turned else cv2.IMREAD_IGNORE_ORIENTATION
    if not _is_deep_png(data):
        return decode_bytes(data, cv2.IMREAD_COLOR_RGB | ignored, path.name)
    pixels = decode_bytes(data, NATIVE | ignored, path.name)
    return cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB if pixels.ndim == 2 else cv2.COLOR_BGR2RGB).astype(
        np.uint8, copy=False
    )


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
    return decode_stored_mask(load(path), num_classes, path.name)


def decode_stored_mask(data: bytes, num_classes: int, name: str) -> Pixels:
    """Do as `read_stored_mask`, for a file already read; `name` is for messages."""
    return decode_classes(decode_bytes(data, cv2.IMREAD_GRAYSCALE, name), num_classes, name)


def encode_classes(classes: Pixels, num_classes: int) -> Pixels:
    """Turn class numbers into the grey levels that masks are stored with: class k of C is 255 * k // (C - 1).

    Args:
        classes: uint8, any shape, class numbers.
        num_classes: number of classes C, 2..256.

    Returns:
        uint8 levels of the same shape.
    """
    # half of the time of indexing
    return np.take(_levels(num_classes), classes)


def decode_classes(levels: Pixels, num_classes: int, name: str = "a stored mask") -> Pixels:
    """Turn stored grey levels back into class numbers.

    Args:
        levels: uint8, any shape, as `encode_classes` made them.
        num_classes: number of classes C, 2..256.
        name: of the mask, for messages.

    Returns:
        uint8 class numbers of the same shape.

    Raises:
        ImageError: on a level that is none of the C stored ones.
    """
    known = _levels(num_classes)
    # a byte a pixel: masks of photographs may have hundreds of megapixels
    numbers, strange = np.zeros(256, np.uint8), np.ones(256, np.bool_)
    numbers[known], strange[known] = np.arange(num_classes), False
    wrong = strange[levels]
    if wrong.any():
        found = int(levels[wrong].flat[0])
        raise ImageError(f"{name} holds level {found}, expected one of {', '.join(map(str, known))}; resize again")
    del wrong
    return np.asarray(numbers[levels], np.uint8)


def write_png(path: Path, array: Pixels, compression: int = 1) -> None:
    """Write a PNG atomically: a reader sees the old file or the whole new one, never a part.

    Args:
        path: where to; its folder is made.
        array: uint8 RGB (H, W, 3) or grey (H, W).
        compression: zlib level 0..9; 1 writes a photograph 5 times quicker than 6 and a twelfth larger.
    """
    write_bytes(path, png_bytes(array, compression))


def png_bytes(array: Pixels | NDArray[np.uint16], compression: int = 1) -> bytes:
    """Give the PNG that `write_png` writes; the arguments are the same, and 16 bits stay 16."""
    bgr = cv2.cvtColor(array, cv2.COLOR_RGB2BGR) if array.ndim == 3 else array
    # one filter for all rows: a third quicker to write and a quarter to read than trying them all, and no larger
    settings = [cv2.IMWRITE_PNG_COMPRESSION, compression, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]
    _, data = cv2.imencode(".png", bgr, settings)
    return data.tobytes()


def decode(path: Path, flags: int) -> Pixels:
    """Decode a file as OpenCV does, or say why it can't be.

    Args:
        path: an image file.
        flags: OpenCV's `IMREAD_*`; `NATIVE` for the file's own channels.

    Returns:
        uint8 (H, W) or (H, W, 3), as `flags` ask for; 16-bit levels scaled as `read_image` says.

    Raises:
        ImageError: as `read_image`.
    """
    return decode_bytes(load(path), flags, path.name)


def load(path: Path) -> bytes:
    """Read a file whole, for `decode_bytes`; a JPEG without the zeros that a broken-off copy can end in.

    Raises:
        ImageError: when it can't be opened.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ImageError(f"{path.name} can't be opened: {error.strerror}") from None
    # they decode as black; no JPEG ends in them
    return data.rstrip(b"\0") if data.startswith(b"\xff\xd8") else data


def decode_bytes(data: bytes, flags: int, name: str) -> Pixels:
    """Do as `decode`, for a file already read; `name` is for messages."""
    return eight_bits(decode_stored(data, flags, name))


def decode_stored(data: bytes, flags: int, name: str) -> cv2.typing.MatLike:
    """Do as `decode_bytes`, with 16-bit levels as they are stored.

    Raises:
        ImageError: as `read_image`.
        MemoryError: when there is not enough memory to decode it, whatever the file is like.
    """
    pixels = _decoded_tiff(data, flags, name) if data.startswith(tiff.MAGIC) else _decoded(data, flags)
    if pixels is None and lacks_memory(data):
        raise MemoryError(f"to decode {name}")
    if pixels is None:
        raise ImageError(why_unreadable(data, name))
    if pixels.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"{name} holds {pixels.dtype} samples, expected 8 or 16 bits; save it with those")
    return pixels


def _decoded(data: bytes, flags: int) -> cv2.typing.MatLike | None:
    if data.startswith(_PNG) and _ends_early(data):
        return None
    try:
        return cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        if is_shortage(error):
            raise MemoryError(str(error).strip()) from None
        return None


def _ends_early(png: bytes) -> bool:
    """Whether a chunk of a PNG is longer than the file: OpenCV takes memory for it, up to 4 GiB, before it looks."""
    at = len(_PNG)
    while at + _CHUNK_HEAD <= len(png):
        held = at + _CHUNK_HEAD + int.from_bytes(png[at : at + 4])
        if held > len(png):
            return True
        if png[at + 4 : at + _CHUNK_HEAD] == b"IEND":
            break
        at = held + _CHUNK_END
    return False


def _decoded_tiff(data: bytes, flags: int, name: str) -> cv2.typing.MatLike:
    """As cv2.imdecode would give it; deeper levels whose white is known as 0..255."""
    image = tiff.read_tiff(data, name, turned=not flags & cv2.IMREAD_IGNORE_ORIENTATION)
    pixels: cv2.typing.MatLike = image.pixels
    if image.full is not None:
        pixels = eight_bits(pixels, image.full)
    wanted = flags & ~cv2.IMREAD_IGNORE_ORIENTATION
    if wanted == cv2.IMREAD_COLOR_RGB:
        return cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB) if pixels.ndim == 2 else pixels
    if pixels.ndim == 2:
        return pixels
    return cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY if wanted == cv2.IMREAD_GRAYSCALE else cv2.COLOR_RGB2BGR)


def _is_deep_png(data: bytes) -> bool:
    """Whether a file is a PNG of 16 bits a channel, as its 25th byte says."""
    return data.startswith(_PNG) and data[24:25] == b"\x10"


def eight_bits(pixels: cv2.typing.MatLike, full: int | None = None) -> Pixels:
    """Levels as 0..255.

    Args:
        pixels: uint8, which stay, or uint16.
        full: the level of white, where it is known; None for 2^bits - 1, where bits is the least of 8, 10, 12, 14, 16
            that holds the brightest.
    """
    if pixels.dtype == np.uint8:
        return np.asarray(pixels, dtype=np.uint8)
    return scaled(pixels, tiff.full_level(16, int(pixels.max())) if full is None else full)


def scaled(pixels: cv2.typing.MatLike, full: int) -> Pixels:
    """Levels of 0..full as 0..255, rounded; of any shape that OpenCV takes."""
    return cv2.convertScaleAbs(pixels, alpha=255 / full).astype(np.uint8, copy=False)


def _levels(num_classes: int) -> Pixels:
    return (255 * np.arange(num_classes) // (num_classes - 1)).astype(np.uint8)
