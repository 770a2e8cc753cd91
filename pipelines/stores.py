"""Photographs of a store: on S3, on Google Cloud Storage or on a web server, fetched by fsspec.

They are fetched into a folder of the run before any is read, and deleted with it. Only addresses that the user names on
the command line are followed: none on a list, in a zip, or among the parameters of a run that a server starts. An
address may hold secrets behind its `?`, and so may the errors of libraries: neither is shown.
"""

import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

from crackflow.errors import DataError
from crackflow.inference.inputs import is_photo
from crackflow.params import ArchiveParams
from crackflow.progress import track
from crackflow.sources.layouts import shown
from pipelines.redaction import redacted

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
# Others of fsspec read this machine's files, unpack, or run commands elsewhere.
_SCHEMES = ("s3", "gs", "https", "http")
_WEB = ("https", "http")
_CHUNK = 2**20
# As crackflow.inference.inputs has it: what disks take, less what results add.
_LONGEST_PART = 200


class Fetched(NamedTuple):
    """What the user named, with local paths in the place of addresses."""

    given: tuple[str, ...]
    skipped: tuple[str, ...]
    """why each photograph that was meant is left out, in one line"""
    passed_over: int
    """files of other kinds and folders that are not looked into"""


def fetch(given: Sequence[str], work: Path, *, recursive: bool = False, limits: ArchiveParams | None = None) -> Fetched:
    """Fetch the photographs of all addresses.

    Args:
        given: paths, which are left as they are, and addresses: of a photograph or a zip, or on S3 and Google Cloud
            Storage of a folder.
        work: a folder to fetch into; there must be no folder `stores` in it.
        recursive: look into folders in folders as well.
        limits: `max_gib` is how much may be fetched in all.

    Raises:
        DataError: when an address can't be used or followed, holds no photograph, or all is more than `limits` or the
            disk allow.
    """
    if not any(_ADDRESS.match(text) for text in given):
        return Fetched(tuple(given), (), 0)
    place = work / "stores"
    place.mkdir()
    room = _Room((limits or ArchiveParams()).max_gib, shutil.disk_usage(place).free)
    found, skipped, passed_over = [], [], 0
    for number, text in enumerate(given):
        if not (scheme := _ADDRESS.match(text)):
            found.append(text)
            continue
        one = _Address(text, scheme[1].lower())
        path, reasons, others = one.fetch(place / str(number), recursive, room)
        found.append(str(path))
        skipped += reasons
        passed_over += others
    return Fetched(tuple(found), tuple(skipped), passed_over)


def bare(address: str) -> str:
    """An address as it may be shown: scheme, host and path; a path as it is."""
    return address if not _ADDRESS.match(address) else shown(redacted(re.sub(r"[\s'\"<>]", "_", address)))


class _Room:
    """How much may still be fetched. Sizes that a server declares count for nothing."""

    def __init__(self, max_gib: float, free: int) -> None:
        self.allowed, self.free, self.taken = max_gib * 2**30, free, 0

    def take(self, size: int) -> None:
        self.taken += size
        if self.taken > self.allowed:
            raise DataError(
                f"the photographs take more than {self.allowed / 2**30:g} GiB, expected less; name fewer at a time"
            )
        if self.taken > self.free:
            raise DataError(f"the photographs take more than the {self.free / 2**30:.3g} GiB that are free; set TMPDIR")


class _Address:
    """An address with the store that it leads into."""

    def __init__(self, address: str, scheme: str) -> None:
        self.address, self.store, self.is_web = address, _store(scheme, address), scheme in _WEB

    def fetch(self, target: Path, recursive: bool, room: _Room) -> tuple[Path, list[str], int]:
        """Fetch what it leads to; where that lies now, what was left out and why, and how many were passed over."""
        skipped: list[str] = []
        got = passed_over = 0
        root, files = self._listed(recursive)
        target = target / root
        for key, name in track(files, "fetch", unit="file"):
            whole = not root or is_photo(PurePosixPath(name).name)
            if key is None or not whole or any(part.startswith(".") and part != ".." for part in name.split("/")):
                passed_over += 1
            elif reason := unsafe(name):
                skipped.append(f"{shown(name)} of {bare(self.address)} {reason}")
            else:
                try:
                    self._copy(key, target / name, room)
                    got += 1
                except DataError:
                    raise
                except Exception as error:  # of whatever library; its text may hold secrets
                    skipped.append(f"{shown(name)} of {bare(self.address)} can't be fetched: {_why(error)}")
        if not got:
            first = f"; the first left out: {skipped[0]}" if skipped else ""
            raise DataError(f"no photographs at {bare(self.address)}; expected a photograph, a zip or a folder{first}")
        return target if root else target / files[0][1], skipped, passed_over

    def _listed(self, recursive: bool) -> tuple[str, list[tuple[str | None, str]]]:
        """A folder's name with its files, or "" with a file: the key of each in the store, and its name below."""
        try:
            if self.is_web:
                return "", [(self.address, unquote(urlsplit(self.address).path).rpartition("/")[2])]
            about = self.store.info(self.address)
            if about["type"] == "file":
                return "", [(self.address, self.address.rpartition("/")[2])]
            above = str(about["name"]).rstrip("/")
            listed = [*self._entries(recursive)]
        except Exception as error:  # likewise
            raise DataError(f"{bare(self.address)} can't be read: {_why(error)}") from None
        files = [(key, name.removeprefix(above).lstrip("/")) for key, name in listed]
        label = above.rpartition("/")[2]
        return "store" if unsafe(label) else label, [(key, name) for key, name in files if name]

    def _entries(self, recursive: bool) -> Iterator[tuple[str | None, str]]:
        """Each entry's key and name, sorted; without a key where it is a folder that is not looked into."""
        if recursive:
            yield from ((name, name) for name in sorted(self.store.find(self.address)))
            return
        for one in sorted(self.store.ls(self.address, detail=True), key=lambda one: str(one["name"])):
            yield (one["name"] if one["type"] == "file" else None), one["name"]

    def _copy(self, key: str, path: Path, room: _Room) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not every web server gives parts of a file. A size keeps fsspec from asking for it first, and from calling
        # each refusal "not there".
        whole = {"block_size": 0, "size": 1} if self.is_web else {}
        with self.store.open(key, "rb", **whole) as source, path.open("xb") as file:
            try:
                while chunk := source.read(_CHUNK):
                    room.take(len(chunk))
                    file.write(chunk)
            except BaseException:
                path.unlink()
                raise


def _store(scheme: str, address: str) -> "AbstractFileSystem":
    if scheme not in _SCHEMES:
        raise DataError(
            f"{bare(address)} begins with {scheme}://, expected a path, or s3://, gs://, https:// or http://"
        )
    if "@" in address.partition("://")[2].partition("/")[0]:
        raise DataError(f"the address of {bare(address)} holds a user; expected credentials in the environment")
    try:
        import fsspec

        return fsspec.filesystem(scheme, skip_instance_cache=True)
    except ImportError:
        more = " and gcsfs" if scheme == "gs" else ""
        raise DataError(
            f"{bare(address)} needs packages that are not installed; install crackflow with its extra stores{more}: "
            "pip install 'crackflow[stores]'"
        ) from None


def unsafe(name: str) -> str:
    """Say why a name of a store can't be that of a file below a folder here; "" when it can."""
    for part in name.split("/"):
        if part in {"", ".", ".."} or not part.isprintable() or set(part) & set("\\:"):
            return "has a name that leads elsewhere or that disks don't take; rename it"
        if len(part.encode(errors="surrogatepass")) > _LONGEST_PART:
            return f"has a name of more than {_LONGEST_PART} bytes; shorten it"
    return ""


def _why(error: Exception) -> str:
    reasons = {
        FileNotFoundError: "it is not there",
        FileExistsError: "another has its name",
        PermissionError: "access is denied; set the store's credentials",
        TimeoutError: "no answer in time; try again",
    }
    status = getattr(error, "status", None)
    other = f"the server said {status}" if isinstance(status, int) else type(error).__name__
    return next((why for kind, why in reasons.items() if isinstance(error, kind)), other)
