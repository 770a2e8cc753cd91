"""Rows of a measurement that takes hours: kept in docs/results as they come, and read again by the next run."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from benchmarks.accuracy import real
from crackflow.atomic import write_text
from pipelines.git import git

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

Row = TypeVar("Row")


def read_rows(path: Path, kind: type[Row]) -> list[Row]:
    """Read the rows that there are.

    Args:
        path: as `write_rows` wrote it; no rows where it is not there.
        kind: the dataclass of a row.
    """
    if not path.exists():
        return []
    rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["rows"]
    return [kind(**row) for row in rows]


def write_rows(path: Path, command: str, rows: Sequence["DataclassInstance"]) -> None:
    """Keep rows, with what they were found by: the command, the revision, the machine."""
    values = {
        "command": command,
        "revision": git(real.ROOT, "rev-parse", "--short=12", "HEAD"),
        "machine": real.machine(),
        "rows": [asdict(row) for row in rows],
    }
    write_text(path, json.dumps(values, indent=1) + "\n")
