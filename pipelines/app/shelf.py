"""The photographs that the page has sent, within limits, and what became of each. All threads share one shelf."""

import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Literal

from crackflow.errors import CrackflowError
from crackflow.imaging.heif import EXTENSIONS as HEIF
from crackflow.inference.photographs import Photograph
from crackflow.results.record import PhotoRecord
from crackflow.sources.layouts import EXTENSIONS, portable_key

State = Literal["arriving", "waiting", "working", "done", "failed"]
MIB = 2**20
_LONGEST_NAME = 200
_NO_FILE_NAME = re.compile(r"[^\w .()+-]")
# names that Windows keeps for devices
_DEVICE = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)")


class RejectedError(CrackflowError):
    """A request that can't be done; `status` is that of the answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass(frozen=True)
class Limits:
    """What the page may send.

    Attributes:
        photographs: how many there may be at a time.
        mib_each: size of a file, MiB.
        mib_all: of all files together, MiB.
    """

    photographs: int = 200
    mib_each: int = 256
    mib_all: int = 4096


@dataclass
class Item:
    """A photograph.

    Attributes:
        number: what requests call it.
        name: what the page and the tables call it; words of a stranger.
        label: what its files in a download are called: letters, digits and some signs, no two alike.
        folder: where its file lies, and nothing else.
        size: bytes that have arrived.
        state: how far it is.
        reason: why it failed, in one line.
        mm_per_px: what the user says that a pixel measures; None where it is not known.
        record: what was measured; of an earlier scale until it was measured again.
    """

    number: int
    name: str
    label: str
    folder: Path
    size: int = 0
    state: State = "arriving"
    reason: str = ""
    mm_per_px: float | None = None
    record: PhotoRecord | None = None

    @property
    def path(self) -> Path:
        """Where its file lies. Messages name it, so it is called as the photograph, as far as a file can be."""
        return self.folder / f"{self.label}{PurePosixPath(self.name).suffix.lower()}"

    @property
    def source(self) -> Photograph:
        """The photograph as it is marked; its results are called by its number."""
        return Photograph(self.path, str(self.number), self.name)


@dataclass
class Shelf:
    """All photographs.

    Attributes:
        folder: an empty folder for their files.
        limits: what may come.
        lock: to be held by who changes an item.
    """

    folder: Path
    limits: Limits
    lock: threading.RLock = field(default_factory=threading.RLock)
    _items: dict[int, Item] = field(default_factory=dict)
    _last: int = 0

    def __iter__(self) -> Iterator[Item]:
        with self.lock:
            return iter([*self._items.values()])

    def get(self, number: int) -> Item | None:
        """Give a photograph by its number; None where there is none."""
        return self._items.get(number)

    def reserve(self, name: str, size: int) -> Item:
        """Make room for a photograph that is about to arrive.

        Args:
            name: of its file, as the browser says it.
            size: bytes that the browser announces, 0 where it does not.

        Raises:
            RejectedError: when it is no name of a photograph, or beyond a limit.
        """
        if (
            not name
            or not name.isprintable()
            or len(name) > _LONGEST_NAME
            or set(name) & set("/\\")
            or name.startswith(".")
        ):
            raise RejectedError(400, "the name of the file can't be used; rename it: one line, no slash, no dot first")
        if not name.lower().endswith((*EXTENSIONS, *HEIF)):
            endings = ", ".join((*EXTENSIONS, *HEIF))
            raise RejectedError(415, f"{name} is no photograph; expected a file that ends in {endings}")
        with self.lock:
            if len(self._items) >= self.limits.photographs:
                raise RejectedError(
                    429, f"{self.limits.photographs} photographs are here already; remove some, or start with --most"
                )
            self._check(name, size, size)
            self._last += 1
            name, label = self._own_names(name)
            item = Item(self._last, name, label, self.folder / str(self._last))
            self._items[item.number] = item
        item.folder.mkdir()
        return item

    def grow(self, item: Item, more: int) -> None:
        """Note that bytes of a photograph have come.

        Raises:
            RejectedError: when it is too large now, or was removed meanwhile.
        """
        with self.lock:
            if item.number not in self._items:
                raise RejectedError(410, f"{item.name} was removed")
            item.size += more
            self._check(item.name, item.size, 0)

    def remove(self, item: Item) -> None:
        """Forget a photograph and remove its file."""
        with self.lock:
            self._items.pop(item.number, None)
        shutil.rmtree(item.folder, ignore_errors=True)

    def _check(self, name: str, size: int, more: int) -> None:
        if size > self.limits.mib_each * MIB:
            raise RejectedError(
                413, f"{name} is larger than {self.limits.mib_each} MiB; use `crackflow predict` for it"
            )
        if sum(one.size for one in self._items.values()) + more > self.limits.mib_all * MIB:
            raise RejectedError(413, f"all photographs together are larger than {self.limits.mib_all} MiB; remove some")

    def _own_names(self, name: str) -> tuple[str, str]:
        """A name and a label that no other photograph has."""
        stem, suffix = PurePosixPath(name).stem, PurePosixPath(name).suffix
        # disks take 255 bytes, of which a letter can have four
        plain = _NO_FILE_NAME.sub("_", stem).encode()[:100].decode(errors="ignore").strip(" .") or "photograph"
        plain = f"_{plain}" if _DEVICE.fullmatch(plain) else plain
        taken = {portable_key(one.label) for one in self._items.values()}
        if portable_key(plain) not in taken:
            return name, plain
        number = next(n for n in range(2, len(taken) + 3) if portable_key(f"{plain} ({n})") not in taken)
        return f"{stem} ({number}){suffix}", f"{plain} ({number})"
