"""What follows a rebuild whose stages are done: what there is to look at, the gate, the commit, the push.

Each is a task run of its own, so that its log, its state and its reason are found beside those of the stages.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prefect import get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_table_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas import State
from prefect.states import Cancelled, Completed, Failed

from crackflow.errors import CrackflowError, DataError
from crackflow.evaluation import comparison
from crackflow.evaluation.figures_file import parse_figures
from pipelines import figures
from pipelines.dvc_runner.process import StageProcesses
from pipelines.dvc_runner.stage_error import StageError, StageStoppedError
from pipelines.flows import artifacts, gate, results_branch
from pipelines.git import GitError, commit_of, git, shown
from tasks.workspace import Workspace

GATE = "pipelines.flows.gate"
# To the git remote and back; one that does not answer must not hold up the next night.
GIT_LIMIT_S = 300.0


@dataclass(frozen=True)
class Rebuilt:
    """A rebuild whose stages have completed.

    Attributes:
        workspace: the tree that it worked in.
        root: the checkout that it was started in; the same, or the one whose work tree it is.
        processes: what starts its processes.
        before: figures of the last commit, on the results' branch or else the revision's; empty where there are none.
        board: where its artifacts are put up.
    """

    workspace: Workspace
    root: Path
    processes: StageProcesses
    before: Mapping[str, Any]
    board: artifacts.Board


def figures_before(tree: Path) -> dict[str, Any]:
    """Read metrics/evaluation.json of the results' branch, or else of the commit that a tree is at.

    Returns:
        The figures; nothing where neither has any, or there is no repository.
    """
    path = str(Workspace(tree).metrics_json.relative_to(tree))
    text = shown(tree, f"refs/heads/{results_branch.BRANCH}", path) or shown(tree, "HEAD", path)
    try:
        return parse_figures(text.encode()) if text else {}
    except ValueError:
        return {}


def show(rebuilt: Rebuilt) -> None:
    """Leave the figures, what changed in them, and what to look at as artifacts; nothing where there are no figures."""
    try:
        values = figures.read_figures(rebuilt.workspace)
    except DataError:
        return
    put = rebuilt.board.put
    table = artifacts.figure_table(values)
    put(create_markdown_artifact, markdown=table, key="figures", description="What the model reaches on the test pairs")
    rows = comparison.rows(comparison.changes(rebuilt.before, values)) if rebuilt.before else []
    notes = comparison.caveats(rebuilt.before, values)
    put(
        create_table_artifact,
        table=[dict(zip(comparison.HEADINGS, row, strict=True)) for row in rows],
        key="changes",
        description="; ".join(["Figures against the last commit" if rebuilt.before else "No figures before", *notes]),
    )
    look = artifacts.to_look_at(rebuilt.workspace)
    put(create_markdown_artifact, markdown=look, key="look", description="The report, and predictions on mini_test")


@task(task_run_name="gate", cache_policy=NO_CACHE, persist_result=False)
def run_gate(rebuilt: Rebuilt, revision: str) -> State:
    """Let the new model meet the champion.

    Returns:
        Completed(name="Promoted"), "Unchanged" or "Rejected", with the reason; "Skipped" where the revision has none;
        Failed where the gate itself failed.
    """
    log = get_run_logger()
    workspace = rebuilt.workspace
    own = workspace.root / "pipelines"
    if own.is_dir() and not (own / "flows/gate.py").is_file():
        # the revision's own package hides the installed one
        return Completed(name="Skipped", message=f"{revision} is from before there was a gate; the champion stays")
    gate.verdict_file(workspace).unlink(missing_ok=True)
    try:
        rebuilt.processes.run([GATE, str(workspace.root), revision], functools.partial(log.info, "%s"))
        verdict = gate.read_verdict(workspace)
    except StageStoppedError as error:
        return Cancelled(message=str(error))
    except (StageError, CrackflowError) as error:
        return Failed(message=str(error))
    return Completed(name=verdict.name, message=verdict.reason)


@task(task_run_name="commit", cache_policy=NO_CACHE, persist_result=False)
def run_commit(rebuilt: Rebuilt, revision: str, verdict: str | None, fetch: bool) -> State:
    """Commit what the rebuild reached, with what changed in the message.

    Args:
        rebuilt: what to commit.
        revision: what it was built of.
        verdict: the gate's.
        fetch: look first at what other machines have pushed, since this commit will be pushed too.
    """
    log = get_run_logger()
    tree = rebuilt.workspace.root
    message = _message(rebuilt, revision, verdict)
    try:
        if fetch and _has_remote(rebuilt):
            there = f"+refs/heads/{results_branch.BRANCH}:refs/remotes/{results_branch.REMOTE}/{results_branch.BRANCH}"
            try:
                command = ["git", "fetch", "--quiet", results_branch.REMOTE, there]
                rebuilt.processes.command(command, functools.partial(log.info, "%s"), GIT_LIMIT_S)
            except StageStoppedError as error:
                return Cancelled(message=str(error))
            except StageError as error:
                # the first one ever finds no such branch; where the remote is away the push will say so
                log.info("nothing fetched: %s", error)
        made = results_branch.commit(tree, message)
        known = results_branch.tips(tree)
    except GitError as error:
        return Failed(message=str(error))
    if made is None:
        where = f"{results_branch.BRANCH} holds these results already" if known else "nothing differs from the revision"
        return Completed(name="Cached", message=where)
    return Completed(message=f"{made[:10]} on {results_branch.BRANCH}")


@task(task_run_name="push", cache_policy=NO_CACHE, persist_result=False)
def run_push(rebuilt: Rebuilt, committed: bool) -> State:
    """Send outputs to the DVC remote, then the results' branch to git's, where there is one."""
    log = get_run_logger()
    try:
        rebuilt.processes.run(["dvc", "--wait-for-lock", "push"], functools.partial(log.info, "%s"))
        branch = f"refs/heads/{results_branch.BRANCH}"
        if committed and _has_remote(rebuilt) and git(rebuilt.root, "for-each-ref", branch):
            command = ["git", "push", "--quiet", results_branch.REMOTE, f"{branch}:{branch}"]
            rebuilt.processes.command(command, functools.partial(log.info, "%s"), GIT_LIMIT_S)
            return Completed(message=f"outputs, and {results_branch.BRANCH} to {results_branch.REMOTE}")
    except StageStoppedError as error:
        return Cancelled(message=str(error))
    except (StageError, GitError) as error:
        return Failed(message=str(error))
    return Completed(message="outputs")


def _has_remote(rebuilt: Rebuilt) -> bool:
    return results_branch.REMOTE in git(rebuilt.root, "remote").split()


def revision_of(tree: Path) -> str:
    """The commit that a tree is at, for a card and a message; "none" without a repository."""
    try:
        return commit_of(tree, "HEAD")[:12]
    except GitError:
        return "none"


def _message(rebuilt: Rebuilt, revision: str, verdict: str | None) -> str:
    """What changed, and what the gate said; the first line has the pooled IoU."""
    try:
        values = figures.read_figures(rebuilt.workspace)
    except DataError:
        return f"Rebuild of {revision}"
    found = comparison.changes(rebuilt.before, values)
    first = next((row for row in comparison.rows(found) if row[0] == "crack_pooled_iou"), None)
    parts = [f"Rebuild of {revision}" + (f": pooled crack IoU {first[1]} -> {first[2]}" if first else "")]
    parts += [verdict] if verdict else []
    parts += ["\n".join("  ".join(row) for row in comparison.rows(found))] if found else []
    return "\n\n".join(parts)
