"""A scheduler and workers that are started elsewhere, as docs/how-to/dask.md has it, and go away."""

import functools
import json
import subprocess
import sys
import time

import pytest

from crackflow.parallel import dask_workers
from crackflow.parallel.dask_workers import workers_of
from crackflow.parallel.engine import ShardError, fan_out
from tests.crackflow.parallel import engine_work

pytestmark = pytest.mark.slow


@pytest.fixture
def cluster(tmp_path):
    """A scheduler with one worker that no nanny starts again; its process and its address."""
    file = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli."]
    options = ["--no-dashboard", "--scheduler-file", str(file)]
    started = [
        subprocess.Popen([*command[:2], command[2] + name, *options, *more], stderr=subprocess.DEVNULL)
        for name, more in (
            ("dask_scheduler", ["--host", "127.0.0.1", "--port", "0"]),
            ("dask_worker", ["--host", "127.0.0.1", "--nthreads", "1", "--no-nanny"]),
        )
    ]
    try:
        deadline = time.monotonic() + 120
        while not (file.exists() and file.read_text().endswith("}") and _has_workers(file)):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        yield started[0], json.loads(file.read_text())["address"]
    finally:
        for process in started:
            process.kill()
            process.wait()


def _has_workers(file):
    from distributed import Client

    with Client(json.loads(file.read_text())["address"], set_as_default=False) as client:
        return bool(client.nthreads())


def test_a_scheduler_that_goes_away_ends_in_one_line(cluster, monkeypatch, capfd):
    scheduler, address = cluster
    monkeypatch.setattr(dask_workers, "CONNECT_S", 1)
    capfd.readouterr()
    with workers_of(address) as engine:
        results = fan_out(engine, engine_work.short_sleep, range(1000))
        assert next(results) == 0
        scheduler.kill()
        with pytest.raises(ShardError, match=f"the Dask scheduler at {address} went away while it worked, .* start"):
            list(results)
        # the client has given up by now, and what comes next says the same
        deadline = time.monotonic() + 60
        while engine._client.status != "closed":
            assert time.monotonic() < deadline
            time.sleep(0.1)
        with pytest.raises(ShardError, match="the Dask scheduler went away"):
            list(fan_out(engine, engine_work.square, range(3)))
    assert "Traceback" not in capfd.readouterr().err


def test_workers_that_are_all_gone_are_not_waited_for_ever(cluster, monkeypatch):
    _, address = cluster
    monkeypatch.setattr(dask_workers, "WORKERLESS_S", 3.0)
    with (
        workers_of(address) as engine,
        pytest.raises(ShardError, match=f"all workers of the Dask scheduler at {address} are gone; start some"),
    ):
        list(fan_out(engine, functools.partial(engine_work.kill_at, 2), range(9)))
