"""What a pixel of a photograph measures on the surface. No length is given in mm without one of these."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from crackflow.errors import DataError

BOUNDS_MM = (0.1, 1.0, 2.0)
"""From which width on a crack is fine, medium, wide. Hairline to 0.1 mm: BRE Digest 251. Fine to 1, medium to 2, wide
above: ACI 201.1R."""
_COLUMNS = ("photograph", "mm_per_px")


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
