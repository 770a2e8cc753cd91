"""The images that changed most, with both sides' masks: read from the work tree, DVC's cache or a remote."""

import base64
from collections.abc import Sequence
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from crackflow.errors import CrackflowError
from crackflow.imaging.images import decode_bytes, decode_stored_mask
from crackflow.visualization.overlays import overlay
from pipelines.comparing.result import Compared, Image
from pipelines.comparing.side import PREDICTIONS, RESIZED, Side

# Of one picture, px: three of them stand side by side.
SIDE_PX = 320
QUALITY = 80

Picture = NDArray[np.uint8]


class Shown(NamedTuple):
    """An image with its three pictures, as data addresses of JPEGs."""

    image: Image
    gained: bool
    photograph: str
    old: str
    new: str


def pictures(found: Compared, old: Side, new: Side, num_classes: int) -> tuple[list[Shown], str]:
    """Draw the images that changed most.

    Args:
        found: names them.
        old: the one side.
        new: the other; photographs and truth are those of `new`, else of `old`.
        num_classes: of the masks.

    Returns:
        The pictures, and why the first that is absent can't be had; empty where none is.
    """
    shown, absent = [], ""
    for gained, images in ((True, found.gained), (False, found.lost)):
        for image in images:
            try:
                shown.append(_shown(image, gained, old, new, num_classes))
            except CrackflowError as error:
                absent = absent or str(error)
    return shown, absent


def _shown(image: Image, gained: bool, old: Side, new: Side, num_classes: int) -> Shown:
    photograph = _first((new, old), f"{RESIZED}/images/{image.stem}.png")
    pixels = np.asarray(
        cv2.cvtColor(decode_bytes(photograph, cv2.IMREAD_COLOR, image.stem), cv2.COLOR_BGR2RGB), np.uint8
    )
    truth = decode_stored_mask(_first((new, old), f"{RESIZED}/masks/{image.stem}.png"), num_classes, image.stem)
    masks = [
        decode_stored_mask(side.content(f"{PREDICTIONS}/{image.stem}.png"), num_classes, image.stem)
        for side in (old, new)
    ]
    painted = [_address(overlay(pixels, truth, mask)) for mask in masks]
    return Shown(image, gained, _address(pixels), painted[0], painted[1])


def _first(sides: Sequence[Side], name: str) -> bytes:
    try:
        return sides[0].content(name)
    except CrackflowError as error:
        try:
            return sides[1].content(name)
        except CrackflowError:
            raise error from None


def _address(pixels: Any) -> str:
    height, width = pixels.shape[:2]
    shrink = min(1.0, SIDE_PX / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"
