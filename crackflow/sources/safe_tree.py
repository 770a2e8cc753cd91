"""What may lie below `data.path`: files, folders, links to folders, and links to files in one of these.

DVC waits for ever for a named pipe, and copies what a link to a file leads to into its cache, wherever that lies and
whatever it is.
"""

import os
import stat
from pathlib import Path

from crackflow.errors import DataError
from crackflow.sources.places import walk

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def reject_unsafe(place: Path) -> None:
    """Look at all that lies below a place, without reading it.

    Args:
        place: a folder or a file, or a link to one. Nothing is said where it is absent.

    Raises:
        DataError: at a link to a file that leads nowhere or out of the place and of what links to folders in it lead
            to, or at anything that is neither file nor folder, with the first one's name.
    """
    try:
        kind = _KINDS.get(stat.S_IFMT(place.stat().st_mode))
    except (OSError, ValueError):
        return
    if kind:
        raise DataError(f"{place} is {kind}, expected a folder or a zip file; name another data.path")
    if not place.is_dir():
        return
    # `dvc add` with cache.type symlink puts links to DVC's cache in the place of files
    may_leave = Path(f"{place}.dvc").is_file()
    root = place.resolve()
    tops, links = [root], []
    for folder, folder_links, files in walk(place):
        targets = [Path(os.path.realpath(folder / name)) for name in folder_links]
        # a link to a folder that holds this one is not followed
        tops += [target for target in targets if not root.is_relative_to(target)]
        for name in sorted(files):
            path = folder / name
            mode = path.lstat().st_mode
            if stat.S_ISLNK(mode):
                links.append(path)
            elif not stat.S_ISREG(mode):
                kind = _KINDS.get(stat.S_IFMT(mode), "no file")
                raise DataError(f"{path} is {kind}, expected files and folders; remove it")
    for path in links:
        _check_link(path, tops, may_leave=may_leave)


def _check_link(path: Path, tops: list[Path], *, may_leave: bool) -> None:
    # Path.resolve raises at a link to itself
    target = Path(os.path.realpath(path))
    if not target.exists():
        raise DataError(f"{path} is a link to {target}, which is not there; remove the link")
    if not target.is_file():
        raise DataError(f"{path} is a link to {target}, which is no file; remove the link")
    if not may_leave and not any(target.is_relative_to(top) for top in tops):
        raise DataError(
            f"{path} is a link to {target}, which lies outside {tops[0]}; put the file itself there, or set data.path "
            "to where it lies"
        )
