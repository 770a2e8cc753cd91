"""What a run over photographs leaves in Prefect: the photographs with the widest cracks, as a table."""

import csv
from pathlib import Path

from crackflow.results.tables import SUMMARY
from pipelines.markdown import plain

# Prefect's database keeps the tables of all runs.
MOST = 100
_SHOWN = ("photo", "status", "reason", "cracks", "total_length_mm", "width_max_mm", "width_class")
_IN_PX = {"total_length_mm": "total_length_px", "width_max_mm": "width_max_px"}


def widest(out: Path) -> tuple[list[dict[str, str]], str]:
    """Give the rows of the artifact.

    Args:
        out: the folder of a run that is complete.

    Returns:
        Rows of summary.csv, the widest crack first and what was skipped last; in mm where every photograph has a
        scale, else in px. And in words which of all they are.
    """
    with (out / SUMMARY).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    done = [row for row in rows if row["status"] != "skipped"]
    in_mm = bool(done) and all(row["mm_per_px"] for row in done)
    names = [name if in_mm else _IN_PX.get(name, name) for name in _SHOWN]
    rows.sort(
        key=lambda row: (row["status"] == "skipped", -float(row["width_max_mm" if in_mm else "width_max_px"] or 0))
    )
    words = "The widest crack first." if len(rows) <= MOST else f"The {MOST} with the widest cracks, of {len(rows)}."
    return [{name: plain(row[name]) for name in names} for row in rows[:MOST]], words
