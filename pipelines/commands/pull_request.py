"""What a pull request changes, as a comment in Markdown: parameters, figures of the crack class, and their certainty.

`python -m pipelines.commands.pull_request BASE [HEAD]` prints it; .github/workflows/pull-request.yml posts it.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import pandas as pd

from crackflow.atomic import write_text
from crackflow.errors import CrackflowError, DataError, one_line
from crackflow.evaluation import comparison
from crackflow.evaluation.figures_file import parse_figures
from crackflow.params.text import parse_yaml
from pipelines import markdown
from pipelines.commands import profile
from pipelines.git import commit_of, git, shown
from tasks.endings import os_error_line, say_error
from tasks.workspace import Workspace

# A hidden first line, by which the workflow finds the comment that it wrote before.
MARKER = "<!-- crackflow: figures of this pull request -->"
# Where the gate is off, and in revisions that are older than it.
METRIC: comparison.ComparedFigure = "pooled_iou"
COUNTS = ("stem", "tp", "fp", "fn")


@dataclass(frozen=True)
class Side:
    """One of the two things compared.

    What git tracks is read with git: that works though DVC can't read the revision's dvc.yaml any more. What DVC caches
    is read with DVC's file system, which looks in the work tree, the cache and the remote.

    Attributes:
        root: the repository.
        commit: full name of a commit; None for the files that lie there.
    """

    root: Path
    commit: str | None

    @property
    def name(self) -> str:
        """As a comment calls it; GitHub makes a link of a commit's first characters."""
        return "the working tree" if self.commit is None else self.commit[:10]

    def text(self, path: Path) -> str | None:
        """Read a file that git tracks; None where there is none."""
        name = path.relative_to(self.root).as_posix()
        if self.commit is not None:
            return shown(self.root, self.commit, name)
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{name} can't be read: {one_line(error)}") from None

    def table(self, path: Path, columns: Sequence[str]) -> pd.DataFrame:
        """Read a CSV that DVC caches; texts are left as they are.

        Raises:
            DataError: when it can't be had, or lacks a column.
        """
        from dvc.api import DVCFileSystem

        name = path.relative_to(self.root).as_posix()
        try:
            with DVCFileSystem(str(self.root), rev=self.commit).open(name, "r") as file:
                dtypes = {"stem": str, "group": str}
                return pd.read_csv(file, usecols=list(columns), dtype=dtypes, keep_default_na=False)
        except FileNotFoundError:
            raise DataError(f"{name} of {self.name} is in no work tree, cache or remote at hand") from None
        # a remote fails with whatever its library raises, and no table is a reason to write no comment
        except Exception as error:
            raise DataError(f"{name} of {self.name} can't be had ({one_line(error)})") from None


def comment(root: Path, base: str, head: str | None = None, notes: Sequence[str] = ()) -> str:
    """Write the comment.

    Args:
        root: a crackflow checkout.
        base: the revision to compare with.
        head: the revision that changes it; None for the files that lie in `root`.
        notes: sentences to add, such as where the figures were made.

    Returns:
        Markdown, its first line `MARKER`.

    Raises:
        CrackflowError: when a revision names no commit, `head` holds no figures, or a file can't be used.
    """
    workspace = Workspace(root)
    old = Side(root, commit_of(root, base))
    new = Side(root, None if head is None else commit_of(root, head))
    params = [_params(side, workspace) for side in (old, new)]
    figures = [_figures(side, workspace) for side in (old, new)]
    if not figures[1]:
        raise DataError(
            f"{new.name} holds no {workspace.metrics_json.relative_to(root)}; `dvc repro` makes it, then compare again"
        )
    parts = [
        MARKER,
        f"### Crack figures: {new.name} against {old.name}",
        *_warnings(old, new, figures, notes),
        _params_changed(*params),
        _figures_changed(old, *figures),
        _sure(old, new, workspace, _metric(params[1])),
    ]
    return "\n\n".join(parts) + "\n"


def _warnings(old: Side, new: Side, figures: Sequence[Mapping[str, Any]], notes: Sequence[str]) -> Iterator[str]:
    yield from (
        f"> {words}"
        for words in [
            *(f"**Caveat:** {markdown.plain(one)}." for one in comparison.caveats(*figures)),
            *map(markdown.plain, notes),
        ]
    )
    if new.commit is None and git(new.root, "diff", "--name-only", "HEAD", "--", "dvc.lock"):
        yield (
            "> dvc.lock as committed is not of these figures: they come from a rebuild that nobody has committed. "
            "Run `dvc repro`, then commit dvc.lock, metrics and reports/evaluation.csv."
        )
    if not figures[0]:
        yield f"> {old.name} holds no figures, so every figure is new."


def _params_changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    changed = profile.changes(old, new)
    if not changed:
        return "No parameter changed."
    return markdown.table(("parameter", "before", "after"), [[markdown.code(cell) for cell in one] for one in changed])


def _figures_changed(old: Side, before: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    changed = comparison.rows(comparison.changes(before, after))
    if not changed:
        return f"No figure of the crack class differs from {old.name}."
    return markdown.table(comparison.HEADINGS, [[markdown.plain(cell) for cell in one] for one in changed])


def _sure(old: Side, new: Side, workspace: Workspace, metric: comparison.ComparedFigure) -> str:
    """Say whether the change is more than the choice of test images, or why that is unknown."""
    path = workspace.reports / "per_image.csv"
    try:
        before, after = (side.table(path, COUNTS) for side in (old, new))
        groups = _groups((new, old), workspace.split_csv, before["stem"])
        found = comparison.paired(before, after, metric, groups)
    except DataError as error:
        return f"No comparison image by image: {markdown.plain(str(error))}."
    drawn = "images drawn one by one" if groups is None else f"drawn by photograph ({found.groups} of them)"
    verdict = "may be no more than" if found.low <= 0 <= found.high else "is more than"
    return f"Paired bootstrap, {drawn}: {found.words()}. The change {verdict} the choice of test images."


def _groups(sides: Sequence[Side], path: Path, stems: pd.Series) -> list[str] | None:
    """Give each image's group; None where neither side has a split that names them all."""
    for side in sides:
        try:
            split = side.table(path, ("stem", "group"))
        except DataError:
            continue
        known = dict(zip(split["stem"], split["group"], strict=True))
        if all(stem in known for stem in stems):
            return [known[stem] for stem in stems]
    return None


def _metric(params: Mapping[str, Any]) -> comparison.ComparedFigure:
    gate = params.get("gate")
    metric = gate.get("metric") if isinstance(gate, Mapping) else None
    known: tuple[comparison.ComparedFigure, ...] = get_args(comparison.ComparedFigure)
    return next((name for name in known if name == metric), METRIC)


def _params(side: Side, workspace: Workspace) -> dict[str, Any]:
    text = side.text(workspace.root / "params.yaml")
    return parse_yaml((text or "{}").encode(), f"params.yaml of {side.name}")


def _figures(side: Side, workspace: Workspace) -> dict[str, Any]:
    """metrics/evaluation.json; empty where there is none."""
    name = workspace.metrics_json.relative_to(workspace.root)
    text = side.text(workspace.metrics_json)
    try:
        return parse_figures(text.encode()) if text else {}
    except ValueError as error:
        raise DataError(f"{name} of {side.name} can't be used ({error}); run `crackflow rebuild evaluate`") from None


def main() -> None:
    """Print the comment. Exit code 2: something to fix first."""
    parser = argparse.ArgumentParser(prog="python -m pipelines.commands.pull_request", description=__doc__)
    parser.add_argument("base", metavar="BASE", help="the revision to compare with")
    parser.add_argument(
        "head", metavar="HEAD", nargs="?", help="the revision that changes it; the working tree's files"
    )
    parser.add_argument("--note", action="append", default=[], help="a sentence to add; may be given again")
    parser.add_argument("--out", type=Path, help="a file to write instead of printing")
    given = parser.parse_args()
    try:
        text = comment(Path.cwd(), given.base, given.head, given.note)
        if given.out is None:
            sys.stdout.write(text)
            sys.stdout.flush()
        else:
            write_text(given.out, text)
    except CrackflowError as error:
        say_error(str(error))
        sys.exit(error.exit_code)
    except OSError as error:
        say_error(os_error_line(error))
        sys.exit(CrackflowError.exit_code)


if __name__ == "__main__":
    main()
