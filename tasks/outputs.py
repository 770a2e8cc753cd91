"""How stages publish what they made: whole or not at all, and the same bytes for the same figures."""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd

from crackflow.atomic import write_text
from crackflow.safe_text import cell


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write `values` indented, in the order given; NaN raises ValueError, since it is not JSON."""
    write_text(path, json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def write_csv(path: Path, table: pd.DataFrame, *, header: bool = True) -> None:
    """Write `table` with at most 6 decimals and no formula; a missing figure is an empty cell.

    Names of pairs are no formulas (crackflow/safe_text.py), so they are read again as they were.
    """
    safe = table.round(6).map(lambda value: cell(value) if isinstance(value, str) else value)
    write_text(path, safe.to_csv(index=False, header=header, lineterminator="\n"))


def remove(path: Path) -> None:
    """Remove a file, a folder or a link, if it is there; what a link leads to stays."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Fill a folder beside `path` and put it in its place at the end: nothing of an earlier run is left in it.

    Args:
        path: the folder to publish.

    Yields:
        The empty folder to write to; it is dropped when the block raises.
    """
    part, old = (path.with_name(f".{path.name}.{what}") for what in ("part", "old"))
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        yield part
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    # killed in between, there is no folder, and none that is there in part
    shutil.rmtree(old, ignore_errors=True)
    if path.exists():
        path.rename(old)
    part.rename(path)
    shutil.rmtree(old, ignore_errors=True)
