"""What a pixel of a photograph measures on the surface. No length is given in mm without one of these."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from PIL import ExifTags, Image

from crackflow.errors import DataError

BOUNDS_MM = (0.1, 1.0, 2.0)
"""From which width on a crack is fine, medium, wide, mm: below the first it is hairline (BRE Digest 251); fine, medium
and wide as in ACI 201.1R."""
_COLUMNS = ("photograph", "mm_per_px")
# Sides of a photograph that was only scaled are in proportion but for rounding.
_SAME_SHAPE = 0.01


@dataclass(frozen=True)
class Scale:
    """A photograph taken square to a flat surface: one scale for all of it.

    Attributes:
        mm_per_px: finite, above 0.
        origin: where it comes from, in words, for people to check.
    """

    mm_per_px: float
    origin: str = "as given"

    def __post_init__(self) -> None:
        if not (math.isfinite(self.mm_per_px) and self.mm_per_px > 0):
            raise DataError(f"scale {self.mm_per_px} mm per px ({self.origin}), expected a number above 0; correct it")

    def to_px(self, bounds_mm: tuple[float, float, float]) -> tuple[float, float, float]:
        """Give bounds of the width classes in px of this photograph."""
        fine, medium, wide = (bound / self.mm_per_px for bound in bounds_mm)
        return fine, medium, wide


def from_camera(
    distance_m: float, sensor_width_mm: float, focal_length_mm: float, size: tuple[int, int]
) -> tuple[Scale, float]:
    """Compute the scale of a photograph from how it was taken.

    The image of a thin lens at the distance u is smaller by f / (u - f). (Hecht, "Optics", section 5.2.3.)

    Args:
        distance_m: from the lens to the surface.
        sensor_width_mm: the longer side of the sensor.
        focal_length_mm: the true one, not that "in 35 mm film".
        size: (width, height) of the photograph, px. It must show the whole sensor; it may have been scaled.

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
        f"{distance_m:g} m from the lens, focal length {focal_length_mm:g} mm, sensor {sensor_width_mm:g} mm wide: "
        f"pixel pitch {pitch * 1000:.3g} um"
    )
    return Scale(pitch * away_mm / focal_length_mm, origin), pitch


def from_photograph(path: Path, distance_m: float, sensor_width_mm: float) -> Scale:
    """Compute the scale from the focal length in a photograph's EXIF; the rest is as for `from_camera`.

    Raises:
        DataError: when the file can't be read, has no focal length, or was cropped after it was taken.
    """
    try:
        with Image.open(path) as image:
            width, height = image.size
            tags = image.getexif().get_ifd(ExifTags.IFD.Exif)
        focal = float(tags.get(ExifTags.Base.FocalLength, 0))
        taken = [int(tags.get(tag, 0)) for tag in (ExifTags.Base.ExifImageWidth, ExifTags.Base.ExifImageHeight)]
    except (OSError, ValueError, TypeError, ZeroDivisionError, SyntaxError) as error:
        raise DataError(f"{path}: its EXIF can't be read ({error}); give the scale in mm per px") from error
    if not (math.isfinite(focal) and focal > 0):
        raise DataError(f"{path} has no focal length in its EXIF; give the scale in mm per px")
    if all(taken) and abs(max(taken) / min(taken) / (max(width, height) / min(width, height)) - 1) > _SAME_SHAPE:
        raise DataError(
            f"{path} is {width}x{height}, and its EXIF says {taken[0]}x{taken[1]}: it was cropped, so the sensor's "
            "width is not the photograph's; give the scale in mm per px"
        )
    return from_camera(distance_m, sensor_width_mm, focal, (width, height))[0]


def read_scales(path: Path) -> dict[str, Scale]:
    """Read a scale for each photograph from a CSV with the columns `photograph` and `mm_per_px`; others are ignored.

    Returns:
        The name in the first column, as written -> the scale.

    Raises:
        DataError: when the file can't be read, lacks a column, names a photograph twice or holds a value that is no
            number above 0.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file)
            rows, columns = list(reader), reader.fieldnames or ()
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} can't be read as a CSV in UTF-8 ({error}); name one") from error
    missing = [name for name in _COLUMNS if name not in columns]
    if missing:
        raise DataError(f"{path} has no column {' and '.join(missing)}, expected {' and '.join(_COLUMNS)}; add it")
    scales: dict[str, Scale] = {}
    for line, row in enumerate(rows, 2):
        name, text = (row[column] or "" for column in _COLUMNS)
        if name in scales:
            raise DataError(f"{path}, line {line}: {name} stands there twice; remove one of the two")
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        scales[name] = Scale(value, f"{path.name}, line {line}: {text!r}")
    return scales
