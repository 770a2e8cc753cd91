"""The stages of a plan as Prefect tasks: each in a process of its own, in the order that the graph asks for."""

import functools
from typing import Any

from prefect import Task, get_run_logger, task
from prefect.artifacts import create_markdown_artifact, create_progress_artifact, update_progress_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas import State, TaskRun
from prefect.futures import PrefectFuture
from prefect.states import Cancelled, Completed, Crashed, Failed, Pending
from prefect.utilities.annotations import allow_failure, quote

from pipelines.dvc_runner import graph
from pipelines.dvc_runner.process import StageProcesses
from pipelines.dvc_runner.stage_error import StageError, StageStoppedError
from pipelines.flows import artifacts

# A server that can't be reached may answer later; any other stage that failed would fail again.
DOWNLOAD_RETRIES = 2
# The download itself tries with back-off before it gives up. A run that is cancelled waits for the end of such a delay,
# and has 15 s.
DOWNLOAD_RETRY_DELAYS_S = [3.0, 9.0]
UNREACHABLE = "Unreachable"
# Fault: the stage has said what to fix; a stage that failed without saying so has a defect.
FAILURES = {"unreachable": UNREACHABLE, "fault": "Fault"}


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


def run_stages(plan: list[graph.Stage], processes: StageProcesses, force: bool, board: artifacts.Board) -> State:
    """Bring every stage of a plan up to date, as many at once as the flow's task runner allows.

    Args:
        plan: the stages in an order in which they can run.
        processes: what starts them.
        force: run them though nothing changed.
        board: where their progress and the table of what became of them are put.

    Returns:
        Completed, or Failed with the reason of each stage that failed and the names of those that did not run.
    """
    states = _run(plan, processes, force, board)
    ran = [stage.name for stage in plan if states[stage.name].name == "Completed"]
    parts = [artifacts.stage_table(plan, states), artifacts.worker_table(processes.workspace, ran)]
    table = "\n\n".join(part for part in parts if part)
    board.put(create_markdown_artifact, markdown=table, key="stages", description="What became of each stage")
    return _conclusion(states)


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
