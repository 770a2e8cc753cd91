"""The photograph with its cracks painted on it, and length and width written at the widest place of each."""

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from crackflow.imaging.png_strips import AT_A_TIME, strips_of
from crackflow.results.millimetres import length
from crackflow.results.record import CrackRecord, PhotoRecord
from crackflow.visualization.contact_sheet import font
from crackflow.visualization.overlays import PREDICTED, overlay

Picture = NDArray[np.uint8]
Box = tuple[int, int, int, int]
# More labels than this hide the cracks; the tables hold all.
MOST = 12
THUMBNAIL_PX = 400
# Pixels of a photograph for one of its thumbnail, along a side.
_FINE_ENOUGH = 16
_INK, _PLATE = (255, 255, 255), (24, 24, 24)


def annotated(
    photo: Picture, mask: NDArray[np.uint8], record: PhotoRecord, at_a_time: int = AT_A_TIME
) -> Iterator[Picture]:
    """Paint the cracks, and label those that are widest.

    A label is left out where there is no room for it beside the others: the widest crack gets its place first.

    Args:
        photo: uint8 (H, W, 3) RGB.
        mask: uint8 (H, W); what is above 0 is crack.
        record: of the same photograph.
        at_a_time: pixels of a strip.

    Yields:
        Strips of the picture from top to bottom, uint8 (R, W, 3) RGB: a whole one is as large as the photograph.
    """
    height, width = mask.shape
    letter = max(11, round(min(height, width) / 45))
    placed: list[tuple[Box, Picture]] = []
    places: list[tuple[int, int]] = []
    for crack in sorted(record.cracks, key=lambda one: -one.width_px.p95)[:MOST]:
        plate = plate_of(words(crack, record.mm_per_px), letter)
        box = room_for(crack.widest_at, plate.shape[:2], mask, letter, [one for one, _ in placed])
        if box is not None:
            placed.append((box, plate))
            places.append(crack.widest_at)
    for rows in strips_of(height, width, at_a_time):
        strip = overlay(photo[rows], None, mask[rows])
        for (x, y), ((left, top, right, bottom), _) in zip(places, placed, strict=True):
            point_at(strip, (x, y - rows.start), (left, top - rows.start, right, bottom - rows.start), letter)
        # after all lines, so that none runs over a label
        for (left, top, right, bottom), plate in placed:
            first, last = max(top, rows.start), min(bottom, rows.stop)
            if first < last:
                strip[first - rows.start : last - rows.start, left:right] = plate[first - top : last - top]
        yield strip


def words(crack: CrackRecord, mm_per_px: float | None) -> str:
    """Say a crack's number, length, width (95th percentile) and width at its widest place, where the words stand.

    In mm where there is a scale, else in px.
    """
    wide, here = (length(one, mm_per_px, 2, 1) for one in (crack.width_px.p95, crack.width_px.max))
    return f"{crack.number}: {length(crack.length_px, mm_per_px, 0, 0)} long, {wide} wide, here {here}"


def thumbnail(photo: Picture, mask: NDArray[np.uint8], side: int = THUMBNAIL_PX) -> bytes:
    """Give a small picture with its cracks painted on it.

    Cracks are painted after shrinking, at least a pixel wide: painted before, thin ones would be gone.

    Args:
        photo: uint8 (H, W, 3) RGB.
        mask: uint8 (H, W); what is above 0 is crack.
        side: of the longer side, px; smaller photographs keep their size.

    Returns:
        A JPEG.
    """
    height, width = mask.shape
    shrink = min(1.0, side / max(height, width))
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    # of a very large photograph, whose array may lie on the disk, some rows and columns tell as much
    step = max(1, max(height, width) // (_FINE_ENOUGH * side))
    some = np.ascontiguousarray(photo[::step, ::step])
    small = np.asarray(cv2.resize(some, size, interpolation=cv2.INTER_AREA), np.uint8)
    crack = cv2.threshold(mask, 0, 255, cv2.THRESH_BINARY)[1]
    share = cv2.resize(crack, size, interpolation=cv2.INTER_AREA)
    painted = overlay(small, None, (share > 0).astype(np.uint8))
    _, data = cv2.imencode(".jpg", cv2.cvtColor(painted, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 82])
    return data.tobytes()


def plate_of(text: str, letter: int) -> Picture:
    """Draw words on a plate of their own, letters of `letter` px, uint8 (H, W, 3) RGB."""
    face = font(letter)
    left, top, right, bottom = face.getbbox(text)
    rim = max(2, letter // 4)
    canvas = Image.new("RGB", (round(right - left) + 2 * rim, round(bottom - top) + 2 * rim), _PLATE)
    ImageDraw.Draw(canvas).text((rim - left, rim - top), text, _INK, face)
    return np.asarray(canvas)


def room_for(
    at: tuple[int, int], plate: tuple[int, int], mask: NDArray[np.uint8], letter: int, taken: Sequence[Box]
) -> Box | None:
    """Find the place beside a point, in the picture and apart from other labels, that hides least of the cracks.

    Args:
        at: (x, y) of the point.
        plate: (height, width) of the label.
        mask: uint8 (H, W).
        letter: height of the letters, px.
        taken: the other labels.

    Returns:
        (left, top, right, bottom); None where no place is free.
    """
    free: list[tuple[int, Box]] = []
    (x, y), (height, width), away = at, plate, 2 * letter
    # on a small photograph a label has room nowhere but from edge to edge
    middle = max(0, min(x - width // 2, mask.shape[1] - width))
    for left, top in (
        (x + away, y - height - letter),
        (x + away, y + letter),
        (x - away - width, y - height - letter),
        (x - away - width, y + letter),
        (middle, y - height - 2 * away),
        (middle, y + 2 * away),
    ):
        box = (left, top, left + width, top + height)
        inside = left >= 0 and top >= 0 and box[2] <= mask.shape[1] and box[3] <= mask.shape[0]
        if inside and not any(_overlap(box, other) for other in taken):
            free.append((int(np.count_nonzero(mask[top : box[3], left : box[2]])), box))
    return min(free, key=lambda one: one[0])[1] if free else None


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


def point_at(picture: Picture, at: tuple[int, int], box: Box, letter: int) -> None:
    """Draw a ring around the place, and a line from it to the label."""
    (x, y), (left, top, right, bottom) = at, box
    near = (min(max(x, left), right - 1), min(max(y, top), bottom - 1))
    line, radius = max(1, letter // 10), max(4, letter // 2)
    for colour, wide in ((_PLATE, line + 2), (PREDICTED.colour, line)):
        cv2.line(picture, at, near, colour, wide, cv2.LINE_AA)
        cv2.circle(picture, at, radius, colour, wide, cv2.LINE_AA)
