"""The flow: bring the stages of dvc.yaml up to date, each as a Prefect task.

DVC owns the graph and the cache, Prefect owns when, retries, limits, logs and states. The flow takes the graph as
pipelines/dvc_runner/graph.py reads it and never repeats it.
"""

import functools
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from prefect import Task, flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas import State, TaskRun
from prefect.context import FlowRunContext
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Crashed, Failed, Pending
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from prefect.utilities.annotations import allow_failure, quote

from crackflow.errors import CrackflowError, one_line
from pipelines.dvc_runner import graph, repair, run_lock
from pipelines.dvc_runner.process import GRACE_S, StageError, StageProcesses, StageStoppedError, limit_s
from pipelines.flows import artifacts, follow_up, limits, results_branch, work_tree
from pipelines.flows.limits import FLOW_NAME
from pipelines.git import GitError
from tasks.child_environment import forget_repository
from tasks.workspace import Workspace

# Training takes every core there is; two let a light stage run beside it.
STAGES_AT_ONCE = 2
# A server that can't be reached may answer later; any other stage that failed would fail again.
DOWNLOAD_RETRIES = 2
# The download itself tries with back-off before it gives up. A run that is cancelled waits for the end of such a delay,
# and has 15 s.
DOWNLOAD_RETRY_DELAYS_S = [3.0, 9.0]
UNREACHABLE = "Unreachable"
# Fault: the stage has said what to fix; a stage that failed without saying so has a defect.
FAILURES = {"unreachable": UNREACHABLE, "fault": "Fault"}
# ThreadPoolTaskRunner(...) alone is a runner of Never to mypy
RUNNER: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=STAGES_AT_ONCE)


def _may_pass(_task: Task[..., Any], _run: TaskRun, state: State) -> bool:
    return state.name == UNREACHABLE


@task(
    task_run_name="{stage.name}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=DOWNLOAD_RETRIES,
    retry_delay_seconds=DOWNLOAD_RETRY_DELAYS_S,
    retry_condition_fn=_may_pass,
)
def run_stage(
    stage: graph.Stage, upstream: dict[str, PrefectFuture[State]], processes: StageProcesses, force: bool
) -> State:
    """Bring one stage up to date.

    Args:
        stage: the stage as planned.
        upstream: the task runs of the stages that it builds on, all of them ended.
        processes: what starts it.
        force: run it though nothing changed.

    Returns:
        Completed where it ran, Completed(name="Cached") where it need not, Pending(name="NotReady") where a stage that
        it builds on failed; Failed(name="Fault") where the stage said what to fix, Failed(name="Unreachable")
        where a server did not answer it, Crashed where it was killed, Failed or Cancelled otherwise.
    """
    unfit = [name for name, future in upstream.items() if not future.state.is_completed()]
    if unfit:
        return Pending(name="NotReady", message=f"not run, because {' and '.join(unfit)} did not complete")
    if stage.settled and not force:
        return Completed(name="Cached", message="nothing changed")
    log = get_run_logger()
    if stage.changes:
        log.info("changed: %s", stage.summary())
    try:
        ran = processes.repro(stage.name, functools.partial(log.info, "%s"), force)
    except StageStoppedError as error:
        return Cancelled(message=str(error))
    except StageError as error:
        # returned and not raised: Prefect would log a traceback, though this function has no defect
        if error.kind == "killed":
            return Crashed(message=str(error))
        return Failed(name=FAILURES.get(error.kind), message=str(error))
    return Completed(message="ran") if ran else Completed(name="Cached", message="DVC had its outputs")


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
    # a worker runs the flow without the command line
    forget_repository()
    root = Path.cwd()
    try:
        limit = limit_s(stage_limit_minutes)
        if _from_deployment():
            revision = limits.permitted(root, limits.read(root), revision, commit=commit, push=push)
        with run_lock.hold(root, GRACE_S + 5, scheduled=bool(revision)) as lock:
            tree = _tree(root, revision, commit)
            Workspace(tree).params()  # rejected here where they can't be used
            repair.repair_dvc_files(tree)
            plan = graph.read_graph(tree, targets)
            before = follow_up.figures_before(tree)
            # a retried flow run keeps its id
            run_id = f"{flow_run.id}.{flow_run.run_count}"
            processes = StageProcesses(tree, run_id, limit, lock)
            rebuilt = follow_up.Rebuilt(Workspace(tree), root, processes, before, artifacts.Board(get_run_logger()))
            try:
                conclusion = _stages(rebuilt, plan, force)
                if not conclusion.is_completed():
                    return conclusion
                # a run of a part says nothing new of the model
                return _follow_up(
                    rebuilt, conclusion, gated=bool(revision), commit=commit, push=push, whole=not targets
                )
            except (CrackflowError, OSError) as error:
                return Failed(message=one_line(error))
            finally:
                # reached early by Ctrl-C, by cancellation and by SIGTERM: Prefect then joins the tasks' threads
                processes.stop()
    except run_lock.AlreadyRunningError as error:
        return Cancelled(name="AlreadyRunning", message=str(error))
    except (CrackflowError, DvcException) as error:
        return Failed(name="Refused", message=one_line(error))
    except OSError as error:
        where = error.filename or root
        return Failed(name="Refused", message=f"{where}: {error.strerror}; make room or allow it, and run again")


def _from_deployment() -> bool:
    context = FlowRunContext.get()
    return bool(context and context.flow_run and context.flow_run.deployment_id)


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


def _stages(rebuilt: follow_up.Rebuilt, plan: list[graph.Stage], force: bool) -> State:
    """Bring every stage of the plan up to date; give what came of it all."""
    states = _run(plan, rebuilt.processes, force, rebuilt.board)
    table = artifacts.stage_table(plan, states)
    rebuilt.board.put(create_markdown_artifact, markdown=table, key="stages", description="What became of each stage")
    return _conclusion(states)


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


def _run(plan: list[graph.Stage], processes: StageProcesses, force: bool, board: artifacts.Board) -> dict[str, State]:
    """Submit every stage with what it waits for, and wait until all have ended."""
    futures: dict[str, PrefectFuture[State]] = {}
    for stage in plan:
        upstream = {name: futures[name] for name in stage.upstream}
        futures[stage.name] = run_stage.submit(
            # quoted: Prefect would put results in the place of the futures, and walk through the rest
            quote(stage),
            quote(upstream),
            quote(processes),
            force,
            return_state=False,
            wait_for=[allow_failure(future) for future in upstream.values()],
        )
    bar = board.put(create_progress_artifact, progress=0.0, key="progress", description=f"Stages done, of {len(plan)}")
    for done, future in enumerate(futures.values(), start=1):
        future.wait()
        board.put(update_progress_artifact, artifact_id=bar, progress=100 * done / len(plan))
    return {name: future.state for name, future in futures.items()}


def _conclusion(states: dict[str, State]) -> State:
    failed = {name: state.message for name, state in states.items() if state.is_failed() or state.is_crashed()}
    missed = [name for name, state in states.items() if not state.is_completed() and name not in failed]
    if failed or missed:
        reason = "; ".join(f"{name} failed: {message}" for name, message in failed.items())
        rest = f"{', '.join(missed)} did not run" if missed else ""
        return Failed(message="; ".join(filter(None, [reason, rest])))
    cached = sum(state.name == "Cached" for state in states.values())
    return Completed(message=f"{len(states) - cached} of {len(states)} stages ran, {cached} cached")
