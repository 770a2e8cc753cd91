"""The flow: bring the stages of dvc.yaml up to date, each as a Prefect task.

DVC owns the graph and the cache, Prefect owns when, retries, limits, logs and states. The flow takes the graph as
pipelines/dag.py reads it and never repeats it.
"""

import contextlib
import functools
from pathlib import Path
from typing import Any

from prefect import Task, flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas import State, TaskRun
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed, Pending
from prefect.task_runners import TaskRunner, ThreadPoolTaskRunner
from prefect.utilities.annotations import allow_failure, quote

from crackflow.errors import CrackflowError, DataError
from crackflow.params import Params
from pipelines import artifacts, dag, figures, run_lock
from pipelines.stage_process import GRACE_S, StageError, StageProcesses, StageStoppedError
from tasks.workspace import Workspace

# Training takes every core there is; two let a light stage run beside it.
STAGES_AT_ONCE = 2
# A server that can't be reached may answer later; any other stage that failed would fail again.
DOWNLOAD_RETRIES = 2
DOWNLOAD_RETRY_DELAY_S = 20.0
UNREACHABLE = "Unreachable"
# ThreadPoolTaskRunner(...) alone is a runner of Never to mypy
RUNNER: TaskRunner[Any] = ThreadPoolTaskRunner(max_workers=STAGES_AT_ONCE)


def _may_pass(_task: Task[..., Any], _run: TaskRun, state: State) -> bool:
    return state.name == UNREACHABLE


@task(
    task_run_name="{stage.name}",
    cache_policy=NO_CACHE,
    persist_result=False,
    retries=DOWNLOAD_RETRIES,
    retry_delay_seconds=DOWNLOAD_RETRY_DELAY_S,
    retry_condition_fn=_may_pass,
)
def run_stage(
    stage: dag.Stage, upstream: dict[str, PrefectFuture[State]], processes: StageProcesses, force: bool, remote: bool
) -> State:
    """Bring one stage up to date.

    Args:
        stage: the stage as planned.
        upstream: the task runs of the stages that it builds on, all of them ended.
        processes: what starts it.
        force: run it though nothing changed.
        remote: it fetches from a server; when it fails, it is tried again.

    Returns:
        Completed where it ran, Completed(name="Cached") where it need not, Pending(name="NotReady") where a stage that
        it builds on failed, Failed or Cancelled otherwise.
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
        # returned and not raised: Prefect would log a traceback of this function, which is at no fault
        return Failed(name=UNREACHABLE if remote else None, message=str(error))
    return Completed(message="ran") if ran else Completed(name="Cached", message="DVC had its outputs")


@flow(task_runner=RUNNER)
def rebuild(targets: list[str] | None = None, force: bool = False, stage_limit_minutes: float | None = None) -> State:
    """Bring the stages of dvc.yaml in the current directory up to date.

    Args:
        targets: the stages to bring up to date, with all they build on; None for every stage.
        force: run them though nothing changed.
        stage_limit_minutes: a stage that takes longer is ended, and has failed; None sets no limit.

    Returns:
        Completed; Failed with the reason in one line; Failed(name="Refused") where params.yaml, dvc.yaml or a target
        is at fault and no stage was started; Cancelled(name="AlreadyRunning") where another rebuild works here.
    """
    workspace = Workspace(Path.cwd())
    try:
        params = workspace.params()
        with run_lock.hold(workspace.root / ".crackflow/rebuild.lock", GRACE_S + 5) as lock:
            limit_s = stage_limit_minutes and stage_limit_minutes * 60
            # a retried flow run keeps its id
            run_id = f"{flow_run.id}.{flow_run.run_count}"
            plan = dag.read(workspace.root, targets)
            states = _run(plan, params, StageProcesses(workspace.root, run_id, limit_s, lock), force)
    except run_lock.AlreadyRunningError as error:
        return Cancelled(name="AlreadyRunning", message=str(error))
    except CrackflowError as error:
        return Failed(name="Refused", message=str(error))
    create_markdown_artifact(artifacts.stage_table(plan, states), key="stages", description="What became of each stage")
    conclusion = _conclusion(states)
    if conclusion.is_completed() and not targets:
        # a graph without figures is a graph all the same
        with contextlib.suppress(DataError):
            table = artifacts.figure_table(figures.read(workspace))
            create_markdown_artifact(table, key="figures", description="What the model reaches on the test pairs")
    return conclusion


def _run(plan: list[dag.Stage], params: Params, processes: StageProcesses, force: bool) -> dict[str, State]:
    """Submit every stage with what it waits for, and wait until all have ended."""
    futures: dict[str, PrefectFuture[State]] = {}
    try:
        for stage in plan:
            upstream = {name: futures[name] for name in stage.upstream}
            futures[stage.name] = run_stage.submit(
                # quoted: Prefect would put results in the place of the futures, and walk through the rest
                quote(stage),
                quote(upstream),
                quote(processes),
                force,
                stage.name == "download" and params.data.source == "kaggle",
                return_state=False,
                wait_for=[allow_failure(future) for future in upstream.values()],
            )
        for future in futures.values():
            future.wait()
        return {name: future.state for name, future in futures.items()}
    finally:
        # reached early by Ctrl-C, by cancellation and by SIGTERM: Prefect then joins the tasks' threads
        processes.stop()


def _conclusion(states: dict[str, State]) -> State:
    failed = {name: state.message for name, state in states.items() if state.is_failed() or state.is_crashed()}
    missed = [name for name, state in states.items() if not state.is_completed() and name not in failed]
    if failed or missed:
        reason = "; ".join(f"{name} failed: {message}" for name, message in failed.items())
        rest = f"{', '.join(missed)} did not run" if missed else ""
        return Failed(message="; ".join(filter(None, [reason, rest])))
    cached = sum(state.name == "Cached" for state in states.values())
    return Completed(message=f"{len(states) - cached} of {len(states)} stages ran, {cached} cached")
