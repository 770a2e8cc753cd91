"""Repair two files of DVC's that a kill or a full disk can damage: its list of running commands, and dvc.lock.

DVC writes both in place. When it is killed between emptying and writing one, a damaged file is left. Every later
command stops at it until it is deleted. DVC drops the entries of processes that have ended. But after a restart of the
machine another process may have the same id, and DVC takes it for the one in the list.
"""

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped] # it ships no types
import yaml

from crackflow.atomic import write_text
from pipelines.git import shown

LOCKFILE = "dvc.lock"


def repair_dvc_files(root: Path) -> bool:
    """Delete the list where it is damaged or names the wrong processes, and restore dvc.lock where it is damaged.

    dvc.lock is restored from the last commit, or deleted where that has none. What was built since then comes out of
    DVC's run cache.

    Args:
        root: the DVC repository; no rebuild works there.

    Returns:
        True where something was repaired.
    """
    # both, and not the first alone
    return any([_repair_list(root / ".dvc/tmp"), _repair_lockfile(root)])


def named_processes(path: Path) -> set[int]:
    """Give the ids of the processes that DVC's list names; none where there is no list.

    Raises:
        ValueError, TypeError, KeyError, AttributeError: when it is no such list.
    """
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return set()
    writers: Iterable[Any] = held.get("write", {}).values()
    readers = [one for some in held.get("read", {}).values() for one in some]
    return {int(one["pid"]) for one in (*writers, *readers)}


def is_reused_id(process: int, written: float) -> bool:
    """Whether a process began after an entry was written, so that its id was used again.

    A process whose command names DVC is never taken for such a one: after the clock was set forward, every process
    seems to have begun later.
    """
    try:
        known = psutil.Process(process)
        return known.create_time() > written + 1 and not any("dvc" in word for word in known.cmdline())
    except psutil.Error:
        return False


def _repair_list(folder: Path) -> bool:
    from dvc.lock import make_lock

    path = folder / "rwlock"
    if not path.is_file() or _usable(path):
        return False
    # DVC holds this one while it writes, so what is still cut short under it stays so
    with make_lock(str(folder / "rwlock.lock"), tmp_dir=str(folder), wait=True):
        if _usable(path):
            return False
        path.unlink()
    return True


def _usable(path: Path) -> bool:
    try:
        processes = named_processes(path)
        written = path.stat().st_mtime
    except FileNotFoundError:
        return True
    except (ValueError, TypeError, KeyError, AttributeError):
        return False
    living = [number for number in processes if psutil.pid_exists(number)]
    # with one that is meant among them, DVC stops with reason
    return not living or not all(is_reused_id(number, written) for number in living)


def _repair_lockfile(root: Path) -> bool:
    path = root / LOCKFILE
    if not path.exists() or _is_lockfile(path.read_text(encoding="utf-8", errors="replace")):
        return False
    committed = shown(root, "HEAD", LOCKFILE)
    if committed is not None and _is_lockfile(committed):
        write_text(path, f"{committed}\n")
    else:
        path.unlink()
    return True


def _is_lockfile(text: str) -> bool:
    from dvc.schema import COMPILED_LOCKFILE_SCHEMA
    from voluptuous import Invalid

    with contextlib.suppress(yaml.YAMLError, Invalid):
        COMPILED_LOCKFILE_SCHEMA(yaml.safe_load(text))
        return True
    return False
