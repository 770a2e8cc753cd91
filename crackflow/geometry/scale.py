"""What a pixel of a photograph measures on the surface. No length is given in mm without one of these."""

import csv
import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from crackflow.errors import DataError

BOUNDS_MM = (0.1, 1.0, 2.0)
"""From which width on a crack is fine, medium, wide, mm: below the first it is hairline (BRE Digest 251); fine, medium
and wide as in ACI 201.1R."""
SMALLEST_MM, LARGEST_MM = 1e-6, 1e7
"""What a pixel can measure, mm: a nanometre to 10 km. What lies outside is a slip of the pen or a wrong unit."""
_COLUMNS = ("photograph", "mm_per_px")
# What float() takes besides, such as 1_25 and digits of other scripts, nobody means as a scale.
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def read_bounds(text: str) -> tuple[float, float, float]:
    """Read from which width on a crack is fine, medium and wide, mm: three numbers with commas, each above the last.

    Raises:
        DataError: when it is anything else.
    """
    values = tuple(number(part.strip()) for part in text.split(","))
    if len(values) != len(BOUNDS_MM) or not 0 < values[0] < values[1] < values[2] <= LARGEST_MM:
        raise DataError(
            f"width classes {text}, expected from which width on a crack is fine, medium and wide, mm, each larger "
            "than the one before, such as 0.1,0.3,1; correct them"
        )
    return values[0], values[1], values[2]


@dataclass(frozen=True)
class Scale:
    """A photograph taken square to a flat surface: one scale for all of it.

    Attributes:
        mm_per_px: from SMALLEST_MM to LARGEST_MM.
        origin: where it comes from, in words, for people to check.
    """

    mm_per_px: float
    origin: str = "as given"

    def __post_init__(self) -> None:
        if not SMALLEST_MM <= self.mm_per_px <= LARGEST_MM:
            raise DataError(
                f"scale {self.mm_per_px} mm per px ({self.origin}), expected a number above 0, from {SMALLEST_MM:g} to "
                f"{LARGEST_MM:g}; correct it"
            )

    def to_px(self, bounds_mm: tuple[float, float, float]) -> tuple[float, float, float]:
        """Give bounds of the width classes in px of this photograph."""
        fine, medium, wide = (bound / self.mm_per_px for bound in bounds_mm)
        return fine, medium, wide


class Row(NamedTuple):
    """A row of a CSV of scales."""

    photograph: str
    """as written"""
    line: int
    """of the file, from 1"""
    scale: Scale


def number(text: str) -> float:
    """Read a number of digits, with a decimal point and an exponent if need be; NaN for anything else."""
    return float(text) if _NUMBER.fullmatch(text) else math.nan


def read_scales(path: Path) -> list[Row]:
    """Read a scale for each photograph from a CSV with the columns `photograph` and `mm_per_px`; others are ignored.

    Returns:
        The rows, no two of the same name.

    Raises:
        DataError: when the file can't be read, lacks a column or has it twice, a row has more cells than there are
            columns (as a decimal comma makes them), names a photograph twice or none, or holds a value that is no
            scale.
    """
    if path.is_fifo():  # whose other end may never come
        raise DataError(f"{path} is a named pipe, expected a CSV in UTF-8; name one")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            columns = reader.fieldnames or ()
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} can't be read as a CSV in UTF-8 ({error}); name one") from error
    missing = [name for name in _COLUMNS if name not in columns]
    if missing:
        raise DataError(f"{path} has no column {' and '.join(missing)}, expected {' and '.join(_COLUMNS)}; add it")
    if twice := next((name for name in _COLUMNS if columns.count(name) > 1), ""):
        raise DataError(f"{path} has two columns {twice}, expected one; remove the other")
    found: dict[str, Row] = {}
    for line, row in rows:
        where = f"{path}, line {line}"
        if None in row:
            raise DataError(
                f"{where} has more cells than the {len(columns)} columns of the first line; write decimals with a "
                "point, as in 0.25, and names with commas in quotes"
            )
        name, text = ((row[column] or "").strip() for column in _COLUMNS)
        if not name:
            raise DataError(f"{where} names no photograph; add its name, or remove the line")
        if name in found:
            raise DataError(f"{where}: {name} stands there twice; remove one of the two")
        found[name] = Row(name, line, Scale(number(text), f"{path.name}, line {line}: {text!r}"))
    return list(found.values())
