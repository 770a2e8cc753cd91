"""A folder for one run's intermediate files, removed at its end, or by a later run where it was killed."""

import contextlib
import errno
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock, Timeout

PREFIX = ".crackflow-work-"
_LOCK = ".lock"


@contextlib.contextmanager
def work_folder(parent: Path | None = None) -> Iterator[Path]:
    """Make a folder that no other run uses. Folders of runs that were killed are removed first.

    Beside each folder lies a lock file, which the kernel frees whichever way its run ends: that is how a dead run's
    folder is told from a live one's.

    Args:
        parent: where to make it; None for the system's temporary folder, which is cleared in any case.

    Yields:
        The empty folder, for this user alone.

    Raises:
        OSError: when it can't be made.
    """
    temporary = Path(tempfile.gettempdir())
    parent = parent or temporary
    if not parent.is_dir():  # FileLock would try to make it
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(parent))
    for place in {parent, temporary}:
        remove_abandoned(place)
    folder = parent / f"{PREFIX}{secrets.token_hex(8)}"
    lock = FileLock(_lock_of(folder))
    lock.acquire()
    try:
        folder.mkdir(mode=0o700)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        lock.release()
        if not folder.exists():  # otherwise a later run tries again
            _lock_of(folder).unlink(missing_ok=True)


def remove_abandoned(parent: Path) -> None:
    """Remove the work folders in `parent` whose runs are dead; those of live runs and of other users are kept."""
    for path in parent.glob(f"{PREFIX}*{_LOCK}"):
        folder = path.with_name(path.name.removesuffix(_LOCK))
        with contextlib.suppress(OSError, Timeout):
            if _is_of_another_user(path):
                continue
            with FileLock(path, timeout=0):
                if not folder.is_symlink():
                    shutil.rmtree(folder, ignore_errors=True)
            if not folder.exists():
                path.unlink(missing_ok=True)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(folder.name + _LOCK)


def _is_of_another_user(path: Path) -> bool:
    return hasattr(os, "getuid") and path.lstat().st_uid != os.getuid()
