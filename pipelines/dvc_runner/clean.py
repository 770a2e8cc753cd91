"""`python -m pipelines.dvc_runner.clean`, which `make clean` runs: remove what runs and `make docs` made here.

DVC's cache stays, and so does the champion of scheduled runs. Nothing is removed while a run is on.
"""

import contextlib
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped] # it ships no types

from crackflow.errors import CrackflowError
from pipelines.dvc_runner import repair, run_lock
from tasks.endings import os_error_line, say_error
from tasks.outputs import remove

MADE = (
    "data/raw",
    "data/raw.json",
    "data/resized",
    "data/resized.csv",
    "data/split.csv",
    "data/split.json",
    "models",
    "predictions",
    # of make docs: the site, and what it is built with
    "site",
    ".venv-docs",
)
# git has these, or what stands in them
KEPT = {
    run_lock.WITHOUT_GIT: {run_lock.SCHEDULED.name, *run_lock.NAMES},
    Path("reports"): {"evaluation.csv", ".gitignore"},
}


def clean(root: Path) -> None:
    """Remove what runs and `make docs` made in a checkout.

    Args:
        root: the checkout.

    Raises:
        AlreadyRunningError: when a rebuild, a scheduled run or a DVC command works there.
        OSError: when something can't be removed.
    """
    with run_lock.hold(root, 0), run_lock.hold(root, 0, scheduled=True):
        if working := _dvc_commands(root):
            raise run_lock.AlreadyRunningError(
                f"a DVC command (process {working[0]}) works in this checkout; wait until it has ended, or end it"
            )
        for name in MADE:
            remove(root / name)
        for folder, kept in KEPT.items():
            if (root / folder).is_dir():
                for path in (root / folder).iterdir():
                    if path.name not in kept:
                        remove(path)


def _dvc_commands(root: Path) -> list[int]:
    """Running processes that DVC's list names; none where the list can't be read."""
    path = root / ".dvc/tmp/rwlock"
    with contextlib.suppress(OSError, ValueError, TypeError, KeyError, AttributeError):
        written = path.stat().st_mtime
        return [
            one
            for one in repair.named_processes(path)
            if psutil.pid_exists(one) and not repair.is_reused_id(one, written)
        ]
    return []


def main() -> int:
    """Clean the current directory; 0 when that is done, else another exit code and one line."""
    root = Path.cwd()
    try:
        clean(root)
    except CrackflowError as error:
        say_error(str(error))
        return error.exit_code
    except OSError as error:
        say_error(os_error_line(error, root))
        return CrackflowError.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
