"""Soak: a rebuild whose pairs are resized by workers of a Dask cluster, of which something dies."""

import dataclasses
import os
import signal
from pathlib import Path

from benchmarks.soak import slow_worker
from benchmarks.soak.dask_cluster import Cluster, cluster
from benchmarks.soak.sandbox import Case, Found, Place, last_line, wait
from tasks.engine import VARIABLE

STAGE = "resize"
WORKERS = 2
# Pairs of the soak's 60 that are finished when the harm is done.
BEFORE = 10


def dask_faults() -> dict[tuple[str, str], Case]:
    """Each fault by its name and place."""
    return {
        ("kill -9 of one of two Dask workers", STAGE): worker_killed,
        ("the Dask scheduler killed, then started again", STAGE): scheduler_killed,
        ("a photograph that kills each Dask worker", STAGE): poisoned,
    }


def worker_killed(place: Place, at: Path) -> Found:
    """One host is lost for good: the other must do all, and nothing may be missing."""
    with cluster(at, place.environment) as found:
        # without a nanny nobody starts it again
        _start(found, "--no-nanny")
        here, wanted = _prepared(place, found)
        flow = here.start("pipelines", "rebuild", STAGE)
        met = wait(lambda: len(_finished(place)) >= BEFORE, 300)
        os.kill(found.workers[0].pid, signal.SIGKILL)
        said, _ = flow.communicate(timeout=900)
        alike = place.outputs() == wanted
        again, then = here.run("pipelines", "rebuild", STAGE)
    happened = f"exit code {flow.returncode}: {last_line(said)}"
    return Found(happened, then, met and flow.returncode == 0 and alike and again == 0 and place.gone())


def scheduler_killed(place: Place, at: Path) -> Found:
    """The run must end in one line that says what to do; the next one must go on from what is finished."""
    with cluster(at, place.environment) as found:
        _start(found)
        here, wanted = _prepared(place, found)
        flow = here.start("pipelines", "rebuild", STAGE)
        met = wait(lambda: len(_finished(place)) >= BEFORE, 300)
        found.kill_scheduler()
        said, _ = flow.communicate(timeout=900)
        port = int(found.address.rpartition(":")[2])
        found.end()
        finished = _finished(place)
        _start(found, port=port)
        how = f"exit code {flow.returncode}: {last_line(said)}"
        return _next_run(here, wanted, how, finished, good=met and flow.returncode != 0 and "went away" in said)


def poisoned(place: Place, at: Path) -> Found:
    """It must be named, and all others be finished; without it the next run must do what is left, and no more."""
    name = sorted(path.name for path in (place.root / "data/raw/images").iterdir())[30]
    with cluster(at, place.environment | {slow_worker.POISON: name}) as found:
        _start(found)
        here, wanted = _prepared(place, found)
        flow = here.start("pipelines", "rebuild", STAGE)
        said, _ = flow.communicate(timeout=1800)
    finished = _finished(place)
    named = flow.returncode != 0 and f"no worker lived through {Path(name).stem} (" in said
    (at / "well").mkdir()
    with cluster(at / "well", place.environment) as found:
        _start(found)
        here, _ = _prepared(place, found, forget=False)
        how = f"exit code {flow.returncode}: {last_line(said)}"
        return _next_run(here, wanted, how, finished, good=named, missing=1)


def _start(found: Cluster, *options: str, port: int = 0) -> None:
    found.start([[]] * WORKERS, ["--preload", str(Path(slow_worker.__file__)), *options], port)


def _prepared(place: Place, found: Cluster, *, forget: bool = True) -> tuple[Place, dict[str, str]]:
    """The place with the cluster at its disposal, and what must come of it; the stage counts as never run."""
    wanted = place.outputs()
    if forget:
        place.forget([STAGE])
    return dataclasses.replace(place, more={**found.tls, VARIABLE: f"dask:{found.address}"}), wanted


def _next_run(
    here: Place, wanted: dict[str, str], how: str, finished: dict[str, int], *, good: bool, missing: int = 0
) -> Found:
    """Rebuild; `missing` is how many pairs at most may have been left to do, 0 for any number."""
    again, then = here.run("pipelines", "rebuild", STAGE)
    now = _finished(here)
    twice = sum(now.get(name) != when for name, when in finished.items())
    happened = f"{how}; {len(finished)} of {len(now)} pairs are finished"
    then = f"{then}; of the finished pairs {twice or 'none'} {'was' if twice < 2 else 'were'} resized again"
    left = len(now) - len(finished)
    good = good and again == 0 and not twice and bool(finished) and left <= (missing or left)
    good = good and here.outputs() == wanted and here.gone()
    return Found(happened, then, good)


def _finished(place: Place) -> dict[str, int]:
    """When each pair was finished that stage resize keeps, by the name of its file."""
    files = (place.root / ".crackflow/state" / STAGE).glob("*/rows/*.json")
    return {path.name: path.stat().st_mtime_ns for path in files}
