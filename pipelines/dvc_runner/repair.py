"""Mend what of DVC's own a kill or a full disk can leave broken: its list of who reads and writes what, and dvc.lock.

DVC writes both in place. Killed between emptying and writing one, it leaves a file at which every later command stops
until somebody deletes it. Of the processes that the list names it drops those that have died, but takes any that lives
for the one that is meant: after a restart of the machine that may be a stranger with the same number.
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


def mend(root: Path) -> bool:
    """Delete the list where it is cut short or names strangers, and bring back dvc.lock where that is cut short.

    Nobody can be named in what can't be read. dvc.lock comes back as the last commit has it, or goes: what was built
    since then comes out of DVC's run cache.

    Args:
        root: the DVC repository; no rebuild works there.

    Returns:
        True where there was something to mend.
    """
    # both, and not the first alone
    return any([_mend_list(root / ".dvc/tmp"), _mend_lockfile(root)])


def named(path: Path) -> set[int]:
    """The processes that DVC's list names; nobody where there is none.

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


def stranger(process: int, written: float) -> bool:
    """Whether a process can't have made an entry of that time: it began later, by an id that was given out again.

    One that is DVC by its command is none: a clock that was set forward makes every process seem young.
    """
    try:
        known = psutil.Process(process)
        return known.create_time() > written + 1 and not any("dvc" in word for word in known.cmdline())
    except psutil.Error:
        return False


def _mend_list(folder: Path) -> bool:
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
        processes = named(path)
        written = path.stat().st_mtime
    except FileNotFoundError:
        return True
    except (ValueError, TypeError, KeyError, AttributeError):
        return False
    living = [number for number in processes if psutil.pid_exists(number)]
    # with one that is meant among them, DVC stops with reason
    return not living or not all(stranger(number, written) for number in living)


def _mend_lockfile(root: Path) -> bool:
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
