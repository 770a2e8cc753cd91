"""Read masks as people drew and saved them.

What a file means follows from its content and not from its name:

    grey levels     the class of the nearest colour; with black and white that is crack above 127
    class numbers   0..C-1 in place of the colours, where no compression can have made such levels
    colours         the nearest class; of two classes, whatever differs clearly from the background is the second
    colour tables   the colours where each means another class, else the numbers, as in the masks of Pascal VOC
    transparency    transparent pixels are background
"""

from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import cv2
import cv2.typing
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from crackflow.errors import ImageError
from crackflow.imaging import tiff
from crackflow.imaging.class_colours import ClassColours, Colours, DecodedMask, Kind, class_colours, nearest_class
from crackflow.imaging.images import NATIVE, Pixels, decode_stored, eight_bits, load, read_image
from crackflow.imaging.unreadable import PILLOW_FAILS, opened_by_pillow

# JPEG makes levels up to this one around black; a level of 100 is no such noise.
_JPEG_NOISE = 48
# At most so many levels beside class numbers are codes; edges that were smoothed have more.
_CODES = 2
_SHOWN = 5
_UNREADABLE = (*PILLOW_FAILS, Image.DecompressionBombError)


def read_pair(image_path: Path, mask_path: Path, colours: Colours) -> tuple[Pixels, DecodedMask]:
    """Read a photograph and its mask, of one size.

    Where only the photograph has an EXIF orientation, and the mask fits it as stored and not as turned, the mask was
    drawn on the stored pixels. Then the photograph is read as stored. With a square photograph, or one turned by 180
    degrees, this can't be seen, and it is turned.

    Args:
        image_path: a file as for `read_image`.
        mask_path: a file as for `read_mask`.
        colours: RGB 0..255 of each class, the background first.

    Returns:
        uint8 RGB (H, W, 3), and the mask with its classes (H, W).

    Raises:
        ImageError: when one of them can't be read, or their sizes differ.
    """
    image, mask = read_image(image_path), read_mask(mask_path, colours)
    shape = mask.classes.shape
    if image.shape[:2] == shape[::-1] != shape:
        stored = read_image(image_path, turned=False)
        image = stored if stored.shape[:2] == shape else image
    if image.shape[:2] != shape:
        (height, width), (mask_height, mask_width) = image.shape[:2], shape
        raise ImageError(
            f"image {width}x{height}, mask {mask_width}x{mask_height}; expected one size: replace the one that is wrong"
        )
    return image, mask


def read_mask(path: Path, colours: Colours) -> DecodedMask:
    """Read a mask as class numbers.

    Args:
        path: a file as for `read_image`, turned as its EXIF orientation says.
        colours: RGB 0..255 of each class, the background first.

    Returns:
        The mask's classes, below len(colours), and how the file stored them.

    Raises:
        ImageError: when the file is absent, truncated or not an image; or when all of it would be read as background
            though some of it has another colour, JPEG noise aside. A JPEG of class numbers 0 and 1 can't be told from
            such noise and is read as empty.
    """
    known = class_colours(tuple(colours))
    data = load(path)
    stored = decode_stored(data, NATIVE, path.name)
    pixels = eight_bits(stored)
    if data.startswith(b"\xff\xd8"):
        pixels = _single(pixels)
        mask = known.decode(pixels)
        _reject_lost_marks(path, pixels, mask, known, _JPEG_NOISE)
        return mask
    extras = _extras(data, path.name)
    if extras.lossless and extras.indices is None:
        _reject_codes(path, stored, len(colours))
    kind: Kind | None = None
    # a table of more classes than a colour can tell is read by number, what is transparent aside
    if extras.indices is not None and extras.table is not None and (extras.layers is None or len(colours) > 2):
        by_table = _read_table(path, extras.indices, extras.table, known, extras.layers)
        if by_table is not None:
            return by_table
        kind = "palette"
    if extras.layers is not None:
        pixels = _flattened(path, extras.layers, known)
    pixels = _single(pixels)
    if extras.lossless and pixels.ndim == 2 and 0 < pixels.max() < len(colours):
        return DecodedMask(pixels, kind or "numbers", 0.0)
    mask = known.decode(pixels)
    if extras.lossless:
        _reject_lost_marks(path, pixels, mask, known, 0)
    return mask._replace(kind=kind or mask.kind)


class CodeError(ImageError):
    """A mask holds a code beside the class numbers. So the set has such codes, and other masks of it may have too."""


def _reject_codes(path: Path, stored: cv2.typing.MatLike, classes: int) -> None:
    """Reject a mask of class numbers in which other tools have marked pixels as ignored, for instance with 255.

    Read as levels, what is ignored would be crack and what is crack background.

    Raises:
        CodeError: with the levels that the mask holds.
    """
    first = stored if stored.ndim == 2 else cv2.extractChannel(stored, 1)
    if stored.ndim == 3 and any(cv2.norm(first, cv2.extractChannel(stored, one), cv2.NORM_INF) for one in (0, 2)):
        return
    top = 256 if first.dtype == np.uint8 else 65536
    levels = np.flatnonzero(cv2.calcHist([first], [0], None, [top], [0, top]))
    numbers, codes = levels[levels < classes], levels[levels >= classes]
    if numbers[-1:].any() and 0 < len(codes) <= _CODES:
        raise CodeError(
            f"{path.name} holds the class numbers {_listed(numbers.tolist())} and {_listed(codes.tolist())} beside "
            f"them, which other tools mean as ignored; expected the numbers 0 to {classes - 1} alone, or the colours "
            "under `classes`: write such pixels as 0 in all masks of the set"
        )


def _reject_lost_marks(path: Path, pixels: Pixels, mask: DecodedMask, known: ClassColours, noise: int) -> None:
    """Reject a mask that is read as background throughout, though some of it is more than `noise` levels off it.

    Raises:
        ImageError: with the levels or colours that the mask holds.
    """
    if not mask.faint_share or mask.classes.any():
        return
    background = known.colours[0, ::-1]
    wide = pixels.astype(np.int32) if pixels.ndim == 3 else pixels.astype(np.int32)[..., None]
    if np.abs(wide - background).max() > noise:
        raise ImageError(
            f"{path.name} holds {_named(pixels)}, all read as background; expected the colours under `classes` or the "
            f"numbers 0 to {len(known.colours) - 1}: write the mask with those"
        )


class _Extras(NamedTuple):
    """What a file holds that OpenCV does not return.

    Attributes:
        lossless: whether its levels are exactly those that were written.
        indices: uint8 (H, W), the numbers that its colour table is for.
        table: uint8 (N, 3), RGB; N is above every index.
        layers: uint8 (H, W, 4), BGR and alpha.
    """

    lossless: bool = True
    indices: Pixels | None = None
    table: Pixels | None = None
    layers: Pixels | None = None


def _extras(data: bytes, name: str) -> _Extras:
    """What a file holds beside its pixels; nothing where Pillow can't open what OpenCV has decoded."""
    if data.startswith(tiff.MAGIC):
        return _extras_of_tiff(data, name)
    try:
        file = opened_by_pillow(data)
    except _UNREADABLE:
        return _Extras()
    lossless = file.format != "WEBP" or b"VP8L" in data
    try:
        layers = None
        # also a colour table's own transparency, and a colour that stands for it
        if file.has_transparency_data:
            if file.mode.startswith("I"):
                raise ImageError(f"{name} has a transparent level among 16 bits; save it with 8 bits, or without")
            layers = np.asarray(ImageOps.exif_transpose(file).convert("RGBA"))[..., [2, 1, 0, 3]]
            if layers[..., 3].min() == layers[..., 3].max():
                layers = None if file.mode == "P" else layers
        if file.mode == "P":
            known = np.asarray(file.getpalette("RGB"), dtype=np.uint8).reshape(-1, 3)
            indices = np.asarray(ImageOps.exif_transpose(file))
            if indices.max() >= len(known):
                raise ImageError(f"{name} holds number {indices.max()} beyond its colour table's {len(known)} entries")
            return _Extras(lossless, indices, known, layers)
        return _Extras(lossless, layers=layers)
    except _UNREADABLE:
        raise ImageError(f"{name} is damaged; save it again") from None


def _extras_of_tiff(data: bytes, name: str) -> _Extras:
    image = tiff.read_tiff(data, name)
    layers = None
    if image.alpha is not None:
        pixels = eight_bits(image.pixels, image.full)
        colour = cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR if pixels.ndim == 2 else cv2.COLOR_RGB2BGR)
        layers = np.dstack([colour, image.alpha]).astype(np.uint8, copy=False)
    return _Extras(image.lossless, image.indices, image.table, layers)


def _single(pixels: Pixels) -> Pixels:
    """The one channel of a grey image that was saved in colour; other images as they are."""
    if pixels.ndim == 2:
        return pixels
    blue, green, red = cv2.split(pixels)
    grey = not cv2.norm(blue, green, cv2.NORM_INF) and not cv2.norm(green, red, cv2.NORM_INF)
    return np.asarray(green, dtype=np.uint8) if grey else pixels


def _read_table(
    path: Path, indices: Pixels, table: Pixels, known: ClassColours, layers: Pixels | None
) -> DecodedMask | None:
    """Classes of a file with a colour table; None where the table is just a list of greys.

    A table may hold the colours of the classes in any order, or any colours that a drawing program gives the numbers.
    """
    transparent = np.zeros(indices.shape, bool) if layers is None else _transparent(layers)
    used = np.flatnonzero(np.bincount(indices[~transparent], minlength=256))
    colours = table[used]
    by_colour = nearest_class(colours, known.colours)
    exact = (colours == known.colours[by_colour]).all()
    by_index = np.zeros(256, dtype=np.uint8)
    if exact or (len(used) > 1 and len(set(by_colour.tolist())) == len(used)):
        by_index[used] = by_colour
    elif used[-1] < len(known.colours):
        by_index[used] = used
    elif (colours == colours[:, :1]).all():
        return None
    else:
        raise ImageError(
            f"{path.name} holds the numbers {_listed(used.tolist())} of a colour table, {_listed(colours.tolist())}; "
            f"expected the numbers 0 to {len(known.colours) - 1} or the colours under `classes`: write those"
        )
    return DecodedMask(np.where(transparent, 0, by_index[indices]).astype(np.uint8), "palette", 0.0)


def _flattened(path: Path, layers: Pixels, known: ClassColours) -> Pixels:
    """The colours, with the background's where they are transparent; unchanged where alpha is the same throughout.

    What is drawn in the background's colour on transparent ground is the second of two classes: a black pen.
    """
    pixels, transparent = layers[..., :3].copy(), _transparent(layers)
    if transparent.all() or not transparent.any():
        return pixels
    background = known.colours[0, ::-1]
    if (pixels[~transparent] == background).all():
        if len(known.colours) > 2 or 2 * np.count_nonzero(transparent) <= transparent.size:
            raise ImageError(
                f"{path.name} has the background's colour wherever it is opaque, so what it shows is in its "
                "transparency alone; write the mask with the colours under `classes`"
            )
        pixels[~transparent] = known.colours[1, ::-1]
    pixels[transparent] = background
    return pixels


def _transparent(layers: Pixels) -> NDArray[np.bool_]:
    """Where alpha is less than half of the highest: a drawing may be half-transparent throughout."""
    alpha = layers[..., 3].astype(np.int16)
    return np.asarray(2 * alpha < alpha.max())


def _named(pixels: Pixels) -> str:
    """The first few grey levels or RGB colours of an image."""
    if pixels.ndim == 2:
        return f"levels {_listed(np.unique(pixels).tolist())}"
    colours = np.unique(pixels.reshape(-1, 3)[:, ::-1], axis=0)
    return f"colours {_listed(colours.tolist())}"


def _listed(values: Iterable[object]) -> str:
    shown = [str(value) for value in values]
    return ", ".join(shown[:_SHOWN]) + (", ..." if len(shown) > _SHOWN else "")
