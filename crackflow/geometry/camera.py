"""What a pixel measures on the surface, by how a photograph was taken: distance, focal length, sensor."""

import math
from pathlib import Path
from typing import Any, NamedTuple

from PIL import ExifTags

from crackflow.errors import DataError
from crackflow.geometry.scale import Scale
from crackflow.imaging.photo_file import of_any_size
from crackflow.imaging.unreadable import PILLOW_FAILS, opened_by_pillow

# Sides of a photograph that was only scaled are in proportion but for rounding.
_SAME_SHAPE = 0.01
# mm in the unit of FocalPlaneXResolution (EXIF 2.32, tag 0xA210); 4 and 5 are of TIFF/EP.
_UNITS_MM = {2: 25.4, 3: 10.0, 4: 1.0, 5: 0.001}
# Of film of 36 x 24 mm.
_DIAGONAL_OF_FILM_MM = math.hypot(36, 24)
# Sensors of telephones to medium format: what lies outside is no width of one.
_SENSORS_MM = (2.0, 80.0)
# By how much two ways to tell a sensor's width may differ. The focal length in 35 mm film is rounded to 1 mm, so a
# wide lens of 13 mm is good to 4 %, and a sensor's diagonal is rounded too.
_AGREE = 1.1
_INSTEAD = "give its scale in --mm-per-px-file"


class Taken(NamedTuple):
    """What EXIF says of how a photograph was taken."""

    size: tuple[int, int]
    """(width, height) of the file's pixels"""
    focal_mm: float
    """the true focal length, above 0"""
    sensor_mm: float | None
    """the sensor's longer side; None where it can't be told"""
    sensor_from: str
    """how it was told, in words; where two ways disagree, what each of them says"""


def from_camera(
    distance_m: float, sensor_width_mm: float, focal_length_mm: float, size: tuple[int, int], sensor_from: str = ""
) -> tuple[Scale, float]:
    """Compute the scale of a photograph from how it was taken.

    The image of a thin lens at the distance u is smaller by f / (u - f). (Hecht, "Optics", section 5.2.3.)

    Args:
        distance_m: from the lens to the surface.
        sensor_width_mm: the longer side of the sensor.
        focal_length_mm: the true one, not that "in 35 mm film".
        size: (width, height) of the photograph, px. It must show the whole sensor; it may have been scaled.
        sensor_from: how the sensor's width is known, for the words of the scale's origin.

    Returns:
        The scale, and the pixel pitch: mm on the sensor per px of the photograph.

    Raises:
        DataError: when a number is not above 0, or the distance not above the focal length.
    """
    given = {"distance": distance_m, "sensor width": sensor_width_mm, "focal length": focal_length_mm}
    for name, value in given.items():
        if not (math.isfinite(value) and value > 0):
            raise DataError(f"{name} {value}, expected a number above 0; correct it")
    away_mm = distance_m * 1000 - focal_length_mm
    if away_mm <= 0:
        raise DataError(
            f"distance {distance_m} m with a focal length of {focal_length_mm} mm, expected more than that; "
            "give the distance in metres"
        )
    pitch = sensor_width_mm / max(size)
    origin = (
        f"{distance_m:g} m from the lens, focal length {focal_length_mm:g} mm, sensor {sensor_width_mm:.4g} mm wide"
        f"{sensor_from and f' ({sensor_from})'}: pixel pitch {pitch * 1000:.3g} um"
    )
    return Scale(pitch * away_mm / focal_length_mm, origin), pitch


def from_photograph(path: Path, distance_m: float, sensor_width_mm: float | None = None) -> Scale:
    """Compute the scale from the focal length in a photograph's EXIF; the rest is as for `from_camera`.

    Args:
        path: the photograph's file.
        distance_m: from the lens to the surface.
        sensor_width_mm: the sensor's longer side; None takes it from EXIF.

    Raises:
        DataError: when the file can't be read, EXIF lacks the focal length or what tells the sensor's width, or
            contradicts itself on it, or the photograph was cropped after it was taken, or taken with a digital zoom.
    """
    taken = how_taken(path)
    sensor, sensor_from = (taken.sensor_mm, taken.sensor_from) if sensor_width_mm is None else (sensor_width_mm, "")
    if sensor is None and sensor_from:
        raise DataError(
            f"the EXIF of {path.name} contradicts itself on how wide the sensor is: {sensor_from}, as where a program "
            f"scaled the photograph and left old values; give the sensor's longer side in mm, or {_INSTEAD}"
        )
    if sensor is None:
        raise DataError(
            f"the EXIF of {path.name} does not tell how wide the sensor is: it has neither FocalPlaneXResolution nor "
            f"FocalLengthIn35mmFilm; give the sensor's longer side in mm, or {_INSTEAD}"
        )
    return from_camera(distance_m, sensor, taken.focal_mm, taken.size, sensor_from)[0]


def how_taken(path: Path) -> Taken:
    """Read what EXIF says of how a photograph was taken.

    The sensor's width is that of the pixels at FocalPlaneXResolution. Where that is not there, it follows from the
    focal length in 35 mm film, which compares diagonals (CIPA DCG-001, section 5) and is rounded to 1 mm. Where both
    are there and differ by more than a tenth, neither is taken.

    Raises:
        DataError: when the file can't be read, has no focal length, was cropped after it was taken, or was taken with a
            digital zoom.
    """
    try:
        with of_any_size(), opened_by_pillow(path) as image:
            size = image.size
            tags = image.getexif().get_ifd(ExifTags.IFD.Exif)
        focal = _number(tags, ExifTags.Base.FocalLength)
        zoom = _number(tags, ExifTags.Base.DigitalZoomRatio)
        stored = [int(_number(tags, tag)) for tag in (ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight)]
    except PILLOW_FAILS as error:
        raise DataError(f"the EXIF of {path.name} can't be read ({error}); {_INSTEAD}") from error
    if not focal:
        raise DataError(f"{path.name} has no focal length in its EXIF; {_INSTEAD}")
    if zoom and abs(zoom - 1) > _SAME_SHAPE:
        # cameras differ in whether the other tags are of the sensor or of the part that is left (EXIF 2.32, 0xA404)
        raise DataError(
            f"{path.name} was taken with a digital zoom of {zoom:g}, so it shows a part of the sensor alone; {_INSTEAD}"
        )
    if all(stored) and abs(max(stored) / min(stored) / (max(size) / min(size)) - 1) > _SAME_SHAPE:
        raise DataError(
            f"{path.name} is {size[0]}x{size[1]}, and its EXIF says {stored[0]}x{stored[1]}: it was cropped, so the "
            f"sensor's width is not the photograph's; {_INSTEAD}"
        )
    return Taken(size, focal, *_sensor(tags, focal, size, max(stored)))


def _sensor(tags: Any, focal: float, size: tuple[int, int], longest: int) -> tuple[float | None, str]:
    """The sensor's longer side, mm, and how it is known; where two ways disagree, None and what each of them says."""
    found: list[tuple[float, str]] = []
    resolution = _number(tags, ExifTags.Base.FocalPlaneXResolution)
    unit = _UNITS_MM.get(int(_number(tags, ExifTags.Base.FocalPlaneResolutionUnit) or 2), 0.0)
    if resolution and longest:
        found.append((longest / resolution * unit, "by FocalPlaneXResolution"))
    film = _number(tags, ExifTags.Base.FocalLengthIn35mmFilm)
    if film:
        diagonal = _DIAGONAL_OF_FILM_MM * focal / film
        found.append((diagonal * max(size) / math.hypot(*size), f"by the focal length of {film:g} mm in 35 mm film"))
    smallest, largest = _SENSORS_MM
    possible = [(width, how) for width, how in found if smallest <= width <= largest]
    widths = [width for width, _ in possible]
    if possible and max(widths) > _AGREE * min(widths):
        return None, " and ".join(f"{width:.4g} mm {how}" for width, how in possible)
    return possible[0] if possible else (None, "")


def _number(tags: Any, tag: int) -> float:
    """A tag's value; 0 where it is absent, or no number above 0."""
    try:
        value = float(tags.get(tag, 0))
    except (TypeError, ValueError, ArithmeticError):
        return 0.0
    return value if math.isfinite(value) and value > 0 else 0.0
