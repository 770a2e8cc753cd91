"""The DVC graph as a run needs it: stages in order, what each waits for, and what changed."""

import graphlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from crackflow.errors import CrackflowError, one_line

# Changes that a log line and a table's cell have room for.
SHOWN = 4


class GraphError(CrackflowError):
    """dvc.yaml can't be read, or has no such stage."""


@dataclass(frozen=True)
class Stage:
    """One stage of dvc.yaml.

    Attributes:
        name: as DVC addresses it.
        upstream: the stages whose outputs it reads, in the order of the plan.
        changes: what changed since it last ran, in words, such as "train.epochs modified".
        settled: nothing changed, neither here nor in any stage that this one builds on: DVC need not be asked again.
    """

    name: str
    upstream: tuple[str, ...]
    changes: tuple[str, ...]
    settled: bool

    def summary(self, number: int = SHOWN) -> str:
        """The first few changes, and how many more there are: all of a stage's deps, where it never ran."""
        first, more = self.changes[:number], len(self.changes) - number
        return ", ".join(first) + (f" and {more} more" if more > 0 else "")


def read_graph(root: Path, targets: Sequence[str] | None = None) -> list[Stage]:
    """Read dvc.yaml and compare the workspace with dvc.lock.

    Args:
        root: the DVC repository.
        targets: stages to bring up to date; None or empty for all. What they build on is taken along.

    Returns:
        The stages in an order in which they can run.

    Raises:
        GraphError: when there is no repository, dvc.yaml can't be used, or a target is no stage of it.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        # _wait_for_lock is what `dvc --wait-for-lock` sets
        with Repo(str(root), _wait_for_lock=True) as repo:
            # a .dvc file, such as the champion's, is a stage to DVC and has nothing to run
            stages = [stage for stage in repo.index.stages if not stage.is_data_source]
            names = {stage: _name(stage, root) for stage in stages}
            builds_on = {}
            for stage in stages:
                needed = set(repo.index.graph.successors(stage))
                builds_on[names[stage]] = tuple(names[dep] for dep in stages if dep in needed)
            of = {stage.addressing: name for stage, name in names.items()}
            status = {of[key]: entries for key, entries in repo.status().items() if key in of}
    except (DvcException, OSError) as error:
        raise GraphError(f"DVC can't use {root}: {one_line(error)}") from None
    return _plan(builds_on, {name: tuple(_words(entries)) for name, entries in status.items()}, targets)


def _plan(
    builds_on: dict[str, tuple[str, ...]], changes: dict[str, tuple[str, ...]], targets: Sequence[str] | None
) -> list[Stage]:
    wanted: set[str] = set()
    ahead = list(targets or builds_on)
    while ahead:
        name = ahead.pop()
        if name not in builds_on:
            near = get_close_matches(name, builds_on, n=1)
            hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(builds_on)}"
            raise GraphError(f"no stage {name} in dvc.yaml; {hint}")
        if name not in wanted:
            wanted.add(name)
            ahead.extend(builds_on[name])
    stages: dict[str, Stage] = {}
    for name in graphlib.TopologicalSorter(
        {name: builds_on[name] for name in builds_on if name in wanted}
    ).static_order():
        changed = changes.get(name, ())
        settled = not changed and all(stages[other].settled for other in builds_on[name])
        stages[name] = Stage(name, builds_on[name], changed, settled)
    return list(stages.values())


def _name(stage: Any, root: Path) -> str:
    """As DVC addresses a stage from the repository's root; `stage.addressing` is as from the current directory."""
    file = Path(stage.path).resolve().relative_to(root.resolve())
    return str(stage.name) if file == Path("dvc.yaml") else f"{file.as_posix()}:{stage.name}"


def _words(entries: Any) -> Iterator[str]:
    """Flatten what Repo.status() says of one stage.

    >>> list(_words([{"changed deps": {"params.yaml": {"split.seed": "modified"}}}, "changed command"]))
    ['split.seed modified', 'changed command']
    """
    for entry in entries:
        if isinstance(entry, str):
            yield entry
            continue
        for what in entry.values():
            for path, state in what.items():
                if isinstance(state, dict):
                    yield from (f"{key} {word}" for key, word in state.items())
                else:
                    yield f"{path} {state}"
