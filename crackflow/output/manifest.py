"""What a command wrote into a folder, and with what: crackflow-manifest.json.

While the command runs, the files are listed in a journal beside it, a line each and before the file itself appears. So
after a kill, too, every file of ours is known by its checksum.
"""

import hashlib
import importlib.metadata
import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, NonNegativeInt, ValidationError

from crackflow.atomic import write_text
from crackflow.errors import DataError

NAME = "crackflow-manifest.json"
JOURNAL = ".crackflow-manifest.journal"
FORMAT = 1
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def _below(name: str) -> str:
    """Reject a path that could lead out of the folder."""
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or str(path) != name or "\\" in name:
        raise ValueError("expected a path below the folder, such as masks/a.png")
    return name


class _Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class WrittenFile(_Strict):
    """One file.

    Attributes:
        path: below the folder, with forward slashes.
        bytes: its size.
        sha256: its checksum.
        source: checksums of what it was made from, as `source_of` gives them; None where nobody asks.
    """

    path: Annotated[str, AfterValidator(_below)]
    bytes: NonNegativeInt
    sha256: Sha256
    source: tuple[Sha256, ...] | None = None


class Manifest(_Strict):
    """What crackflow-manifest.json holds.

    Attributes:
        format: version of this layout.
        command: what wrote the folder, "predict" or "score".
        version: of crackflow.
        model_sha256: of the model file.
        options: what else the content follows from, such as the operating point.
        state: "writing" until all files are there; then "done".
        files: in the order in which they were written.
        kept: files of earlier runs that this one left as they were. What they were made with is no longer known.
    """

    format: Annotated[int, Field(ge=FORMAT, le=FORMAT)]
    command: str
    version: str
    model_sha256: Sha256
    options: dict[str, JsonValue]
    state: Literal["writing", "done"] = "writing"
    files: tuple[WrittenFile, ...] = ()
    kept: tuple[WrittenFile, ...] = ()


def version() -> str:
    """Give the version of crackflow, "unknown" where it is not installed."""
    try:
        return importlib.metadata.version("crackflow")
    except importlib.metadata.PackageNotFoundError:
        return "unknown"


def read_manifest(folder: Path) -> Manifest | None:
    """Read the manifest of a folder, with what its journal adds.

    Returns:
        The manifest; None where there is none.

    Raises:
        DataError: when it is none of ours, damaged, or written by a later version.
        OSError: when it can't be read.
    """
    path = folder / NAME
    if not os.path.lexists(path):
        return None
    if path.is_symlink() or not path.is_file():
        raise DataError(f"{path} is no regular file, expected the list of what crackflow wrote")
    try:
        manifest = Manifest.model_validate_json(path.read_bytes())
        files = {one.path: one for one in (*manifest.files, *_journal(folder))}
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"{path} is not what crackflow writes ({where or 'content'}: {first['msg']})") from None
    return manifest.model_copy(update={"files": tuple(files.values())})


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Write the manifest of a folder, whole or not at all."""
    write_text(folder / NAME, manifest.model_dump_json(indent=1, exclude_none=True) + "\n")


def describe(name: str, content: bytes, source: tuple[str, ...] | None = None) -> WrittenFile:
    """Give the entry of a file with this content."""
    return WrittenFile(path=name, bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), source=source)


def source_of(*paths: Path) -> tuple[str, ...]:
    """Give checksums that tell an input again: of where it lies, and of its content where it consists of files.

    Args:
        paths: files, or a folder.

    Raises:
        OSError: when a file can't be read.
    """
    return (_place(paths), *([_content(paths)] if all(path.is_file() for path in paths) else []))


def is_made_from(entry: WrittenFile, paths: Sequence[Path]) -> bool:
    """Whether a file was made from this input: it lies at the same place, or has the same content elsewhere.

    Where the entry does not say, or the input is gone or can't be read, it is taken to be the same.
    """
    if entry.source is None or _place(paths) in entry.source or not all(path.exists() for path in paths):
        return True
    try:
        return bool({*source_of(*paths)} & {*entry.source})
    except OSError:
        return True


def _place(paths: Sequence[Path]) -> str:
    return hashlib.sha256(b"\0".join(os.fsencode(path.resolve()) for path in paths)).hexdigest()


def _content(paths: Sequence[Path]) -> str:
    found = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            found.update(hashlib.file_digest(file, "sha256").digest())
    return found.hexdigest()


def unchanged(folder: Path, entry: WrittenFile) -> bool:
    """Whether a file is still as it was written: a regular file that no link leads to, of the same bytes."""
    path = folder / entry.path
    if leads_through_link(folder, entry.path) or path.is_symlink() or not path.is_file():
        return False
    if path.stat().st_size != entry.bytes:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == entry.sha256


def leads_through_link(folder: Path, name: str) -> Path | None:
    """Give the first folder between `folder` and the file that is a link; None where there is none."""
    parents = list(PurePosixPath(name).parents)[:-1]
    return next((folder / one for one in reversed(parents) if (folder / one).is_symlink()), None)


def _journal(folder: Path) -> list[WrittenFile]:
    path = folder / JOURNAL
    if path.is_symlink() or not path.is_file():
        return []
    # a kill can leave the last line in part; its file was then not yet there
    lines = path.read_bytes().split(b"\n")[:-1]
    return [WrittenFile.model_validate_json(line) for line in lines]
