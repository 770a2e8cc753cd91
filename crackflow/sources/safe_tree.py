"""What may lie below `data.path`: files and folders, and links that stay inside.

DVC waits for ever for a named pipe, does not look into a folder behind a link, and copies a file behind a link into its
cache, wherever it lies.
"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from crackflow.errors import DataError

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def reject_unsafe(place: Path) -> None:
    """Look at all that lies below a place, without reading or following it.

    Args:
        place: a folder or a file, or a link to one. Nothing is said where it is absent.

    Raises:
        DataError: at a link that leads out of the place or nowhere, a link to a folder, or anything that is neither
            file nor folder, with the first one's name.
    """
    try:
        kind = _KINDS.get(stat.S_IFMT(place.stat().st_mode))
    except (OSError, ValueError):
        return
    if kind:
        raise DataError(f"{place} is {kind}, expected a folder or a zip file; name another data.path")
    if not place.is_dir():
        return
    top = os.path.realpath(place)
    # `dvc add` with cache.type symlink puts links to DVC's cache in the place of files
    is_of_dvc = Path(f"{place}.dvc").is_file()
    for entry in _entries(top):
        shown = place / os.path.relpath(entry.path, top)
        if entry.is_symlink():
            _check_link(entry, shown, top, may_leave=is_of_dvc)
        elif not entry.is_file() and not entry.is_dir():
            kind = _KINDS.get(stat.S_IFMT(entry.stat(follow_symlinks=False).st_mode), "no file")
            raise DataError(f"{shown} is {kind}, expected files and folders; remove it")


def _entries(folder: str) -> Iterator[os.DirEntry[str]]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    for entry in entries:
        yield entry
        if entry.is_dir(follow_symlinks=False):
            yield from _entries(entry.path)


def _check_link(entry: os.DirEntry[str], shown: Path, top: str, *, may_leave: bool) -> None:
    target = Path(entry.path).resolve()
    if not target.exists():
        raise DataError(f"{shown} is a link to {target}, which is not there; remove the link")
    if target.is_dir():
        raise DataError(
            f"{shown} is a link to the folder {target}, in which no change would be seen; put the folder itself there, "
            "or set data.path to where it lies"
        )
    if not (may_leave or target.is_relative_to(top)):
        raise DataError(
            f"{shown} is a link to {target}, which lies outside {top}; put the file itself there, or set data.path to "
            "where it lies"
        )
