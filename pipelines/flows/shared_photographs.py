"""Show a work tree the photographs of its checkout: as second names of the same files, and never through a link.

Git does not know the photographs, so the work tree has none of its own. What is made there is noted in a list first.
Only what is on the list is ever deleted.
"""

import contextlib
import filecmp
import json
import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from crackflow.atomic import write_text
from crackflow.errors import DataError
from crackflow.sources.places import reject_unsafe, walk
from crackflow.sources.registry import data_source
from pipelines.git import git
from tasks.workspace import Workspace

# In the work tree; paths relative to it.
LIST = Path(".crackflow/photographs.json")
# Nobody's photographs lie there.
_NOT_DATA = {".git", ".dvc", ".crackflow"}


def share(root: Path, tree: Path) -> None:
    """Bring the work tree's copy of `data.path` in line with the checkout's.

    Where the revision reaches `data.path` through a link that leads out of the work tree, its photographs are read
    there and nothing is made. Where the link stays inside, the folder that it names is shared.

    Args:
        root: the checkout.
        tree: its work tree, at the revision that is to be built.

    Raises:
        DataError: when a link in the checkout's folder leads out of it, or something in the work tree is in the way
            that neither git nor an earlier run put there.
        ParamsError: when the params.yaml of the tree can't be used.
    """
    place = data_source(Workspace(tree).params().data, tree).local_path()
    if place is None or place.is_absolute() or ".." in place.parts:
        return
    inside = _resolved(tree, place)
    made = _listed(tree)
    if inside is None or not (root / inside).exists():
        _drop(tree, made)
        _note(tree, ())
        return
    _check_place(root, tree, inside, place)
    reject_unsafe(root / inside)
    known = {Path(name) for name in git(tree, "ls-files", "-z", "--", str(inside)).split("\0") if name}
    # what lies behind a link of the revision is read there
    linked = {path for path in known if (tree / path).is_symlink() and (root / path).is_symlink()}
    wanted = {
        path
        for path in _files_to_share(root, inside) - known
        if (root / path).is_file() and linked.isdisjoint(path.parents)
    }
    for path in _files(tree, inside) - known - made:
        if path not in wanted or not _same(root / path, tree / path):
            raise DataError(
                f"{tree / path} is neither in git nor in the list of what earlier runs put there; expected what git "
                f"knows and what {root / inside} holds; move it away and run again, or where an earlier version of "
                f"crackflow made this work tree, delete {tree} once"
            )
    _check_way(tree, wanted)
    _drop(tree, made - wanted - known)
    # first the list, so that a run that is killed between the two leaves nothing that no list names
    _note(tree, wanted)
    for path in wanted:
        _link(root / path, tree / path)


def _resolved(tree: Path, place: Path) -> Path | None:
    """Where a place in the tree really lies, relative to the tree; None where a link leads out of it."""
    real = Path(os.path.realpath(tree / place))
    if real.is_symlink():
        raise DataError(f"data.path is {place}, a link that leads to itself; expected a folder or a zip file")
    top = Path(os.path.realpath(tree))
    return real.relative_to(top) if real.is_relative_to(top) else None


def _check_place(root: Path, tree: Path, inside: Path, path: Path) -> None:
    around = Path(os.path.realpath(tree)).is_relative_to(os.path.realpath(root / inside))
    if around or not inside.parts or inside.parts[0] in _NOT_DATA:
        raise DataError(f"data.path is {path}, expected a folder or a zip file that holds photographs alone")


def _check_way(tree: Path, paths: Iterable[Path]) -> None:
    """Raise DataError where a file can't be made in the tree, because a link or a folder is in the way."""
    folders = {tree / folder for path in paths for folder in list(path.parents)[:-1]}
    wrong = [one for one in folders if one.is_symlink() or (one.exists() and not one.is_dir())]
    wrong += [tree / path for path in paths if (tree / path).is_dir()]
    if wrong:
        raise DataError(
            f"{min(wrong)} is a folder in the checkout and not in the revision, or the other way round; expected the "
            "same in both; commit what the checkout has"
        )


def _files(top: Path, place: Path) -> set[Path]:
    """Files below a place, relative to `top`; a folder behind a symbolic link is not looked into, as DVC does not."""
    if (top / place).is_file():
        return {place}
    return {Path(folder, name).relative_to(top) for folder, _, names in os.walk(top / place) for name in names}


def _files_to_share(root: Path, place: Path) -> set[Path]:
    """Files below a place, relative to `root`; also those behind links to folders: a set may lie elsewhere."""
    if (root / place).is_file():
        return {place}
    return {(folder / name).relative_to(root) for folder, _, names in walk(root / place) for name in names}


def _same(file: Path, place: Path) -> bool:
    return place.is_file() and (place.samefile(file) or filecmp.cmp(file, place, shallow=False))


def _listed(tree: Path) -> set[Path]:
    try:
        names = json.loads((tree / LIST).read_text(encoding="utf-8"))
        return {Path(name) for name in names if ".." not in Path(name).parts and not Path(name).is_absolute()}
    except (OSError, ValueError, TypeError):
        return set()


def _note(tree: Path, paths: Iterable[Path]) -> None:
    (tree / LIST).parent.mkdir(parents=True, exist_ok=True)
    # ASCII, since a file's name need not be UTF-8
    write_text(tree / LIST, json.dumps(sorted(map(str, paths)), indent=0) + "\n")


def _drop(tree: Path, paths: Iterable[Path]) -> None:
    """Delete what earlier runs made, and the folders that are empty then; nothing that a link leads to."""
    for path in paths:
        parents = [tree / parent for parent in list(path.parents)[:-1]]
        if any(parent.is_symlink() for parent in parents) or (tree / path).is_symlink() or (tree / path).is_dir():
            continue
        (tree / path).unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            for parent in parents:
                parent.rmdir()


def _link(file: Path, place: Path) -> None:
    """A second name of the same file: DVC looks at no folder behind a symbolic link."""
    real = file.resolve()
    if place.exists() and not place.is_symlink() and place.samefile(real):
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    place.unlink(missing_ok=True)
    try:
        place.hardlink_to(real)
    except OSError:
        shutil.copy2(real, place)
