"""The flow: the folds one after the other, in a work tree of their own that shares the checkout's DVC cache.

A fold that was finished comes back from DVC's cache, since its stages' inputs are the same; a training that was killed
goes on from its checkpoint. So the flow keeps nothing itself.
"""

import json
from pathlib import Path
from typing import Any

from dvc.exceptions import DvcException
from filelock import FileLock, Timeout
from prefect import flow, get_run_logger
from prefect.client.schemas import State
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed

from crackflow.atomic import write_text
from crackflow.errors import CrackflowError, one_line
from pipelines.crossvalidating import folds, pooled
from pipelines.dvc_runner import graph, repair, run_lock
from pipelines.dvc_runner.process import GRACE_S, StageProcesses, limit_s
from pipelines.flows import artifacts, shared_photographs, work_tree
from pipelines.flows.rebuild import RUNNER
from pipelines.flows.stages import run_stages
from pipelines.git import commit_of
from tasks.endings import os_error_line
from tasks.environment import settle
from tasks.workspace import Workspace

FLOW_NAME = "crackflow-crossvalidate"
# Below the checkout's root.
PLACE = Path(".crackflow/crossvalidation")
LOCK = Path(".crackflow/crossvalidation.lock")


@flow(name=FLOW_NAME, task_runner=RUNNER)
def crossvalidate(number: int, budget: float, out: str, stage_limit_minutes: float | None = None) -> State:
    """Train and test each fold, and write the figures pooled over all of them.

    Args:
        number: how many folds.
        budget: share of the training's steps, above 0 and at most 1.
        out: the file of the result.
        stage_limit_minutes: a stage that takes longer is ended, and has failed; None for no limit.

    Returns:
        Completed; Failed with the reason in one line; Failed(name="Refused") where nothing was started because of what
        the user has to fix; Cancelled(name="AlreadyRunning") where another one works in this checkout.
    """
    root = Path.cwd()
    try:
        settle()
        limit = limit_s(stage_limit_minutes)
        params = Workspace(root).checked_params()
        (root / LOCK).parent.mkdir(parents=True, exist_ok=True)
        with FileLock(root / LOCK, timeout=0):
            tree = work_tree.prepare(root, "HEAD", PLACE)
            folds.prepare(tree, folds.grouping_params(params), {})
            # data.path is the checkout's, which need not be that of its last commit
            shared_photographs.share(root, tree)
            with run_lock.hold(tree, GRACE_S + 5) as lock:
                repair.repair_dvc_files(tree)
                processes = StageProcesses(tree, f"{flow_run.id}.{flow_run.run_count}", limit, lock)
                try:
                    return _run(root, tree, processes, number, budget, Path(out))
                except CrackflowError as error:
                    return Failed(message=one_line(error))
                except OSError as error:
                    return Failed(message=os_error_line(error, tree))
                finally:
                    processes.stop()
    except (Timeout, run_lock.AlreadyRunningError):
        return Cancelled(name="AlreadyRunning", message="another cross-validation works in this checkout; wait for it")
    except (CrackflowError, DvcException) as error:
        return Failed(name="Refused", message=one_line(error))
    except OSError as error:
        return Failed(name="Refused", message=os_error_line(error, root))


def _run(root: Path, tree: Path, processes: StageProcesses, number: int, budget: float, out: Path) -> State:
    log = get_run_logger()
    board = artifacts.Board(log)
    params = Workspace(root).params()
    state = run_stages(graph.read_graph(tree, ["split"]), processes, False, board)
    if not state.is_completed():
        return state
    made = folds.read_folds(tree, params, number)
    tested, by_fold = [], []
    for fold in range(number):
        subsets = folds.subsets_of(made, fold)
        folds.prepare(tree, folds.fold_params(params, budget, folds.train_pairs(made, fold)), subsets)
        log.info("fold %d of %d", fold + 1, number)
        state = run_stages(graph.read_graph(tree, ["evaluate"]), processes, False, board)
        if not state.is_completed():
            return Failed(message=f"fold {fold + 1} of {number}: {state.message}; run again to go on from here")
        table, said = folds.reached(tree, made, fold)
        tested.append(table)
        by_fold.append(said)
    values: dict[str, Any] = {
        "folds": number,
        "budget": budget,
        "seed": params.train.seed,
        "revision": commit_of(tree, "HEAD")[:12],
        "tolerance_px": params.evaluate.tolerance_px,
        **pooled.pooled(tested, params.resize.size**2),
        "by_fold": by_fold,
    }
    write_text(out, json.dumps(values, indent=1) + "\n", among_theirs=True)
    return Completed(message=pooled.words(values))
