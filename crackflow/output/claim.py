"""Take an output folder for one run, alone, where it does not overlap what the run reads."""

import contextlib
import os
from collections.abc import Collection, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from crackflow.errors import DataError
from crackflow.output.folder import LOCK, OutputFolder


class InUseError(DataError):
    """Another run writes to the folder."""


@contextlib.contextmanager
def claim(
    path: Path, inputs: Path, names: Collection[str], *, command: str, force: bool = False
) -> Iterator[OutputFolder]:
    """Take a folder for one run, alone.

    Args:
        path: the folder, which may be absent. Where this run writes nothing into it, it is left as it was.
        inputs: the file or folder that the run reads.
        names: every file that it may write, as far as known yet.
        command: which one runs.
        force: write into a folder that holds files of the user, and replace those of the names above.

    Yields:
        The folder, checked. `begin` comes before the first `write`, `finish` after the last.

    Raises:
        InUseError: when another run has it.
        DataError: when it is within `inputs` or `inputs` within it, or as
            `OutputFolder.check`.
        OSError: when it can't be made.
    """
    reject_overlap(path, inputs, command)
    if os.path.lexists(path) and not path.is_dir():
        raise DataError(f"{path} is no folder; name another --out")
    folder = OutputFolder(path, command, force=force)
    folder.check(names)
    made = _make(path)
    try:
        lock = FileLock(path / LOCK, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            raise InUseError(f"another run writes to {path}; wait until it has ended, or name another --out") from None
        try:
            folder.check(names)
            yield folder
        finally:
            folder.close()
            with contextlib.suppress(OSError):  # while it is held, so that no other run holds a file without a name
                (path / LOCK).unlink()
            lock.release()
    finally:
        for one in made:
            with contextlib.suppress(OSError):  # it holds results
                one.rmdir()


def reject_overlap(out: Path, inputs: Path, command: str) -> None:
    """Reject an output folder that is the input, lies in it, or holds it.

    Raises:
        DataError: with another name to use.
    """
    holds, lies_in = _within(inputs, out), _within(out, inputs)
    if not holds and not lies_in:
        return
    how = "is" if holds and lies_in else "holds" if holds else "lies in"
    other = str(_beside(out if holds else inputs, command))
    # to be copied as it stands
    other = f'"{other}"' if " " in other else other
    raise DataError(f"--out {out} {how} the input {inputs}; expected a folder apart from it; try --out {other}")


def _within(path: Path, folder: Path) -> bool:
    """Whether `path` is `folder` or lies below it, whichever names and links lead there."""
    # unlike Path.resolve it says nothing of links that lead to themselves, which are no folder
    path = Path(os.path.realpath(path))
    return folder.exists() and any(one.exists() and one.samefile(folder) for one in (path, *path.parents))


def _beside(folder: Path, command: str) -> Path:
    folder = folder.resolve()
    names = (f"{folder.name or 'crackflow'}-{command}{number}" for number in ("", *(f"-{n}" for n in range(2, 1000))))
    found = next(folder.parent / name for name in names if not os.path.lexists(folder.parent / name))
    with contextlib.suppress(ValueError):
        return found.relative_to(Path.cwd())
    return found


def _make(path: Path) -> list[Path]:
    """Make a folder and those above it; the ones made, innermost first."""
    missing = [one for one in (path, *path.parents) if not one.exists()]
    path.mkdir(parents=True, exist_ok=True)
    return missing
