"""Write a model file that has the same bytes whenever it holds the same model.

Keras writes the time into metadata.json and into the zip's entries. Where layers share an object, it writes that
object's memory address into config.json. The hash of such a file differs from run to run, and DVC would see a change.
"""

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import keras

from crackflow.atomic import replacing
from crackflow.models.zip_entry import DATE, zip_entry


def save_model(model: keras.Model, path: Path) -> None:
    """Write `model` to `path` in one step: a reader sees the old file or the whole new one, never a part.

    Args:
        model: compiled or not; the file holds which.
        path: a name that ends in .keras. Its folder is made when absent.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    written = path.with_name(f"part-{path.name}")  # Keras accepts no other ending
    try:
        model.save(written)
        with replacing(path, sync=True) as part:
            _copy_timeless(written, part)
    finally:
        written.unlink(missing_ok=True)


def _copy_timeless(written: Path, part: Path) -> None:
    with zipfile.ZipFile(written) as source, zipfile.ZipFile(part, "w") as target:
        for member in source.infolist():
            entry = zip_entry(member.filename)
            entry.external_attr, entry.file_size = 0o644 << 16, member.file_size
            with source.open(member) as old, target.open(entry, "w") as new:
                if member.filename.endswith(".json"):
                    new.write(json.dumps(_timeless(json.load(old), {})).encode())
                else:
                    shutil.copyfileobj(old, new, 1 << 20)


def _timeless(value: Any, numbers: dict[int, int]) -> Any:
    """The same JSON with a fixed date, and with shared objects numbered from 1 in order of appearance."""
    if isinstance(value, list):
        return [_timeless(one, numbers) for one in value]
    if not isinstance(value, dict):
        return value
    value = {key: _timeless(one, numbers) for key, one in value.items()}
    if "date_saved" in value:
        value["date_saved"] = "{}-{:02}-{:02}@{:02}:{:02}:{:02}".format(*DATE)
    if isinstance(value.get("shared_object_id"), int):
        value["shared_object_id"] = numbers.setdefault(value["shared_object_id"], len(numbers) + 1)
    return value
