"""What every data source can do: fetch its pairs, say where they are from, and say what it needs beforehand."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from crackflow.params import DataParams
from crackflow.rejections import Rejection


@dataclass(frozen=True)
class Origin:
    """Where pairs are from.

    Attributes:
        words: for people, for instance "the folder data/source"; it ends a sentence that begins "160 pairs from".
        path: a folder, a zip or a name at a service; None where there is nothing to name.
        version: what tells two states of the same place apart; None where nothing does.
    """

    words: str
    path: str | None = None
    version: int | str | None = None


@dataclass(frozen=True)
class PairSet:
    """One of several sets that are fetched together.

    Attributes:
        name: of the set; no two are equal.
        folder: where its pairs lie, in one of the layouts of crackflow.sources.folder.
        path: of the set, relative to the folder that holds all of them: `walls` or `walls.zip`.
        link: where a link leads, as it is written in the link; None where the set is no link.
        left_out: files that the source itself did not take, with the reason of each.
    """

    name: str
    folder: Path
    path: str
    link: str | None = None
    left_out: tuple[Rejection, ...] = ()


@dataclass(frozen=True)
class Fetched:
    """Pairs on this disk, in one of the layouts of crackflow.sources.folder.

    Attributes:
        folder: where they lie. Below `work` they may be moved; anywhere else they belong to somebody and are copied.
        left_out: files that the source itself did not take, with the reason of each.
        sets: what the folder holds, where it is not one set but several.
    """

    folder: Path
    left_out: tuple[Rejection, ...] = ()
    sets: tuple[PairSet, ...] = ()


@dataclass(frozen=True)
class Account:
    """Whether the account that a source uses is set up; never holds a credential.

    Attributes:
        state: ok; warning: it works, but something is unsafe; fault: a run would fail.
        found: what was found, in words.
        advice: what to do; "" where nothing needs doing.
    """

    state: Literal["ok", "warning", "fault"]
    found: str
    advice: str = ""


class DataSource(ABC):
    """One place that pairs come from: what `data.source` names.

    `fetch` and `origin` are required. The defaults of the other three suit a source that reads nothing of the project,
    takes no room that is known beforehand, and needs no account. Import heavy packages inside the methods: the doctor
    and the scheduled runs make a source only to ask it.
    """

    def __init__(self, params: DataParams, root: Path) -> None:
        """Keep what the source is made of.

        Args:
            params: the block `data`. A source reads its own block of it.
            root: the folder that relative paths start from.
        """
        self.params, self.root = params, root

    @abstractmethod
    def fetch(self, work: Path) -> Fetched:
        """Get the pairs.

        Args:
            work: an empty folder for whatever the source writes; the caller removes it.

        Returns:
            Where the pairs lie.

        Raises:
            DataError: when there are none, or they can't be used.
            UnreachableError: when a server does not answer; a later call may succeed.
        """

    @abstractmethod
    def origin(self) -> Origin:
        """Say where the pairs are from; it is asked after `fetch`."""

    def local_path(self) -> Path | None:
        """Give the folder or file of the project that pairs are read from, as params name it; None for no such."""
        return None

    def disk_bytes(self) -> int:
        """Estimate the bytes that all outputs of a rebuild take at least; 0 where nothing is known beforehand."""
        return 0

    def account(self) -> Account | None:
        """Look at the account that the source uses; None where it needs none."""
        return None
