"""Which photographs a user means: files, folders, patterns, zips, and a list on standard input."""

import glob
import os
import stat
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from crackflow.errors import DataError
from crackflow.imaging.heif import EXTENSIONS as HEIF
from crackflow.inference.nothing_there import no_such, none_in
from crackflow.inference.photographs import Photograph
from crackflow.params import ArchiveParams
from crackflow.sources.archive import unpack
from crackflow.sources.layouts import is_image, portable_key, shown

LISTED = "-"
_ZIP = ".zip"
# Results add an extension and, while they are written, a few more characters; 255 bytes is what disks take.
_LONGEST_PART = 200


class NothingFoundError(DataError):
    """What is given is there, and holds no photograph."""


class Found(NamedTuple):
    """What a user's words lead to."""

    photos: tuple[Photograph, ...]
    skipped: tuple[str, ...]
    """why each file that was meant is left out, in one line"""
    passed_over: int
    """files of other kinds in the folders and zips, and folders in folders that are not looked into"""
    places: tuple[Path, ...]
    """files and folders of the user that are read; one file of each folder where files are given alone"""


Permit = Callable[[Path], None]
"""Is called with each file and folder before anything is asked of it, and raises where it may not be read."""


def everything(_: Path) -> None:
    """Permit all paths."""


class _Gathered:
    """What is found so far."""

    def __init__(self, permit: Permit) -> None:
        self.permit = permit
        self.alone: dict[Path, None] = {}
        self.trees: list[tuple[Path, str, list[Path]]] = []
        self.skipped: list[str] = []
        self.places: dict[Path, Path] = {}
        self.passed_over = 0
        self.folders = 0


def find(
    given: Sequence[str],
    *,
    work: Path | None = None,
    recursive: bool = False,
    listed: bytes = b"",
    limits: ArchiveParams | None = None,
    permit: Permit = everything,
) -> Found:
    """Find photographs.

    Results of a folder's or zip's photographs are called as the photographs in it, below a name of the folder's where
    several are given. Those of a file given alone are called as the file; where two would be called alike, the name of
    their folders comes first.

    Args:
        given: files, folders, zips, patterns such as "road/*.jpg" (`**` for folders at any depth), or "-".
        work: an empty folder that zips are unpacked into; without it there may be none.
        recursive: look into folders in folders as well. Hidden ones are passed over, links to folders not followed.
        listed: what came on standard input, for "-": paths, one a line, or each ended by a NUL.
        limits: for zips.
        permit: as Permit has it; also gets each folder that a pattern leads into. What it raises is raised. What lies
            in a zip is not asked for.

    Returns:
        The photographs, those of a folder sorted by name.

    Raises:
        NothingFoundError: when there is none.
        DataError: when something given is not there, a zip can't be unpacked safely, or two photographs
            would write the same results.
    """
    found = _Gathered(permit)
    for text in given:
        if text == LISTED:
            _add_listed(found, listed, recursive)
        # a folder may be called [a]
        elif glob.has_magic(text) and not os.path.lexists(text):
            _add_matches(found, text)
        else:
            permit(Path(text))
            if Path(text).suffix.lower() == _ZIP and Path(text).is_file():
                _add_zip(found, Path(text), work, limits or ArchiveParams())
            elif _exists(Path(text)):
                _add(found, Path(text), recursive=recursive)
            else:
                raise DataError(no_such(text, look_around=permit is everything))
    photos: list[Photograph] = []
    for photo in _named(found):
        if reason := _why_not(photo):
            found.skipped.append(reason)
        else:
            photos.append(photo)
    if not photos:
        raise NothingFoundError(none_in(given, found.folders, found.skipped))
    _reject_same_names(photos)
    return Found(tuple(photos), tuple(found.skipped), found.passed_over, tuple(found.places.values()))


def names_in(listed: bytes) -> list[str]:
    """Split a list of paths at its NULs, or where it has none, at its line ends; empty ones are left out."""
    parts = listed.split(b"\0") if b"\0" in listed else [line.removesuffix(b"\r") for line in listed.split(b"\n")]
    return [os.fsdecode(part) for part in parts if part]


def _add_listed(found: _Gathered, listed: bytes, recursive: bool) -> None:
    names = names_in(listed)
    if not names:
        raise DataError("the list on standard input is empty; expected paths, one a line or each ended by a NUL")
    for name in names:
        found.permit(Path(name))
        if "\0" in name or not _exists(Path(name)):
            found.skipped.append(f"{shown(name)} is not there; it was on the list of standard input")
        else:
            _add(found, Path(name), recursive=recursive)


def _add_matches(found: _Gathered, pattern: str) -> None:
    """Add the photographs that fit a pattern; folders and files of other kinds are passed over."""
    _permit_folders(found.permit, pattern)
    matches = _fitting(pattern)
    if not matches:
        raise DataError(f"no file fits {shown(pattern)}; expected a pattern that fits photographs")
    for path in map(Path, matches):
        photo = is_photo(path.name)
        # what is passed over is looked at by its name alone, in a folder that may be read
        found.permit(path if photo else path.parent)
        if photo and not path.is_dir():
            _add(found, path, recursive=False)
        else:
            found.passed_over += 1


def _permit_folders(permit: Permit, pattern: str) -> None:
    """Ask for each folder that a pattern leads into: whether any file fits tells something of what lies there.

    Raises:
        DataError: when the pattern climbs out of what a wildcard fits.
    """
    parts = Path(pattern).parts
    first = next(number for number, part in enumerate(parts) if glob.has_magic(part))
    if ".." in parts[first:]:
        raise DataError(f"{shown(pattern)} has .. after a wildcard; write the path without it")
    permit(Path(*parts[:first]))
    if permit is everything:
        return
    for end in range(first + 1, len(parts)):
        for folder in _fitting(f"{Path(*parts[:end])}{os.sep}"):
            permit(Path(folder))


def _fitting(pattern: str) -> list[str]:
    return sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207, which takes no absolute pattern


def _add(found: _Gathered, path: Path, *, recursive: bool) -> None:
    """Add a folder, or a file whatever its extension."""
    if path.is_dir():
        _add_folder(found, path, path.resolve().name, recursive=recursive)
    elif kind := _kind(path):
        found.skipped.append(f"{shown(path.name)} is {kind}, expected a file")
    else:
        found.alone[path] = None
        found.places.setdefault(path.parent, path)


def _add_folder(found: _Gathered, folder: Path, label: str, *, recursive: bool, own: bool = True) -> None:
    files = []
    for path, is_folder in _within(found, folder, recursive):
        if is_folder or not is_photo(path.name):
            found.passed_over += 1
            found.folders += is_folder
            continue
        if own:
            found.permit(path)
        if kind := _kind(path):
            found.skipped.append(f"{shown(path.name)} is {kind}, expected a file")
        else:
            files.append(path)
    found.trees.append((folder, label, files))
    if own:
        found.places[folder] = folder


def _add_zip(found: _Gathered, archive: Path, work: Path | None, limits: ArchiveParams) -> None:
    if work is None:
        raise ValueError("a zip is given and no folder to unpack it into")
    target = work / str(len(found.trees))
    for left_out in unpack(archive, target, limits):
        if is_photo(PurePosixPath(left_out.name).name):
            found.skipped.append(f"{shown(left_out.name)} in {shown(archive.name)} {left_out.reason}")
        else:
            found.passed_over += 1
    found.places[archive] = archive
    _add_folder(found, target, archive.stem, recursive=True, own=False)


def is_photo(name: str) -> bool:
    """Whether a file's name is that of a photograph; HEIC is none that pairs are trained on."""
    return is_image(name) or (not name.startswith(".") and name.lower().endswith(HEIF))


def _within(found: _Gathered, folder: Path, recursive: bool) -> Iterator[tuple[Path, bool]]:
    """Each entry of a folder that is not hidden, sorted; whether it is a folder that is not looked into.

    A folder in it that can't be read is skipped.
    """
    for path, is_folder in _entries(folder):
        if not is_folder:
            yield path, False
        elif recursive and not path.is_symlink():
            try:
                # before anything in it is given
                entries = [*_within(found, path, recursive)]
            except OSError as error:
                found.skipped.append(f"the folder {shown(str(path))} can't be read: {error.strerror}")
            else:
                yield from entries
        else:
            yield path, True


def _entries(folder: Path) -> list[tuple[Path, bool]]:
    """Each entry that is not hidden, sorted, and whether it is a folder.

    Raises:
        OSError: when that can't be read.
    """
    return [(path, path.is_dir()) for path in sorted(folder.iterdir()) if not path.name.startswith(".")]


def _named(found: _Gathered) -> Iterator[Photograph]:
    stems = Counter(portable_key(path.stem) for path in found.alone)
    for path in found.alone:
        above = f"{path.resolve().parent.name}/" if stems[portable_key(path.stem)] > 1 else ""
        yield Photograph(path, f"{above}{path.stem}", f"{above}{path.name}")
    for folder, label, files in found.trees:
        above = f"{label}/" if len(found.trees) > 1 else ""
        for path in files:
            below = PurePosixPath(path.relative_to(folder).as_posix())
            yield Photograph(path, f"{above}{below.with_name(below.stem)}", f"{above}{below}")


def _why_not(photo: Photograph) -> str:
    """Say why a photograph's name can't be that of results; empty when it can."""
    for part in PurePosixPath(photo.name).parts:
        if not part.isprintable() or "\\" in part:
            return f"{shown(photo.shown)} has a name with line breaks, backslashes or bytes that are no text; rename it"
        if len(part.encode()) > _LONGEST_PART:
            return f"{shown(photo.shown)} has a name of more than {_LONGEST_PART} bytes; shorten it"
    return ""


def _reject_same_names(photos: Sequence[Photograph]) -> None:
    seen: dict[str, Photograph] = {}
    for photo in photos:
        if other := seen.get(portable_key(photo.name)):
            raise DataError(f"{other.path} and {photo.path} would write the same mask; rename one of them")
        seen[portable_key(photo.name)] = photo


def _exists(path: Path) -> bool:
    """Whether there is something; a name that no disk can hold is not there."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _kind(path: Path) -> str:
    """What is not a regular file; empty for one. Reading a pipe or device could wait for ever."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return f"not to be had ({error.strerror})"
    kinds = {stat.S_ISFIFO: "a pipe", stat.S_ISCHR: "a device", stat.S_ISBLK: "a device", stat.S_ISSOCK: "a socket"}
    return "" if stat.S_ISREG(mode) else next((name for is_one, name in kinds.items() if is_one(mode)), "no file")
