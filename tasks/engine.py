"""Who carries out the work of a stage on many files: as `compute` in params.yaml says, or the environment."""

import contextlib
import importlib.util
import json
import os
import secrets
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from crackflow.atomic import write_text
from crackflow.errors import ParamsError
from crackflow.parallel.engine import Engine, WorkerTimes
from crackflow.parallel.processes import Processes
from crackflow.parallel.threads import Threads
from crackflow.params.compute import ComputeParams, parse_compute
from tasks.code_closure import loaded_fingerprint
from tasks.workspace import Workspace

# Over params.yaml, for one machine or one run; `crackflow rebuild --compute` sets it.
VARIABLE = "CRACKFLOW_COMPUTE"


def chosen(params: ComputeParams) -> ComputeParams:
    """The parameters, or what the environment says in their place.

    Raises:
        ParamsError: when the environment says what can't be read.
    """
    text = os.environ.get(VARIABLE, "")
    return parse_compute(text) if text else params


@contextlib.contextmanager
def open_engine(workspace: Workspace, params: ComputeParams, module: str) -> Iterator[Engine]:
    """Start what carries out the work of a stage, and end it.

    Args:
        workspace: that workers must see at the same path.
        params: the block `compute`.
        module: of the stage, such as "tasks.resize": workers must have the same code of it.

    Yields:
        The engine.

    Raises:
        ParamsError: when Dask is asked for and not installed, or the environment can't be read.
        ShardError: when the scheduler does not answer, or a worker has other code or another folder.
    """
    wanted = chosen(params)
    if not wanted.address:
        with started(wanted) as engine:
            yield engine
        return
    token = workspace.state("compute", secrets.token_hex(8))
    try:
        with started(wanted, partial(site, token, module)) as engine:
            yield engine
    finally:
        token.rmdir()


@contextlib.contextmanager
def started(wanted: ComputeParams, alike: Callable[[], object] | None = None) -> Iterator[Engine]:
    """Start an engine, and end it.

    Args:
        wanted: which one, as `chosen` gives it.
        alike: for workers elsewhere, as crackflow.parallel.dask_workers.workers_of takes it.

    Yields:
        The engine.

    Raises:
        ParamsError: when Dask is asked for and not installed.
        ShardError: when the scheduler does not answer, or a worker differs.
    """
    if wanted.engine == "threads":
        yield Threads(wanted.workers)
        return
    if wanted.engine == "processes":
        yield Processes(wanted.workers)
        return
    if importlib.util.find_spec("distributed") is None:
        raise ParamsError(
            "compute.engine is dask, which is not installed; install the extra: pip install 'crackflow[dask]', or "
            "choose threads or processes"
        )
    from crackflow.parallel.dask_workers import workers_here, workers_of

    with workers_of(wanted.address, alike) if wanted.address else workers_here(wanted.workers) as engine:
        yield engine


def record_times(workspace: Workspace, stage: str, times: WorkerTimes) -> None:
    """Write how long each worker took in the last run of a stage; the page of a flow's run shows it."""
    write_text(workspace.workers(stage), json.dumps(times.rows(), indent=1) + "\n")


def site(token: Path, module: str) -> tuple[bool, str]:
    """What must be the same here and on each worker.

    Args:
        token: a folder that was made for this run.
        module: of the stage.

    Returns:
        Whether the folder is there, and a hash of the stage's code, as this process has loaded it.
    """
    return token.is_dir(), loaded_fingerprint(module)
