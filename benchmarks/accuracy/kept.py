"""Results of single pictures, kept as they come: a measurement that was stopped goes on where it was."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.accuracy import real
from crackflow.inference.operating_point import sha256
from crackflow.inference.packaged_weights import Weights
from crackflow.sources.folder import Pair
from tasks.code_closure import fingerprint

STATE = real.ROOT / ".crackflow/benchmarks"


class Kept:
    """Rows by name, in a file of one JSON a line.

    Attributes:
        rows: what is known.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.rows: dict[str, dict[str, Any]] = {row["name"]: row for row in _lines(path)}

    @classmethod
    def of(cls, module: str, weights: Weights) -> "Kept":
        """Those of a benchmark with these weights; another model, another operating point or other code begin anew."""
        follows = [sha256(weights.model), weights.point().words(), weights.params.resize.mode, fingerprint(module)]
        digest = hashlib.sha256(json.dumps(follows).encode()).hexdigest()[:16]
        return cls(STATE / f"{module.rpartition('.')[2]}-{digest}.jsonl")

    def add(self, name: str, row: dict[str, Any]) -> None:
        """Take a row in."""
        self.rows[name] = {"name": name, **row}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(self.rows[name]) + "\n")


def name_of(pairs: tuple[Pair, ...], more: str = "") -> str:
    """A hash of the files of pairs, and of what else tells two rows apart."""
    digest = hashlib.sha256(more.encode())
    for pair in pairs:
        digest.update(pair.image.read_bytes() + pair.mask.read_bytes())
    return digest.hexdigest()[:16]


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a file; the last one may be broken off."""
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            yield dict(json.loads(line))
        except ValueError:
            continue
