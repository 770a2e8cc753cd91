"""One rebuild at a time in a checkout: a lock that the kernel frees, whoever dies."""

import contextlib
import datetime as dt
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from crackflow.errors import CrackflowError

POLL_S = 0.1
# Of rebuilds in a checkout, and of those in the work tree of its scheduled runs; below the checkout's root.
LOCK, SCHEDULED_LOCK = Path(".crackflow/rebuild.lock"), Path(".crackflow/scheduled.lock")


class AlreadyRunningError(CrackflowError):
    """Another rebuild works in this checkout."""


@contextlib.contextmanager
def hold(path: Path, patience_s: float) -> Iterator[int]:
    """Hold the lock for the length of a `with` block.

    The stages' processes hold it too (`StageProcesses(hold=...)`), so that a run that was killed and whose last stage
    is still being ended does not meet the next run. That is waited for; a run that is alive is not.

    Args:
        path: the lock file; it stays, and says who holds the lock.
        patience_s: seconds to wait for the stages of a run that is dead.

    Yields:
        The descriptor that holds the lock.

    Raises:
        AlreadyRunningError: when a live run holds it, or a dead one's stages still do after `patience_s`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + patience_s
    with path.open("a+", encoding="utf-8") as file:
        while not _taken(file.fileno()):
            process, since = holder(path)
            if _alive(process) or time.monotonic() > deadline:
                raise AlreadyRunningError(
                    f"another rebuild (process {process}, since {since}) works in this checkout; "
                    "wait until it has ended, or end it"
                )
            time.sleep(POLL_S)
        file.truncate(0)
        file.write(json.dumps({"process": os.getpid(), "since": f"{dt.datetime.now().astimezone():%H:%M:%S}"}))
        file.flush()
        yield file.fileno()


def _taken(descriptor: int) -> bool:
    # here, so that a system without it can still ask who holds a lock
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def holder(path: Path) -> tuple[int, str]:
    """Give the process that took the lock last, and when; (0, "?") where the file does not say."""
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        return int(record["process"]), str(record["since"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0, "?"


def _alive(process: int) -> bool:
    if process <= 0:
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
