"""The pictures of a scored image as small files for a page: photograph, truth, prediction, errors, and a thumbnail."""

import io
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from crackflow.imaging.images import Pixels, encode_classes
from crackflow.visualization.overlays import overlay, transparent

# of WebP, 0..100; cracks of one pixel stay visible, and a photograph of 512x512 px has about 30 kB
QUALITY = 75
KINDS = ("photo", "truth", "prediction", "errors", "thumb")
SUFFIXES = {"photo": "webp", "truth": "png", "prediction": "png", "errors": "png", "thumb": "webp"}
# Longer side of a thumbnail, px: a page with hundreds of them decodes an eighth of the pixels.
THUMB_SIDE = 256


class Layers(NamedTuple):
    """Five files: four of one size, and one that is smaller.

    Attributes:
        photo: the photograph.
        truth: its mask.
        prediction: its predicted mask.
        errors: transparent where truth and prediction have no crack, to lay over the photograph.
        thumb: photograph and errors in one, at most THUMB_SIDE px.
    """

    photo: bytes
    truth: bytes
    prediction: bytes
    errors: bytes
    thumb: bytes


def layers(image: Pixels, truth: Pixels, predicted: Pixels, num_classes: int, side: int | None = None) -> Layers:
    """Make the files of one image.

    Args:
        image: uint8 (H, W, 3) RGB.
        truth: uint8 (H, W) class numbers.
        predicted: uint8 (H, W) class numbers.
        num_classes: of the masks, the background included.
        side: the longer side of the files, px, where they are to be smaller than the image; None keeps its size. Masks
            are then thinned out less than a photograph: a pixel is crack where any pixel that it stands for is.

    Returns:
        WebP of the photograph and of the thumbnail, and PNGs.
    """
    small = overlay(*_smaller(image, truth, predicted, THUMB_SIDE))
    if side is not None:
        image, truth, predicted = _smaller(image, truth, predicted, side)
    indices, colours = transparent(truth, predicted)
    errors = Image.fromarray(indices).convert("P")
    errors.putpalette([value for colour in colours for value in colour[:3]])
    return Layers(
        _webp(image),
        _grey_png(encode_classes(truth, num_classes)),
        _grey_png(encode_classes(predicted, num_classes)),
        _png(errors, transparency=bytes(colour[3] for colour in colours)),
        _webp(small),
    )


def _smaller(image: Pixels, truth: Pixels, predicted: Pixels, side: int) -> tuple[Pixels, Pixels, Pixels]:
    """Photograph and masks with a longer side of `side` px; as they are where they are no larger."""
    if side >= max(image.shape[:2]):
        return image, truth, predicted
    scale = side / max(image.shape[:2])
    size = (max(1, round(scale * image.shape[1])), max(1, round(scale * image.shape[0])))
    smaller = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    return smaller, _thinned(truth, size), _thinned(predicted, size)


def _thinned(mask: Pixels, size: tuple[int, int]) -> NDArray[np.uint8]:
    """Make a mask smaller, the highest class of the pixels that fall on one first."""
    height, width = mask.shape
    rows, columns = (np.arange(new) * old // new for new, old in ((size[1], height), (size[0], width)))
    return np.asarray(np.maximum.reduceat(np.maximum.reduceat(mask, rows, axis=0), columns, axis=1), np.uint8)


def _webp(image: Pixels) -> bytes:
    done, data = cv2.imencode(".webp", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
    if not done:
        raise ValueError(f"received an image of {image.shape}; WebP takes sides of 1 to 16,383 px")
    return data.tobytes()


def _grey_png(levels: Pixels) -> bytes:
    # a mask of two classes needs one bit a pixel
    black_and_white = bool(np.isin(levels, (0, 255)).all())
    return _png(Image.fromarray(levels > 0) if black_and_white else Image.fromarray(levels))


def _png(picture: Image.Image, **options: bytes) -> bytes:
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True, **options)
    return file.getvalue()
