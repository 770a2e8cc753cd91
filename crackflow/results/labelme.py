"""Labels for Labelme: one JSON file a photograph, one polygon a region (labelme's label_file.py, version 5).

Regions of one crack have the same group_id.
"""

import json
import os
from pathlib import Path
from typing import Any

from crackflow.results.outlines import without_holes
from crackflow.results.record import PhotoRecord
from crackflow.results.run import Run, annotations, figures
from crackflow.safe_text import printable

FOLDER = "labelme"
VERSION = "5.5.0"


def file_of(name: str) -> str:
    """Name the file of a photograph's labels, below the folder of the run."""
    return f"{FOLDER}/{name}.json"


def labelme(run: Run, record: PhotoRecord) -> bytes:
    """Give the file of one photograph.

    Args:
        run: that the photograph is of. Labelme finds the photograph by its path from the file.
        record: the photograph.
    """
    width, height = record.size
    shapes = [
        {
            "label": label,
            "points": without_holes(region).tolist(),
            "group_id": None if crack is None else crack.number,
            "description": "" if crack is None else _words(figures(crack, record.mm_per_px)),
            "shape_type": "polygon",
            "flags": {},
            "mask": None,
        }
        for label, crack, regions in annotations(run, record)
        for region in regions
    ]
    found: dict[str, Any] = {
        "version": VERSION,
        "flags": {},
        "shapes": shapes,
        "imagePath": _from((run.folder / file_of(record.name)).parent, run.photo_path(record), record.photo),
        "imageData": None,
        "imageHeight": height,
        "imageWidth": width,
    }
    return json.dumps(found, ensure_ascii=False, allow_nan=False).encode() + b"\n"


def _words(values: dict[str, float | str]) -> str:
    return "; ".join(f"{name} {value}" for name, value in values.items())


def _from(folder: Path, photo: Path | None, name: str) -> str:
    """The photograph's path from a folder; whole where they lie on two drives, its name where it is no file."""
    if photo is None:
        return name
    try:
        return printable(Path(os.path.relpath(photo.resolve(), folder.resolve())).as_posix())
    except ValueError:
        return printable(photo.resolve().as_posix())
