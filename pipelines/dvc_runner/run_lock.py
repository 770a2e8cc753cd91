"""One rebuild at a time in a checkout: a lock that the kernel frees when its processes end.

The lock's file lies in git's folder of the checkout, which `make clean` and `git clean` leave alone. A folder that has
to be there is locked as well, so that a run is seen even where the lock's file was deleted.
"""

import contextlib
import datetime as dt
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from crackflow.errors import CrackflowError
from pipelines.git import GitError, git

POLL_S = 0.1
# Of rebuilds in a checkout, and of those in the work tree of its scheduled runs.
NAMES = ("rebuild.lock", "scheduled.lock")
# Where they lie without git, below the checkout's root.
WITHOUT_GIT = Path(".crackflow")
# The work tree of scheduled runs, below the checkout's root.
SCHEDULED = Path(".crackflow/scheduled")


class AlreadyRunningError(CrackflowError):
    """Another rebuild works in this checkout."""


def lock_file(root: Path, *, scheduled: bool = False) -> Path:
    """Where the lock of a checkout lies: in the git folder of this very work tree, or in .crackflow without git.

    Args:
        root: the checkout.
        scheduled: the lock of the runs in the checkout's work tree for scheduled runs.
    """
    folder, prefix = _git_folder(root)
    place = root / WITHOUT_GIT if folder is None else folder / "crackflow" / prefix
    return place / NAMES[scheduled]


@contextlib.contextmanager
def hold(root: Path, patience_s: float, *, scheduled: bool = False) -> Iterator[int]:
    """Hold the lock for the length of a `with` block.

    The stages' processes hold it too (`StageProcesses(hold=...)`), so that a run that was killed and whose last stage
    is still being ended does not meet the next run. That is waited for; a run that is alive is not.

    Args:
        root: the checkout. Its lock file stays, and says who holds the lock.
        patience_s: seconds to wait for the stages of a run that is dead.
        scheduled: the lock of the runs in the checkout's work tree for scheduled runs.

    Yields:
        The descriptor that holds the lock.

    Raises:
        AlreadyRunningError: when a live run holds it, or a dead one's stages still do after `patience_s`.
    """
    path = lock_file(root, scheduled=scheduled)
    deadline = time.monotonic() + patience_s
    with contextlib.ExitStack() as stack:
        while True:
            path.parent.mkdir(parents=True, exist_ok=True)
            file = stack.enter_context(path.open("a+", encoding="utf-8"))
            if _taken(file.fileno()):
                if _is_at(file.fileno(), path):
                    break
                # deleted since it was opened: the next run would lock another file
                continue
            process, since = holder(path)
            if _alive(process) or time.monotonic() > deadline:
                raise AlreadyRunningError(
                    f"another rebuild (process {process}, since {since}) works in this checkout; "
                    "wait until it has ended, or end it"
                )
            file.close()
            time.sleep(POLL_S)
        stack.enter_context(_guarded(root, scheduled=scheduled))
        file.truncate(0)
        file.write(json.dumps({"process": os.getpid(), "since": f"{dt.datetime.now().astimezone():%H:%M:%S}"}))
        file.flush()
        yield file.fileno()


def _git_folder(root: Path) -> tuple[Path | None, str]:
    """Git's own folder for this work tree, and where in the work tree `root` lies; None without git."""
    try:
        # the owner's runs and other users' must meet at one lock, though git would not work for the others
        said = git(root, "-c", "safe.directory=*", "rev-parse", "--absolute-git-dir", "--show-prefix")
    except (GitError, OSError):
        return None, ""
    folder, _, prefix = said.partition("\n")
    return Path(folder), prefix


@contextlib.contextmanager
def _guarded(root: Path, *, scheduled: bool) -> Iterator[None]:
    """Lock a folder as well. It can't be deleted while the checkout is in use, as the lock's file can.

    Raises:
        AlreadyRunningError: when a live run has it, whose file was deleted therefore.
    """
    folder: Path | None = root / ".dvc"
    if scheduled:
        own, prefix = _git_folder(root)
        # several checkouts in one repository share its folder
        folder = None if prefix else own
    if folder is None or not folder.is_dir():
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if not _taken(descriptor):
            raise AlreadyRunningError(
                "another rebuild works in this checkout, and the file of its lock was deleted; wait until it has "
                "ended, or end it"
            )
        yield
    finally:
        os.close(descriptor)


def _taken(descriptor: int) -> bool:
    # here, so that a system without it can still ask who holds a lock
    import fcntl

    # twice: a process that another thread is just starting shares the lock until it becomes another program
    for wait_s in (POLL_S, 0):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(wait_s)
        else:
            return True
    return False


def _is_at(descriptor: int, path: Path) -> bool:
    """Whether a path still names the file that a descriptor has open."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


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
