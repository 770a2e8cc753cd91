"""Why a stage did not end well, by what it printed and its exit code."""

import re
import signal
from typing import Literal

from crackflow.errors import UnreachableError

# the last line of a traceback
_EXCEPTION = re.compile(r"[A-Za-z_][\w.]*(Error|Exception)\b(: |$)")
EXITED = re.compile(r"exited with (-?\d+)\s*$")

Kind = Literal["fault", "failed", "killed", "unreachable"]


class StageError(Exception):
    """A stage did not end well; the message is one line.

    Attributes:
        kind: fault where the stage itself said what to fix (data, parameters, disk); unreachable where a
            server did not answer, and may later; killed where a signal ended it from outside, as the kernel does when
            memory runs out; failed otherwise: a defect, or the time limit.
    """

    def __init__(self, message: str, kind: Kind = "failed") -> None:
        super().__init__(message)
        self.kind = kind


class StageStoppedError(StageError):
    """The run was cancelled before the stage had ended."""


def weight(line: str) -> int:
    """Rank a line by how well it says why a stage failed: our own error 3, an exception 2, DVC's error 1, else 0."""
    return 3 if line.startswith("error: ") else 2 if _EXCEPTION.match(line) else int(line.startswith("ERROR: "))


def error_of(code: int, inner: int, said: str) -> StageError:
    """Say why a stage failed.

    Args:
        code: exit code of the process.
        inner: exit code of the stage that DVC ran in it; 0 where DVC named none.
        said: the line of the highest `weight`.
    """
    # first, since a stage that is ended by SIGTERM says so in a line of its own
    if number := _signal(code) or _signal(inner):
        return StageError(f"killed by {number.name}, from outside or because memory ran out", "killed")
    if said.startswith("error: "):
        later = UnreachableError.exit_code in {code, inner}
        return StageError(said.removeprefix("error: "), "unreachable" if later else "fault")
    return StageError(said or f"it ended with exit code {code} and said nothing")


def _signal(code: int) -> signal.Signals | None:
    number = -code if code < 0 else code - 128
    return signal.Signals(number) if number in set(signal.Signals) else None
