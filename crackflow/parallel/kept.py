"""What a stage has already worked out for a file, kept under .crackflow by the file's content.

A run that was killed, or that finds a few files more, works on new files alone; so does a worker that tries again what
another one did not finish.
"""

import hashlib
import json
import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crackflow.atomic import write_bytes


@dataclass(frozen=True)
class Kept:
    """A folder with a JSON file for each content.

    Attributes:
        folder: of one state of the code and of the parameters, such as Workspace.state gives it.
    """

    folder: Path

    def get(self, key: str) -> Any:
        """What was kept under a key; None where there is nothing that can be read."""
        try:
            return json.loads(self._file(key).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def put(self, key: str, value: Any) -> None:
        """Keep a value that JSON can hold, not None. Several workers may keep the same content at once."""
        path = self._file(key)
        part = path.with_name(f".{key}.{secrets.token_hex(4)}.part")
        write_bytes(path, json.dumps(value).encode(), part)

    def keep_only(self, keys: set[str]) -> None:
        """Delete what no file of this run led to, and what other states of the code or parameters left."""
        for other in self.folder.parent.iterdir():
            if other != self.folder:
                shutil.rmtree(other)
        for path in self.folder.glob("*/*"):
            if path.suffix != ".json" or path.stem not in keys:  # a killed worker leaves its part
                path.unlink()

    def _file(self, key: str) -> Path:
        # a folder with 100,000 files is slow on many disks
        return self.folder / key[:2] / f"{key}.json"


def content_key(*paths: Path) -> str:
    """Name the content of files: 40 hex digits of a SHA-256.

    Raises:
        OSError: when one can't be read.
    """
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:40]
