"""growth.csv, a row for each crack of two dates, and growth.json, the same for programs with what it was made from.

docs/reference/results.md says what each column holds; a test compares the two.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import JsonValue

from crackflow.geometry.growth import CrackChange
from crackflow.results.millimetres import in_mm
from crackflow.results.tables import Cell, csv_of

TABLE, FILE = "growth.csv", "growth.json"
FORMAT = 1
_LENGTHS = ("length_before", "length_after", "added", "lost", "length_limit")
_WIDTHS = ("width_before", "width_after", "width_difference", "width_limit")
COLUMNS = (
    "crack", "length_change", "width_change",
    *(f"{name}_{unit}" for name in _LENGTHS for unit in ("px", "mm")),
    *(f"{name}_{unit}" for name in _WIDTHS for unit in ("px", "mm")),
    "pieces_before", "pieces_after", "x_px", "y_px", "mm_per_px",
)  # fmt: skip


def growth_csv(cracks: Sequence[CrackChange], mm_per_px: float | None) -> bytes:
    """Give growth.csv."""
    return csv_of(COLUMNS, (row(change, mm_per_px) for change in cracks))


def growth_json(cracks: Sequence[CrackChange], mm_per_px: float | None, about: Mapping[str, JsonValue]) -> bytes:
    """Give growth.json. Its names are those of the table's columns; null where something is not known."""
    changes = [row(change, mm_per_px) for change in cracks]
    for change in changes:
        del change["mm_per_px"]
    found: dict[str, Any] = {
        "format": FORMAT,
        "about": dict(about),
        "mm_per_px": mm_per_px,
        "counts": counts(cracks),
        "cracks": changes,
    }
    return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def counts(cracks: Sequence[CrackChange]) -> dict[str, int]:
    """Count the cracks by what changed; one that is longer and wider counts in both."""
    names = ("new", "longer", "wider", "shorter", "narrower", "not seen again")
    found = {name: sum(name in (one.length_change, one.width_change) for one in cracks) for name in names}
    return {**found, "no change told apart": sum(not changed(one) for one in cracks)}


def changed(change: CrackChange) -> bool:
    """Whether a change of length or width is told apart."""
    return change.length_change != "not told apart" or change.width_change in ("wider", "narrower")


def row(change: CrackChange, mm_per_px: float | None) -> dict[str, Cell]:
    """Give the cells of a crack; what is not known is None."""
    cells: dict[str, Cell] = {
        "crack": change.number,
        "length_change": change.length_change,
        "width_change": change.width_change,
    }
    for name in _LENGTHS:
        cells |= _in_both(name, getattr(change, f"{name}_px"), mm_per_px)
    before, after = change.width_before_px, change.width_after_px
    difference = None if before is None or after is None else after - before
    for name, value in zip(_WIDTHS, (before, after, difference, change.width_limit_px), strict=True):
        cells |= _in_both(name, value, mm_per_px)
    return cells | {
        "pieces_before": len(change.before),
        "pieces_after": len(change.after),
        "x_px": change.at[0],
        "y_px": change.at[1],
        "mm_per_px": mm_per_px,
    }


def _in_both(name: str, value: float | None, mm_per_px: float | None) -> dict[str, Cell]:
    if value is None:
        return {f"{name}_px": None, f"{name}_mm": None}
    return {f"{name}_px": round(value, 2), f"{name}_mm": in_mm(value, mm_per_px)}
