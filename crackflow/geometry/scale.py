"""What a pixel of a photograph measures on the surface. No length is given in mm without one of these."""

import csv
import math
from dataclasses import dataclass
from pathlib import Path

from crackflow.errors import DataError

BOUNDS_MM = (0.1, 1.0, 2.0)
"""From which width on a crack is fine, medium, wide, mm: below the first it is hairline (BRE Digest 251); fine, medium
and wide as in ACI 201.1R."""
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
