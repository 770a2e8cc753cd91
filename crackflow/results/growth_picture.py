"""growth.png: the cracks of two dates on the later photograph, as it lies on the earlier one."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from crackflow.geometry.growth import CrackChange, Growth
from crackflow.results.annotated_overlay import MOST, Box, Picture, plate_of, point_at, room_for
from crackflow.visualization.overlays import FALSE_ALARM, FOUND, MISSED, Mark, key, painted

BoolMask = NDArray[np.bool_]
BOTH = Mark(FOUND.colour, FOUND.pattern, "seen at both dates")
ADDED = Mark(FALSE_ALARM.colour, FALSE_ALARM.pattern, "in the second photograph alone")
LOST = Mark(MISSED.colour, MISSED.pattern, "in the first photograph alone")


def growth_picture(photo: Picture, masks: tuple[BoolMask, BoolMask], growth: Growth) -> Picture:
    """Paint the cracks of both dates, and write number and length beside those that changed.

    Args:
        photo: the second photograph in the frame of the first, uint8 (H, W, 3) RGB.
        masks: of the first and the second date in that frame, bool (H, W).
        growth: as crackflow.geometry.growth.compare gives it.

    Returns:
        uint8 (H + key, W, 3) RGB, a new array.
    """
    added, lost = growth.added, growth.lost
    either = masks[0] | masks[1]
    picture = painted(photo, [(BOTH, either & ~added & ~lost), (ADDED, added), (LOST, lost & ~added)])
    _label(picture, either.astype(np.uint8), growth.cracks)
    return np.concatenate([picture, key(picture.shape[1], (BOTH, ADDED, LOST))])


def words(change: CrackChange) -> str:
    """Say in a few words what changed of a crack; "" where nothing is told apart."""
    parts = []
    if change.length_change in ("new", "longer"):
        parts.append(f"{change.length_change} +{change.added_px:.0f} px")
    elif change.length_change in ("shorter", "not seen again"):
        parts.append(f"{change.length_change} -{change.lost_px:.0f} px")
    if change.width_change in ("wider", "narrower") and change.width_before_px and change.width_after_px:
        parts.append(f"{change.width_change} {change.width_after_px - change.width_before_px:+.1f} px")
    return ", ".join(parts)


def _label(picture: Picture, mask: NDArray[np.uint8], cracks: Sequence[CrackChange]) -> None:
    letter = max(11, round(min(mask.shape) / 45))
    taken: list[Box] = []
    plates: list[tuple[Box, Picture]] = []
    for change in [one for one in cracks if words(one)][:MOST]:
        plate = plate_of(f"{change.number}: {words(change)}", letter)
        box = room_for(change.at, (plate.shape[0], plate.shape[1]), mask, letter, taken)
        if box is not None:
            taken.append(box)
            plates.append((box, plate))
            point_at(picture, change.at, box, letter)
    for (left, top, right, bottom), plate in plates:
        picture[top:bottom, left:right] = plate


def jpeg(picture: Picture) -> bytes:
    """Give a picture, uint8 (H, W, 3) RGB, as a JPEG."""
    _, data = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 90])
    return data.tobytes()
