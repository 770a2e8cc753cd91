"""Where images and masks lie in a folder: the layouts that crackflow.sources.folder describes."""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from crackflow.errors import DataError
from crackflow.sources.layouts import (
    IMAGE_FOLDERS,
    MASK_ENDINGS,
    MASK_FOLDERS,
    SUBSET_FOLDERS,
    folder_word,
    is_image,
)
from crackflow.sources.pairing import Matched, match_folders, match_together


@dataclass(frozen=True)
class Place:
    """A folder of images and one of masks, or one folder with both; `given` is the subset that it stands for."""

    given: str
    images: Path
    masks: Path | None

    def match(self, root: Path) -> Matched:
        """Pair the files of this place; paths in reasons are relative to `root`."""
        images = _files(self.images)
        return match_together(images, root) if self.masks is None else match_folders(images, _files(self.masks), root)


def find_places(root: Path, depth: int = 2) -> list[Place]:
    """Find where images and masks lie.

    Args:
        root: a folder.
        depth: how many folders deeper to look, each the only sub-folder of the one above.

    Returns:
        The places; those that stand for a subset come first. Empty when the folder has none of the layouts.

    Raises:
        DataError: when two folders could be the images or the masks.
        OSError: when a folder can't be read.
    """
    folders = _folders(root)
    places = [place for given, folder in _subsets(folders) for place in _place(given, folder)]
    places += [*_called_by_both(folders), *_place("", root)]
    if not places and len(folders) == 1 and depth:
        return find_places(folders[0], depth - 1)
    return places


def walk(top: Path) -> Iterator[tuple[Path, list[str], list[str]]]:
    """Walk through a folder, and through what links to folders in it lead to.

    Args:
        top: a folder.

    Yields:
        Each folder, with the names of the links to folders and of the files in it. A link to a folder that was walked
        before, or that holds `top`, is named and not followed.
    """
    root, seen = os.path.realpath(top), set[str]()
    for folder, folders, files in os.walk(top, followlinks=True):
        here = Path(folder)
        seen.add(os.path.realpath(here))
        links = {name: os.path.realpath(here / name) for name in folders if (here / name).is_symlink()}
        folders[:] = [
            name
            for name in folders
            if name not in links or not (links[name] in seen or Path(root).is_relative_to(links[name]))
        ]
        yield here, list(links), files


def _place(given: str, folder: Path) -> list[Place]:
    images, masks = _only(folder, IMAGE_FOLDERS), _only(folder, MASK_FOLDERS)
    if images is None or masks is None:
        # a few images beside other folders are not a layout
        return [Place(given, folder, None)] if match_together(_files(folder), folder).pairs else []
    if given:
        return [Place(given, images, masks)]
    inner = [
        Place(subset, below, other)
        for subset, below in _subsets(_folders(images))
        for _, other in _subsets(_folders(masks))
        if folder_word(below.name) == folder_word(other.name)
    ]
    return [*inner, Place("", images, masks)] if _has_images(images) or not inner else inner


def _called_by_both(folders: Iterable[Path]) -> list[Place]:
    """Find pairs of folders that are called by subset and kind: train_img/ and train_lab/."""
    images: dict[str, Path] = {}
    masks: dict[str, Path] = {}
    for folder in folders:
        first, _, last = folder_word(folder.name).partition("_")
        for subset, kind in ((first, last), (last, first)):
            if subset in SUBSET_FOLDERS and kind in IMAGE_FOLDERS:
                images.setdefault(SUBSET_FOLDERS[subset], folder)
            elif subset in SUBSET_FOLDERS and kind in MASK_ENDINGS:
                masks.setdefault(SUBSET_FOLDERS[subset], folder)
    subsets = dict.fromkeys(SUBSET_FOLDERS.values())
    return [Place(one, images[one], masks[one]) for one in subsets if one in images and one in masks]


def _subsets(folders: Iterable[Path]) -> list[tuple[str, Path]]:
    order = list(SUBSET_FOLDERS)
    found = [folder for folder in folders if folder_word(folder.name) in SUBSET_FOLDERS]
    found.sort(key=lambda folder: order.index(folder_word(folder.name)))
    return [(SUBSET_FOLDERS[folder_word(folder.name)], folder) for folder in found]


def _only(folder: Path, words: frozenset[str]) -> Path | None:
    """Return the sub-folder with one of these names. If there are several, the one that holds images.

    Raises:
        DataError: when several hold images.
    """
    found = [path for path in _folders(folder) if folder_word(path.name) in words]
    if len(found) > 1:
        found = [path for path in found if _has_images(path)] or found[:1]
    if len(found) > 1:
        names = " and ".join(path.name for path in found)
        raise DataError(
            f"{folder} holds {names}, expected one of them; keep one, or set data.path to a copy that has one"
        )
    return found[0] if found else None


def _folders(root: Path) -> list[Path]:
    """List the sub-folders, without hidden ones and those with OS metadata files."""
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith((".", "__MACOSX")))


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_file()]


def _has_images(folder: Path) -> bool:
    return any(is_image(path.name) and path.is_file() for path in folder.iterdir())


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
