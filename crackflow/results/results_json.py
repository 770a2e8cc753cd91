"""results.json: the whole run for programs, with all that the tables hold."""

import json
from typing import Any

from crackflow.results.record import PhotoRecord
from crackflow.results.run import Run
from crackflow.results.tables import crack_row, photo_row

FILE = "results.json"
FORMAT = 1


def results_json(run: Run) -> bytes:
    """Give results.json. Its names are those of the tables' columns; null where something is not known."""
    photos = [_photo(record) for record in run.read()]
    counts = {status: sum(photo["status"] == status for photo in photos) for status in ("cracked", "empty")}
    found = {
        "format": FORMAT,
        "about": dict(run.about),
        "counts": {"done": len(photos), **counts, "skipped": len(run.skipped)},
        "photographs": photos,
        "skipped": [{"photo": one.photo, "reason": one.reason} for one in run.skipped],
    }
    return json.dumps(found, indent=1, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _photo(record: PhotoRecord) -> dict[str, Any]:
    row = photo_row(record)
    del row["reason"], row["cracks"]
    listed = [crack_row(record, crack) for crack in record.cracks]
    for crack in listed:
        del crack["photo"], crack["mm_per_px"]
    return {**row, "cracks": listed}
