"""One of the two things compared: a commit, an experiment of DVC, the working files, or a folder with figures."""

import functools
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from crackflow.errors import DataError, one_line
from crackflow.evaluation.figures_file import parse_figures
from crackflow.params.text import parse_yaml
from pipelines.git import GitError, NoRepositoryError, commit_of, git, shown

WORKSPACE = "the working files"
PER_IMAGE = "reports/per_image.csv"
SPLIT = "data/split.csv"
FIGURES = "metrics/evaluation.json"
PREDICTIONS = "predictions/test"
RESIZED = "data/resized"
# What `crackflow score --out` writes, by what the pipeline calls it.
_OF_SCORE = {FIGURES: "evaluation.json", PER_IMAGE: "per_image.csv", PREDICTIONS: "predictions"}


@dataclass(frozen=True)
class Side:
    """One of the two things compared.

    What git tracks is read with git: that works though DVC can't read the revision's dvc.yaml any more. What DVC caches
    is read with DVC's file system, which looks in the work tree, the cache and the remote. Nothing is checked out.

    Attributes:
        root: the checkout, or the folder.
        commit: full name of a commit; None for the files that lie in `root`.
        name: as people are told.
    """

    root: Path
    commit: str | None
    name: str

    @property
    def scored(self) -> bool:
        """Whether it is a folder that `crackflow score --out` wrote."""
        return self.commit is None and not (self.root / FIGURES).exists() and (self.root / "evaluation.json").is_file()

    def text(self, name: str) -> str | None:
        """Read a file that git tracks; None where there is none."""
        if self.commit is not None:
            return shown(self.root, self.commit, name)
        try:
            return (self.root / self._place(name)).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{name} can't be read: {one_line(error)}") from None

    def content(self, name: str) -> bytes:
        """Read a file that DVC caches.

        Raises:
            DataError: when it can't be had.
        """
        try:
            lying = self.root / self._place(name)
            if self.commit is None and lying.is_file():
                return lying.read_bytes()
            if self.scored or (self.commit is None and not (self.root / ".dvc").is_dir()):
                raise FileNotFoundError(name)
            return bytes(self._cached.cat_file(name))
        except FileNotFoundError:
            raise DataError(
                f"{name} of {self.name} is in no work tree, cache or remote at hand; {self._how(name)}"
            ) from None
        # a remote fails with whatever its library raises, and one missing file is no reason to compare nothing
        except Exception as error:
            raise DataError(f"{name} of {self.name} can't be had ({one_line(error)})") from None

    def table(self, name: str, columns: Sequence[str], optional: Sequence[str] = ()) -> pd.DataFrame:
        """Read a CSV that DVC caches; texts are left as they are, and an empty cell of `optional` is NaN.

        Raises:
            DataError: when it can't be had, lacks one of `columns`, names an image twice, or holds what is no count or
                no figure.
        """
        content = self.content(name)
        dtypes = {"stem": str, "group": str, "source": str}
        try:
            found = pd.read_csv(
                io.BytesIO(content), dtype=dtypes, keep_default_na=False, na_values={one: [""] for one in optional}
            )
        except ValueError as error:
            raise DataError(f"{name} of {self.name} can't be used ({one_line(error)})") from None
        if missing := [one for one in columns if one not in found]:
            raise DataError(
                f"{name} of {self.name} has no column {missing[0]}, expected {', '.join(columns)}; rebuild it"
            )
        if wrong := _wrong(found):
            raise DataError(f"{name} of {self.name} {wrong}; rebuild it")
        return found[[*columns, *(one for one in optional if one in found)]]

    def params(self) -> dict[str, Any]:
        """params.yaml; empty where there is none.

        Raises:
            ParamsError: when it is not YAML.
        """
        return parse_yaml((self.text("params.yaml") or "{}").encode(), f"params.yaml of {self.name}")

    def figures(self) -> dict[str, Any]:
        """metrics/evaluation.json; empty where there is none.

        Raises:
            DataError: when it can't be used.
        """
        text = self.text(FIGURES)
        try:
            return parse_figures(text.encode()) if text else {}
        except ValueError as error:
            raise DataError(
                f"{FIGURES} of {self.name} can't be used ({error}); run `crackflow rebuild evaluate`"
            ) from None

    def locked(self, name: str) -> dict[str, Any]:
        """What dvc.lock says of an output: its hash `md5`, and of a folder `nfiles`; empty where it says nothing.

        Raises:
            ParamsError: when it is not YAML.
            DataError: when it is laid out in another way.
        """
        return self._of_lock(lambda lock: next((out for out in _outs(lock) if out.get("path") == name), {}))

    def built_with(self) -> dict[str, Any]:
        """What dvc.lock says of the parameters that the figures were built with, by dotted key.

        Those of stages that the figures do not come from are left out: the title of the report, say.

        Raises:
            ParamsError: when it is not YAML.
            DataError: when it is laid out in another way.
        """
        return self._of_lock(_params_behind)

    def _of_lock(self, read: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
        lock = parse_yaml((self.text("dvc.lock") or "{}").encode(), f"dvc.lock of {self.name}")
        try:
            return read(lock)
        except (AttributeError, KeyError, TypeError):
            raise DataError(
                f"dvc.lock of {self.name} is not what DVC writes, expected stages with their outs; put it back"
            ) from None

    @functools.cached_property
    def _cached(self) -> Any:
        from dvc.api import DVCFileSystem

        return DVCFileSystem(str(self.root), rev=self.commit)

    def _place(self, name: str) -> str:
        if not self.scored:
            return name
        folder, _, last = name.rpartition("/")
        return f"{_OF_SCORE[folder]}/{last}" if folder in _OF_SCORE else _OF_SCORE.get(name, name)

    def _how(self, name: str) -> str:
        """What to do to get it."""
        if self.commit is None:
            return "`dvc repro` makes it"
        # the outputs are the folders
        whole = next((one for one in (PREDICTIONS, RESIZED) if name.startswith(f"{one}/")), name)
        return (
            f"`dvc fetch --all-commits {whole}` gets it from a remote that has it, "
            f"`crackflow rebuild --revision {self.commit[:10]}` makes it anew"
        )


def _wrong(table: pd.DataFrame) -> str:
    """Say what no evaluation writes; empty where there is nothing such."""
    if "stem" in table and (twice := table["stem"][table["stem"].duplicated()].tolist()):
        return f"names {twice[0]} twice, expected an image once"
    for name in table.columns.intersection(["tp", "fp", "fn", "tolerant_f1"]):
        values = pd.to_numeric(table[name], errors="coerce")
        if name == "tolerant_f1":
            right, expected = values.between(0, 1) | table[name].isna(), "a figure from 0 to 1"
        else:
            right, expected = (values >= 0) & (values % 1 == 0), "a count of pixels"
        if not right.all():
            return f"holds {table[name][~right].iloc[0]} as {name}, expected {expected}"
    return ""


def find(root: Path, name: str | None) -> Side:
    """Find what a name means: a branch, tag or commit, an experiment of DVC, or a folder; None is the working files.

    Args:
        root: a crackflow checkout.
        name: as the user gave it.

    Raises:
        GitError: when it means nothing.
    """
    if name is None:
        return Side(root, None, WORKSPACE)
    try:
        commit = commit_of(root, name)
        return Side(root, commit, commit[:10])
    except GitError as error:
        if found := _experiments(root, name):
            return Side(root, found, name)
        folder = Path(name)
        if folder.is_dir():
            return Side(folder.resolve(), None, name)
        if isinstance(error, NoRepositoryError):
            raise
        raise GitError(f"{error}, the name of an experiment (`dvc exp show`) or a folder") from None


def uncommitted(side: Side) -> bool:
    """Whether the working files come from a rebuild that nobody has committed; False of a folder that is named.

    Git is asked in the current folder alone: the configuration of another one may name programs that git runs.
    """
    if side.commit is not None or side.root.resolve() != Path.cwd().resolve():
        return False
    try:
        return bool(git(side.root, "diff", "--name-only", "HEAD", "--", "dvc.lock"))
    except NoRepositoryError:
        return False


def _experiments(root: Path, name: str) -> str | None:
    """The commit of the newest experiment of that name: DVC keeps it as refs/exps/AB/CDEF.../NAME."""
    try:
        listed = git(root, "for-each-ref", "--sort=-committerdate", "--format=%(objectname) %(refname)", "refs/exps")
    except GitError:
        return None
    rows = (line.split(" ", 1) for line in listed.splitlines())
    return next((commit for commit, ref in rows if ref.count("/") == 4 and ref.rpartition("/")[2] == name), None)


def _outs(lock: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for stage in (lock.get("stages") or {}).values():
        yield from stage.get("outs", ())


def _params_behind(lock: dict[str, Any]) -> dict[str, Any]:
    """The parameters of the stages that the figures come from, directly or through the outputs of others."""
    stages = list((lock.get("stages") or {}).values())
    found: dict[str, Any] = {}
    needed, before = {FIGURES, PER_IMAGE}, -1
    while len(needed) > before:
        before = len(needed)
        for stage in stages:
            if needed & {out["path"] for out in stage.get("outs", ())}:
                needed |= {dep["path"] for dep in stage.get("deps", ())}
                found |= (stage.get("params") or {}).get("params.yaml") or {}
    return found
