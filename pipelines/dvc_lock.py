"""Mend the one thing of DVC's that a kill or a full disk can leave broken: its list of who reads and writes what.

DVC writes .dvc/tmp/rwlock in place. Killed between emptying it and writing it, it leaves a file that every later
command stops at until somebody deletes it. Entries of dead processes in a whole file DVC drops by itself.
"""

import json
from pathlib import Path


def mend(root: Path) -> bool:
    """Delete the list where it is cut short; nobody can be named in what can't be read.

    Args:
        root: the DVC repository.

    Returns:
        True where it was.
    """
    from dvc.lock import make_lock

    folder = root / ".dvc/tmp"
    path = folder / "rwlock"
    if not path.is_file() or _whole(path):
        return False
    # DVC holds this one while it writes, so what is still cut short under it stays so
    with make_lock(str(folder / "rwlock.lock"), tmp_dir=str(folder), wait=True):
        if _whole(path):
            return False
        path.unlink()
    return True


def _whole(path: Path) -> bool:
    try:
        json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return True
    except ValueError:
        return False
    return True
