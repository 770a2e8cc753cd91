"""The flow: bring the stages of dvc.yaml up to date, each as a Prefect task.

DVC owns the graph and the cache, Prefect owns when, retries, limits, logs and states. The flow takes the graph as
pipelines/dvc_runner/graph.py reads it and never repeats it.
"""

from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from prefect import flow, get_run_logger
from prefect.client.schemas import State
from prefect.context import FlowRunContext
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from prefect.utilities.annotations import quote

from crackflow.errors import CrackflowError, one_line
from pipelines.dvc_runner import graph, repair, run_lock
from pipelines.dvc_runner.process import GRACE_S, StageProcesses, limit_s
from pipelines.flows import artifacts, follow_up, limits, results_branch, work_tree
from pipelines.flows.limits import FLOW_NAME
from pipelines.flows.stages import run_stages
from pipelines.git import GitError
from tasks.endings import os_error_line
from tasks.environment import settle
from tasks.workspace import Workspace

# Training takes every core there is; two let a light stage run beside it.
STAGES_AT_ONCE = 2
# ThreadPoolTaskRunner(...) alone is a runner of Never to mypy
RUNNER: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=STAGES_AT_ONCE)


@flow(name=FLOW_NAME, task_runner=RUNNER)
def rebuild(
    targets: list[str] | None = None,
    force: bool = False,
    stage_limit_minutes: float | None = None,
    revision: str | None = None,
    commit: bool = False,
    push: bool = False,
) -> State:
    """Bring the stages of dvc.yaml up to date: in the current directory, or in a work tree of its own.

    A run that is started through a server is held to its limits (pipelines/flows/limits.py).

    Args:
        targets: the stages to bring up to date, with all they build on; None for every stage.
        force: run them though nothing changed.
        stage_limit_minutes: a stage that takes longer is ended, and has failed; above 0, or None for no limit.
        revision: a branch, tag or commit of the current directory's repository. The rebuild then works in a git work
            tree that shares its DVC cache (pipelines/flows/work_tree.py), and a new model meets the champion there
            (pipelines/flows/gate.py). None rebuilds the current directory as it is, without a gate.
        commit: keep dvc.lock, figures and the champion's name in a commit on the branch crackflow/results.
        push: send outputs to the DVC remote, and with `commit` the branch to git's.

    Returns:
        Completed; Completed(name="Rejected") where the new model did not pass the gate; Failed with the reason in one
        line; Failed(name="Refused") where params.yaml, dvc.yaml, a target, the revision or an edited checkout is at
        fault, or a run asks for more than its limits allow, and no stage was started; Cancelled(name="AlreadyRunning")
        where another rebuild works there.
    """
    root = Path.cwd()
    try:
        settle()
        limit = limit_s(stage_limit_minutes)
        if (context := FlowRunContext.get()) and context.flow_run and context.flow_run.deployment_id:
            allowed = limits.of_flow(context.flow, root)
            revision = limits.permitted(root, allowed, revision, commit=commit, push=push)
        with run_lock.hold(root, GRACE_S + 5, scheduled=bool(revision)) as lock:
            tree = _tree(root, revision, commit)
            Workspace(tree).checked_params()  # rejected here where they can't be used
            repair.repair_dvc_files(tree)
            plan = graph.read_graph(tree, targets)
            before = follow_up.figures_before(tree)
            # a retried flow run keeps its id
            run_id = f"{flow_run.id}.{flow_run.run_count}"
            processes = StageProcesses(tree, run_id, limit, lock)
            rebuilt = follow_up.Rebuilt(Workspace(tree), root, processes, before, artifacts.Board(get_run_logger()))
            try:
                conclusion = run_stages(plan, processes, force, rebuilt.board)
                if not conclusion.is_completed():
                    return conclusion
                # a run of a part says nothing new of the model
                return _follow_up(
                    rebuilt, conclusion, gated=bool(revision), commit=commit, push=push, whole=not targets
                )
            except CrackflowError as error:
                return Failed(message=one_line(error))
            except OSError as error:
                return Failed(message=os_error_line(error, tree))
            finally:
                # reached early by Ctrl-C, by cancellation and by SIGTERM: Prefect then joins the tasks' threads
                processes.stop()
    except run_lock.AlreadyRunningError as error:
        return Cancelled(name="AlreadyRunning", message=str(error))
    except (CrackflowError, DvcException) as error:
        return Failed(name="Refused", message=one_line(error))
    except OSError as error:
        return Failed(name="Refused", message=os_error_line(error, root))


def _tree(root: Path, revision: str | None, commit: bool) -> Path:
    """Where to work: the checkout, or its work tree at a revision.

    Raises:
        CrackflowError: when neither can be had, or what would be committed is edited.
    """
    if revision:
        tree = work_tree.prepare(root, revision)
        get_run_logger().info("building %s (%s) in %s", follow_up.revision_of(tree), revision, tree)
        return tree
    if commit and (edited := results_branch.dirty(root)):
        raise GitError(
            f"{edited[0]} is edited, so what is committed would not be what was built; commit it, or name a "
            "revision to rebuild in a work tree of its own"
        )
    return root


def _follow_up(
    rebuilt: follow_up.Rebuilt, conclusion: State, *, gated: bool, commit: bool, push: bool, whole: bool
) -> State:
    """Show what was reached, and see it through gate, commit and push, as far as each is asked for."""
    revision = follow_up.revision_of(rebuilt.workspace.root)
    said = [conclusion.message or ""]
    name = None
    if whole:
        follow_up.show(rebuilt)
    verdict = None
    # a graph without a model is a graph all the same
    if whole and gated and rebuilt.workspace.model.is_file():
        state = follow_up.run_gate(quote(rebuilt), revision, return_state=True)
        if not state.is_completed():
            return _failed_step("gate", state, said)
        verdict = f"{state.name}: {state.message}"
        said.append(verdict)
        name = "Rejected" if state.name == "Rejected" else None
    if commit:
        state = follow_up.run_commit(quote(rebuilt), revision, verdict, push, return_state=True)
        if not state.is_completed():
            return _failed_step("commit", state, said)
        said.append(f"commit: {state.message}")
    if push:
        state = follow_up.run_push(quote(rebuilt), commit, return_state=True)
        if not state.is_completed():
            return _failed_step("push", state, said)
        said.append(f"push: {state.message}")
    return Completed(name=name, message="; ".join(said))


def _failed_step(what: str, state: State, said: list[str]) -> State:
    message = "; ".join([*said, f"{what} failed: {state.message}"])
    return Cancelled(message=message) if state.is_cancelled() else Failed(message=message)
