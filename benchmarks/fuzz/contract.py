"""What must hold for any file: it is read, or rejected in one line by an error of crackflow's own; and what did not."""

import json
import os
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from crackflow.errors import CrackflowError

LONGEST = 1000
"""Characters of the line."""


class Fault(Exception):  # noqa: N818 # it is what is looked for, and no error of ours
    """What must not happen; the message says in a few words what did."""


def accepted(read: Callable[[], object]) -> bool:
    """Whether a file was read; False when it was rejected as it must be.

    Raises:
        Fault: when the line is none, or too long.
        Exception: whatever else came, which is a fault too.
    """
    try:
        read()
    except CrackflowError as error:
        said = str(error)
    else:
        return True
    if "\n" in said or "\r" in said:
        raise Fault("a line that is several")
    if len(said) > LONGEST:
        raise Fault(f"a line of more than {LONGEST} characters")
    return False


def name_of(error: BaseException) -> str:
    """Name a fault, so that the same one found twice counts once: what came, and the innermost place of ours."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "/crackflow/" in frame.filename]
    frames = [frame for frame in frames if "site-packages" not in frame.filename] or frames
    what = f"{error}" if isinstance(error, Fault) else type(error).__name__
    if not frames:
        return what
    place = frames[-1].filename.rpartition("/crackflow/")[2].removesuffix(".py")
    return f"{what} in {place} {frames[-1].name}"


@dataclass
class Tally:
    """What came of the files of one run.

    Attributes:
        folder: where counts and the files with faults are kept, for whoever started the run.
        read, rejected: how many.
        faults: how often each came.
    """

    folder: Path
    read: int = 0
    rejected: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    written: float = 0.0

    def add(self, content: bytes, read: Callable[[], object]) -> None:
        """Count one file.

        Args:
            content: of the file, kept where it is the shortest with its fault.
            read: reads it.
        """
        try:
            if accepted(read):
                self.read += 1
            else:
                self.rejected += 1
        except Exception as error:
            self._found(content, error)
        if time.monotonic() > self.written + 1:
            self.write()

    def write(self) -> None:
        """Write the counts to count.json, whole or not at all."""
        values = {"read": self.read, "rejected": self.rejected, "faults": self.faults}
        part = self.folder / "count.part"
        part.write_text(json.dumps(values), encoding="utf-8")
        os.replace(part, self.folder / "count.json")
        self.written = time.monotonic()

    def _found(self, content: bytes, error: Exception) -> None:
        name = name_of(error)
        self.faults[name] = self.faults.get(name, 0) + 1
        stem = "".join(letter if letter.isalnum() else "_" for letter in name)[:120]
        kept = self.folder / f"{stem}.fault"
        if not kept.exists() or kept.stat().st_size > len(content):
            kept.write_bytes(content)
            kept.with_suffix(".txt").write_text("".join(traceback.format_exception(error)), encoding="utf-8")
