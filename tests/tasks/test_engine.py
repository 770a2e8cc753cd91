import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from crackflow.errors import CrackflowError, ParamsError
from crackflow.parallel.engine import ShardError
from crackflow.parallel.threads import Threads
from crackflow.params import ComputeParams, Params, render
from crackflow.params.compute import parse_compute
from tasks import engine, evaluate, resize, statistics
from tasks.engine import VARIABLE, open_engine
from tasks.workspace import Workspace

PAIRS = 40
# Namespaces of its own for a program and all that it starts, which end with it.
ALONE = ["unshare", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]


def files(root):
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def written(workspace):
    """All that stages have written in a workspace, but for what they keep for another run."""
    return {name: content for name, content in files(workspace.root).items() if not name.startswith(".crackflow/")}


def forget_what_is_kept(*workspaces):
    """Leave nothing of what one engine has kept to the next."""
    for workspace in workspaces:
        with contextlib.suppress(FileNotFoundError):
            kept = workspace.root / ".crackflow"
            kept.rename(workspace.root.with_name(f"{workspace.root.name} {kept.stat().st_ino}"))


def no_namespaces():
    """Why this machine can't have hosts of its own; "" where it can."""
    pair = ["ip", "link", "add", "one", "type", "veth", "peer", "name", "two"]
    try:
        done = subprocess.run([*ALONE, *pair], check=False, capture_output=True, text=True)
    except FileNotFoundError as error:
        return str(error)
    return done.stderr.strip() if done.returncode else ""


@pytest.fixture
def raw(tmp_path):
    """40 pairs of three sizes in data/raw, one of which is damaged."""
    workspace = Workspace(tmp_path / "raw")
    workspace.root.mkdir()
    small = {"data": {"max_rejected": 0.1}, "resize": {"size": 64}, "train": {"crop": 64}}
    (workspace.root / "params.yaml").write_text(render(Params.model_validate(small)))
    rng = np.random.default_rng(0)
    table = ["stem,image,mask,given,set"]
    for number in range(PAIRS):
        height, width = [(48, 64), (64, 48), (80, 80)][number % 3]
        mask = np.zeros((height, width), np.uint8)
        mask[number : number + 4] = 255
        for kind, pixels in (
            ("images", rng.integers(0, 256, (height, width, 3)).astype(np.uint8)),
            ("masks", mask),
        ):
            path = workspace.raw / kind / f"CFD_{number:03d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(path)
        table.append(f"CFD_{number:03d},CFD_{number:03d}.png,CFD_{number:03d}.png,,")
    (workspace.raw / "images/CFD_007.png").write_bytes(b"no image")
    (workspace.raw / "pairs.csv").write_text("\n".join(table) + "\n")
    workspace.raw_json.write_text(json.dumps({"rejected": []}))
    return workspace


@pytest.mark.slow
@pytest.mark.parametrize(
    "other", ["threads:2", "processes:2", "dask:2", pytest.param("dask:4", marks=pytest.mark.soak)]
)
def test_every_engine_writes_the_same_bytes(raw, made, params, other, monkeypatch):
    found = []
    for compute in ("threads:1", other):
        monkeypatch.setenv(VARIABLE, compute)
        forget_what_is_kept(raw, made)
        resize.run(raw, raw.params())
        statistics.run(made, params)
        evaluate.run(made, params)
        times = [json.loads(raw.workers("resize").read_text()), json.loads(made.workers("statistics").read_text())]
        assert all(sum(row["shards"] for row in rows) > 0 for rows in times)
        found.append((files(raw.resized), raw.resized_csv.read_bytes(), files(made.reports)))
        found[-1] += (files(made.predictions), made.metrics_json.read_bytes(), made.operating_point.read_bytes())
    assert len(found[0][0]) == 2 * (PAIRS - 1)
    assert found[0] == found[1]


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.skipif(sys.platform != "linux", reason="network namespaces are of Linux")
def test_two_hosts_write_the_same_bytes_as_one_thread(raw, made, tmp_path, monkeypatch):
    if reason := no_namespaces():
        pytest.skip(f"no network namespaces: {reason}")
    from tests.tasks import two_hosts

    monkeypatch.setenv(VARIABLE, "threads:1")
    for stage, workspace in ((resize, raw), (evaluate, made)):
        stage.run(workspace, workspace.params())
    alone = [written(workspace) for workspace in (raw, made)]
    photographs = tmp_path / "photographs"
    shutil.copytree(raw.raw / "images", photographs, ignore=lambda _, names: sorted(names)[4:])
    two_hosts.mark(photographs, tmp_path / "alone", "threads:1")
    forget_what_is_kept(raw, made)
    shutil.rmtree(raw.resized)
    shutil.rmtree(made.predictions)
    made.metrics_json.unlink()
    (tmp_path / "cluster").mkdir()
    out = tmp_path / "elsewhere"
    places = [str(one) for one in (tmp_path / "cluster", raw.root, made.root, photographs, out)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    script = Path(__file__).with_name("two_hosts.py")
    subprocess.run([*ALONE, sys.executable, script, *places], check=True, env=environment)
    assert [written(workspace) for workspace in (raw, made)] == alone
    assert files(out) == files(tmp_path / "alone")
    assert "masks/CFD_003.png" in files(out)
    workers = {row["worker"].partition(":")[0] for row in json.loads(raw.workers("resize").read_text())}
    assert workers == {"one", "two"}


def test_what_was_measured_is_not_measured_again(made, params, monkeypatch):
    statistics.run(made, params)
    before = files(made.reports)
    measured = []
    monkeypatch.setattr(statistics, "thickness", lambda crack: measured.append(1))
    statistics.run(made, params)
    assert not measured
    assert files(made.reports) == before


def test_what_no_pair_leads_to_is_deleted(made, params):
    statistics.run(made, params)
    (state,) = (made.root / ".crackflow/state/statistics").iterdir()
    (state / "00").mkdir(exist_ok=True)
    (state / "00/0000.json").write_text("[]")
    (state.parent / "of other code").mkdir()
    kept = len([*state.glob("*/*.json")])
    statistics.run(made, params)
    assert len([*state.glob("*/*.json")]) == kept - 1
    assert [*state.parent.iterdir()] == [state]


@pytest.mark.parametrize("damaged", [b"{", b"\xff\xfe"])
def test_what_is_kept_damaged_is_measured_again(made, params, damaged):
    statistics.run(made, params)
    before = files(made.reports)
    for path in made.root.glob(".crackflow/state/statistics/*/*/*.json"):
        path.write_bytes(damaged)
    statistics.run(made, params)
    assert files(made.reports) == before


@pytest.mark.parametrize(
    ("text", "engine", "workers", "address"),
    [
        ("threads", "threads", 0, ""),
        ("processes:4", "processes", 4, ""),
        ("dask", "dask", 0, ""),
        ("dask:2", "dask", 2, ""),
        ("dask:tls://10.0.0.1:8786", "dask", 0, "tls://10.0.0.1:8786"),
    ],
)
def test_the_short_form_says_engine_workers_and_address(text, engine, workers, address):
    assert parse_compute(text) == ComputeParams(engine=engine, workers=workers, address=address)


@pytest.mark.parametrize("text", ["", "ray", "threads:", "threads:-1", "threads:tcp://a:1", "dask:8786:2", "dask: 2"])
def test_what_is_no_short_form_is_rejected_in_one_line(text):
    with pytest.raises(ParamsError, match="expected threads, processes or dask"):
        parse_compute(text)


def test_the_environment_comes_before_params(monkeypatch):
    assert engine.chosen(ComputeParams(workers=3)).workers == 3
    monkeypatch.setenv(VARIABLE, "processes:2")
    assert engine.chosen(ComputeParams(workers=3)) == ComputeParams(engine="processes", workers=2)


def test_threads_are_the_default(tmp_path):
    with open_engine(Workspace(tmp_path), ComputeParams(), "tasks.resize") as found:
        assert isinstance(found, Threads)


@pytest.mark.parametrize("block", [{"address": "tls://a:1"}, {"engine": "dask", "address": "tls://a:1", "workers": 2}])
def test_keys_that_contradict_each_other_are_rejected(block):
    with pytest.raises(ValueError, match="compute"):
        Params.model_validate({"compute": block})


def test_dask_that_is_not_installed_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    monkeypatch.setattr(engine.importlib.util, "find_spec", lambda name: None)
    with (
        pytest.raises(ParamsError, match=r"crackflow\[dask\]"),
        open_engine(Workspace(tmp_path), ComputeParams(engine="dask"), "tasks.resize"),
    ):
        pass


def test_a_scheduler_that_does_not_answer_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("crackflow.parallel.dask_workers.CONNECT_S", 1)
    compute = ComputeParams(engine="dask", address="tcp://127.0.0.1:9")
    with (
        pytest.raises(ShardError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9"),
        open_engine(Workspace(tmp_path), compute, "tasks.resize"),
    ):
        pass
    assert not [*(tmp_path / ".crackflow/state/compute").iterdir()]


@pytest.mark.slow
def test_a_worker_elsewhere_must_have_the_same_code_and_folder(tmp_path, monkeypatch):
    from distributed import LocalCluster

    with LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster:
        compute = ComputeParams(engine="dask", address=cluster.scheduler_address)
        with open_engine(Workspace(tmp_path), compute, "tasks.resize") as found:
            assert found.shard_size > 1
        # this process now has other code than the worker
        monkeypatch.setattr(engine, "loaded_fingerprint", lambda module: "other")
        with (
            pytest.raises(CrackflowError, match="has other code or another folder"),
            open_engine(Workspace(tmp_path), compute, "tasks.resize"),
        ):
            pass
        cluster.scale(0)
        while cluster.scheduler.workers:
            cluster.sync(cluster.scheduler.retire_workers, remove=True, close_workers=True)
        with (
            pytest.raises(ShardError, match="has no workers"),
            open_engine(Workspace(tmp_path), compute, "tasks.resize"),
        ):
            pass
    assert not [*Path(tmp_path / ".crackflow/state/compute").iterdir()]
