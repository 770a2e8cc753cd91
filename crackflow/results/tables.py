"""summary.csv, a row for each photograph, and cracks.csv, a row for each crack.

docs/reference/results.md says what each column holds; a test compares the two. A name ends in the unit. Cells in mm are
empty where no scale is known.
"""

import csv
import io
from collections.abc import Callable, Iterable, Mapping

from crackflow.results.millimetres import in_mm, rounded
from crackflow.results.record import CrackRecord, PhotoRecord, Width
from crackflow.results.run import Run
from crackflow.safe_text import cell

SUMMARY, CRACKS = "summary.csv", "cracks.csv"
Cell = str | int | float | None

_SIDES: dict[str, Callable[[CrackRecord], Width | None]] = {
    "width": lambda crack: crack.width_px,
    "mask_width": lambda crack: crack.mask_width_px,
    "optical_width": lambda crack: crack.optical_width_px,
}
_STATISTICS = ("mean", "median", "p95", "max")


def summary(run: Run) -> bytes:
    """Give summary.csv: photographs in order, those that were skipped last."""
    rows = [photo_row(record) for record in run.read()]
    rows += [{"photo": one.photo, "status": "skipped", "reason": one.reason} for one in run.skipped]
    return csv_of(PHOTO_COLUMNS, rows)


def cracks(run: Run) -> bytes:
    """Give cracks.csv: by photograph, the longest crack of each first."""
    return csv_of(CRACK_COLUMNS, (crack_row(record, crack) for record in run.read() for crack in record.cracks))


def photo_row(record: PhotoRecord) -> dict[str, Cell]:
    """Give the cells of a photograph; what is not known is None."""
    scale, widest = record.mm_per_px, record.widest
    largest = max((crack.width_px.max for crack in record.cracks), default=None)
    return {
        "photo": record.photo,
        "status": record.status,
        "reason": None,
        "crack_share": round(record.crack_share, 6),
        "cracks": len(record.cracks),
        "total_length_px": round(record.total_length_px, 2),
        "total_length_mm": in_mm(record.total_length_px, scale),
        "width_p95_px": None if widest is None else round(widest.width_px.p95, 2),
        "width_p95_mm": None if widest is None else in_mm(widest.width_px.p95, scale),
        "width_max_px": None if largest is None else round(largest, 2),
        "width_max_mm": None if largest is None else in_mm(largest, scale),
        "width_class": None if widest is None else widest.width_class,
        "density_px_per_px2": round(record.density_per_px, 8),
        "density_m_per_m2": None if scale is None else rounded(record.density_per_px / scale * 1000, 4),
        "enclosed_blocks": record.enclosed_blocks,
        "cells_with_crack": round(record.cells_with_crack, 4),
        "photo_width_px": record.size[0],
        "photo_height_px": record.size[1],
        "mm_per_px": scale,
        "scale_origin": record.scale_origin,
    }


def crack_row(record: PhotoRecord, crack: CrackRecord) -> dict[str, Cell]:
    """Give the cells of a crack; what is not known is None."""
    scale = record.mm_per_px
    row: dict[str, Cell] = {
        "photo": record.photo,
        "crack": crack.number,
        "length_px": round(crack.length_px, 2),
        "length_mm": in_mm(crack.length_px, scale),
        "width_class": crack.width_class,
        "width_kind": crack.width_kind,
    }
    for side, width_of in _SIDES.items():
        width = width_of(crack)
        for name in _STATISTICS:
            value = None if width is None else getattr(width, name)
            row[f"{side}_{name}_px"] = None if value is None else round(value, 2)
            row[f"{side}_{name}_mm"] = None if value is None else in_mm(value, scale)
    left, top, width_px, height_px = crack.box
    return row | {
        "area_px2": crack.area_px,
        "area_mm2": None if scale is None else rounded(crack.area_px * scale**2, 3),
        "orientation_deg": round(crack.orientation_deg, 1),
        "tortuosity": round(crack.tortuosity, 3),
        "branches": crack.branches,
        "ends": crack.ends,
        "junctions": crack.junctions,
        "left_px": left,
        "top_px": top,
        "box_width_px": width_px,
        "box_height_px": height_px,
        "widest_x_px": crack.widest_at[0],
        "widest_y_px": crack.widest_at[1],
        "confidence": None if crack.confidence is None else round(crack.confidence, 4),
        "mm_per_px": scale,
    }


def safe_cell(value: Cell) -> str:
    """Give the text of a cell, one that no spreadsheet computes; empty for None."""
    if isinstance(value, str):
        return cell(value)
    return "" if value is None else str(value)


PHOTO_COLUMNS = (
    "photo", "status", "reason", "crack_share", "cracks", "total_length_px", "total_length_mm", "width_p95_px",
    "width_p95_mm", "width_max_px", "width_max_mm", "width_class", "density_px_per_px2", "density_m_per_m2",
    "enclosed_blocks", "cells_with_crack", "photo_width_px", "photo_height_px", "mm_per_px", "scale_origin",
)  # fmt: skip
CRACK_COLUMNS = (
    "photo", "crack", "length_px", "length_mm", "width_class", "width_kind",
    *(f"{side}_{name}_{unit}" for side in _SIDES for name in _STATISTICS for unit in ("px", "mm")),
    "area_px2", "area_mm2", "orientation_deg", "tortuosity", "branches", "ends", "junctions", "left_px", "top_px",
    "box_width_px", "box_height_px", "widest_x_px", "widest_y_px", "confidence", "mm_per_px",
)  # fmt: skip


def csv_of(columns: Iterable[str], rows: Iterable[Mapping[str, Cell]]) -> bytes:
    """Give a CSV; a column that a row lacks is an empty cell.

    Raises:
        ValueError: when a row has a cell of no column.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    columns = list(columns)
    table.writerow(columns)
    for row in rows:
        if unknown := set(row) - set(columns):
            raise ValueError(f"no column for {sorted(unknown)}")
        table.writerow(safe_cell(row.get(column)) for column in columns)
    return text.getvalue().encode()
