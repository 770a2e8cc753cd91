"""Several sets in one folder: each is a folder in one of the layouts, a link to such a folder, or a zip of one.

A folder that has one of the layouts itself is one set, whatever lies beside its images and masks.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from crackflow.errors import DataError
from crackflow.params import ArchiveParams
from crackflow.sources.archive import ARCHIVES, unpack
from crackflow.sources.folder import LAYOUTS, contents
from crackflow.sources.layouts import IMAGE_FOLDERS, MASK_FOLDERS, folder_word, portable_key, shown
from crackflow.sources.places import find_places
from crackflow.sources.source import PairSet


def find_sets(root: Path, depth: int = 2) -> tuple[Path, ...]:
    """Find the sets that a folder holds.

    Args:
        root: a folder.
        depth: how many folders deeper to look, each the only sub-folder of the one above.

    Returns:
        The folder, link or zip of each, sorted by name. Empty when the folder is one set itself or holds none.

    Raises:
        DataError: when a link leads nowhere; when a folder or an archive beside the sets is none; when two sets have
            the same name or are the same folder; when a folder can't be read.
    """
    try:
        return _find(root, depth) if root.is_dir() else ()
    except OSError as error:
        raise DataError(f"{error.filename} can't be read ({error.strerror}); make it readable") from None


def fetch_set(path: Path, work: Path, limits: ArchiveParams) -> PairSet:
    """Give one set as it is, or unpack it.

    Args:
        path: the folder, link or zip, as `find_sets` gave it.
        work: a zip is unpacked to `work`/sets/NAME.
        limits: how much it may unpack to.

    Raises:
        DataError: when a zip can't be unpacked.
    """
    name = set_name(path)
    link = shown(str(path.readlink())) if path.is_symlink() else None
    if path.is_dir():
        return PairSet(name, path, path.name, link)
    folder = work / "sets" / name
    return PairSet(name, folder, path.name, link, unpack(path, folder, limits))


def set_name(path: Path) -> str:
    """Give the name of the set that a folder, link or zip holds: `walls` for walls/ and for walls.zip."""
    name = shown(path.name)
    return name[: -len(".zip")] if path.is_file() else name


def _find(root: Path, depth: int) -> tuple[Path, ...]:
    if find_places(root, depth=0):
        return ()
    entries = sorted(path for path in root.iterdir() if not path.name.startswith((".", "__MACOSX")))
    for path in entries:
        if path.is_symlink() and not path.exists():
            raise DataError(
                f"{path} is a link to {shown(str(path.readlink()))}, which is not there; mount it, or remove the link"
            )
    folders = [path for path in entries if path.is_dir()]
    zips = [path for path in entries if path.is_file() and path.name.lower().endswith(".zip")]
    if len(folders) == 1 and not zips:
        return _find(folders[0], depth - 1) if depth else ()
    # images/ without masks/ is one set that lacks something
    halves = any(folder_word(folder.name) in IMAGE_FOLDERS | MASK_FOLDERS for folder in folders)
    empty = [folder for folder in folders if not find_places(folder)]
    if halves or len(empty) == len(folders) + len(zips):
        return ()
    for folder in empty:
        raise DataError(f"{folder} holds {contents(folder)}; {LAYOUTS}, as the sets beside it: move it elsewhere")
    for path in entries:
        if path not in zips and path.is_file() and path.name.lower().endswith(ARCHIVES):
            raise DataError(f"{path} is an archive that is not unpacked; unpack it into a folder beside the sets")
    found = tuple(sorted([*folders, *zips]))
    _check_apart(found)
    return found


def _check_apart(found: Sequence[Path]) -> None:
    """Raise DataError where two sets have one name, or are one folder, whose photographs would count twice."""
    names: dict[str, Path] = {}
    places: dict[str, Path] = {}
    for path in found:
        other = names.setdefault(portable_key(set_name(path)), path)
        if other != path:
            raise DataError(
                f"{path.parent} holds {other.name} and {path.name}, expected sets whose names differ in more than case "
                "or accents; rename or remove one"
            )
        real = os.path.realpath(path)
        other = places.setdefault(real, path)
        if other != path:
            raise DataError(f"{other} and {path} are the same {real}, expected different sets; remove one")
