"""What a run that is started through a Prefect server may ask for.

Whoever may use the server can change a run's parameters, and a revision's dvc.yaml names commands that the machine
executes. So the limits stand on the machine that builds, not on the server: `crackflow serve` sets them by its options,
and for a worker they stand in the checkout's prefect.yaml. A person who calls `crackflow rebuild` has no limits.

They hold a run's parameters, nothing else. A worker also takes job variables from whoever starts a run: the command
that it executes, its environment and its folder. So the limits do not replace the server's password: whoever has it can
have a worker run any program. The runs of `crackflow serve` take no job variables.
"""

import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import BaseModel, ConfigDict

from crackflow.errors import CrackflowError, one_line
from crackflow.safe_text import printable as shown
from pipelines.git import GitError, commit_of, contains

if TYPE_CHECKING:
    from prefect import Flow

# By this name a server knows the flow. On a shared server other projects have flows of their own.
FLOW_NAME = "crackflow-rebuild"
FILE = "prefect.yaml"
# The models that a run over photographs may load.
MODELS = ("packaged", "trained")
_ATTRIBUTE = "crackflow_limits"


class LimitError(CrackflowError):
    """A run asks for more than it may, or the limits can't be read."""


class Limits(BaseModel):
    """What a run may ask for; the defaults hold where nothing else is said.

    Attributes:
        branches: commits of these branches may be built; HEAD is what is checked out, `origin/NAME` a fetched branch.
        commit: whether a run may commit its results.
        push: whether a run may push.
        photographs: folders in which the flow that marks photographs may read; relative ones are the checkout's.
        results: likewise, in which it may write.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    branches: tuple[str, ...] = ("HEAD",)
    commit: bool = False
    push: bool = False
    photographs: tuple[str, ...] = ()
    results: tuple[str, ...] = ()


def serve_with(flow: "Flow[..., Any]", limits: Limits) -> None:
    """Give a flow the limits of `crackflow serve`, whose runner hands the flow itself to the processes of its runs.

    Nothing that whoever starts a run can set takes part: neither its parameters nor its environment.
    """
    setattr(flow, _ATTRIBUTE, limits)


def of_flow(flow: "Flow[..., Any] | None", root: Path) -> Limits:
    """Give the limits of a run: those of `crackflow serve` where it started it, else those of the checkout.

    Raises:
        LimitError: when they can't be read.
    """
    served = getattr(flow, _ATTRIBUTE, None)
    return served if isinstance(served, Limits) else read(root)


def read(root: Path) -> Limits:
    """Read the limits of the checkout's prefect.yaml, else the defaults.

    Raises:
        LimitError: when they can't be read.
    """
    try:
        return Limits.model_validate_json(json.dumps(_from_file(root / FILE)))
    except (OSError, yaml.YAMLError, TypeError, ValueError) as error:
        raise LimitError(
            f"{root / FILE}: definitions.limits can't be read ({one_line(error)}); expected branches, photographs and "
            "results, each a list of names, and commit and push, each true or false; correct it"
        ) from None


def _from_file(path: Path) -> Any:
    if not path.is_file():
        return {}
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    definitions = content.get("definitions") if isinstance(content, dict) else None
    return definitions.get("limits", {}) if isinstance(definitions, dict) else {}


def served_limits(root: Path) -> Limits | None:
    """Give the limits of the flow run that this is called in; None where a person called the flow.

    Raises:
        LimitError: when they can't be read.
    """
    from prefect.context import FlowRunContext

    context = FlowRunContext.get()
    if context is None or context.flow_run is None or context.flow_run.deployment_id is None:
        return None
    return of_flow(context.flow, root)


def permitted_places(root: Path, limits: Limits, out: str, model: str) -> None:
    """See that a run writes where it may, and loads a model that it may.

    Args:
        root: the checkout, in which relative paths begin.
        limits: what it may ask for.
        out: the folder that it writes to.
        model: that it loads; a path could be any file.

    Raises:
        LimitError: when it asks for more.
    """
    _within("results", root, limits.results, Path(out))
    if model not in MODELS:
        raise LimitError(
            f"model {shown(model)} is not allowed for runs started through the server; expected one of "
            f"{', '.join(MODELS)}"
        )


def readable(root: Path, limits: Limits) -> Callable[[Path], None]:
    """Give what crackflow.inference.inputs.find calls with all that it reads.

    Args:
        root: the checkout, in which relative paths begin.
        limits: where photographs may lie.

    Returns:
        A function of a path that raises LimitError where the path, or what a link there leads to, lies elsewhere.
    """
    return partial(_within, "photographs", root, limits.photographs)


def _within(kind: str, root: Path, allowed: Sequence[str], path: Path) -> None:
    """Raise LimitError for a path that leads out of all folders that are allowed."""
    try:
        real = (root / path).resolve()
    except (OSError, RuntimeError, ValueError):
        raise LimitError(
            f"{shown(str(path))} can't be followed to a place; expected a path without NUL, and no links in a circle"
        ) from None
    if not any(real.is_relative_to((root / folder).resolve()) for folder in allowed):
        raise LimitError(
            f"{shown(str(path))} is not allowed for runs started through the server; expected a path in "
            f"{', '.join(allowed) or 'no folder'}; to allow it, add its folder to definitions.limits.{kind} in {FILE}"
        )


def permitted(root: Path, limits: Limits, revision: str | None, *, commit: bool, push: bool) -> str | None:
    """See that a run asks for no more than it may.

    Args:
        root: the checkout.
        limits: what it may ask for.
        revision: the branch, tag or commit that it asks for; None for the checkout as it is, which is always allowed.
        commit: whether it asks to commit results.
        push: whether it asks to push.

    Returns:
        The commit that the revision means now, so that nobody can move a branch between this check and the build.

    Raises:
        LimitError: when it asks for more.
        GitError: when the revision is no commit.
    """
    for name, asked, may in (("commit", commit, limits.commit), ("push", push, limits.push)):
        if asked and not may:
            raise LimitError(
                f"{name}: true is not allowed for runs started through the server; {_how(f'--{name}', f'{name}: true')}"
            )
    if revision is None:
        return None
    wanted = commit_of(root, revision)
    if not any(contains(root, wanted, tip) for tip in _tips(root, limits)):
        raise LimitError(
            f"revision {revision} is not allowed for runs started through the server; expected a commit of "
            f"{', '.join(limits.branches) or 'no branch'}; {_how('--branch NAME', 'branches')}"
        )
    return wanted


def _how(option: str, key: str) -> str:
    return f"to allow it, add {option} to `crackflow serve`, or set definitions.limits.{key} in {FILE} for a worker"


def _tips(root: Path, limits: Limits) -> list[str]:
    """The last commits of the branches that are there. Not by a bare name: a tag may have the name of a branch."""
    tips = []
    for name in limits.branches:
        for reference in ("HEAD",) if name == "HEAD" else (f"refs/heads/{name}", f"refs/remotes/{name}"):
            try:
                tips.append(commit_of(root, reference))
            except GitError:
                continue
    return tips
