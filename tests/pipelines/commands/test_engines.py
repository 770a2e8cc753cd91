"""Predict on each engine, with the packaged weights: the same bytes, and a worker that dies loses one photograph."""

import contextlib
import itertools
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from crackflow.errors import ParamsError
from crackflow.inference import inputs, packaged_weights
from crackflow.parallel.engine import ShardError
from crackflow.params import ComputeParams
from pipelines.cli import app
from pipelines.commands import marking
from pipelines.commands import predict as prediction
from pipelines.commands.export_model import sample_pictures
from pipelines.commands.prediction_outputs import OUTPUTS
from tasks.engine import VARIABLE
from tests.pipelines.commands.deadly import Deadly

SKIPPED = ["damaged.jpg", "large.png"]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two photographs of the sample, one in two squares, one that is damaged and one that is too large."""
    root = tmp_path_factory.mktemp("made")
    one, two = itertools.islice(sample_pictures(256), 2)
    (root / "photos").mkdir()
    pictures = {"a.png": one, "b.jpg": two, "wide.png": np.hstack([one, two, one])[:200, :520]}
    for name, picture in (pictures | {"large.png": np.zeros((600, 600, 3), np.uint8)}).items():
        cv2.imwrite(str(root / "photos" / name), picture)
    (root / "photos/damaged.jpg").write_bytes(b"no photograph")
    return root


@pytest.fixture(scope="module")
def alone(made):
    """What one process writes."""
    with contextlib.chdir(made):
        assert [one.photo for one in marked("threads:1", "alone").skipped] == SKIPPED
        return files("alone")


def marked(compute, out="out", photos="photos", **options):
    weights = packaged_weights.open_folder(packaged_weights.FOLDER, "the packaged weights")
    found = inputs.find([str(photos)])
    # 0.01 GiB are room for 0.2 megapixels
    return prediction.predict(weights, found, Path(out), compute=compute, max_memory=0.01, **options)


def files(out):
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in Path(out).rglob("*") if path.is_file()}


@pytest.mark.slow
@pytest.mark.parametrize(
    "other",
    [
        "processes:2",
        pytest.param("processes:1", marks=pytest.mark.soak),
        pytest.param("dask:2", marks=pytest.mark.soak),
        pytest.param("dask:4", marks=pytest.mark.soak),
    ],
)
def test_every_engine_writes_the_same_bytes(made, alone, other, monkeypatch):
    monkeypatch.chdir(made)
    outcome = marked(other, other)
    assert [one.photo for one in outcome.skipped] == SKIPPED
    assert {"masks/wide.png", "records/b.json", "summary.csv", "crackflow-manifest.json"} <= alone.keys()
    assert files(other) == alone


@pytest.mark.soak
def test_workers_elsewhere_write_the_same_bytes_and_must_have_the_same_code(made, alone, monkeypatch):
    from distributed import LocalCluster

    monkeypatch.chdir(made)
    with LocalCluster(n_workers=2, threads_per_worker=2, host="127.0.0.1", dashboard_address="127.0.0.1:0") as cluster:
        compute = f"dask:{cluster.scheduler_address}"
        marked(compute, "elsewhere")
        assert files("elsewhere") == alone
        # this process now has other code than the workers
        monkeypatch.setattr(marking, "loaded_fingerprint", lambda module: "other")
        with pytest.raises(ShardError, match="has other code or another folder"):
            marked(compute, "other")
    assert not Path("other").exists()


@pytest.mark.slow
@pytest.mark.parametrize("compute", ["processes:2", pytest.param("dask:2", marks=pytest.mark.soak)])
def test_a_worker_that_dies_costs_its_photograph_alone_and_resume_goes_on(made, alone, compute, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(made / "photos", "photos", ignore=shutil.ignore_patterns(*SKIPPED, "b.jpg", "wide.png"))
    for name in ("poison", "once"):
        shutil.copyfile("photos/a.png", f"photos/{name}.png")
    monkeypatch.setitem(OUTPUTS, "deadly", Deadly)
    outcome = marked(compute)
    assert [one.photo for one in outcome.skipped] == ["poison.png"]
    assert "poison.png: no worker lived through it" in outcome.skipped[0].reason
    assert outcome.cracked + outcome.empty == 2
    found = files("out")
    assert found["masks/a.png"] == found["masks/once.png"] == alone["masks/a.png"]
    assert not [name for name in found if "poison." in name or "work" in name]

    monkeypatch.delitem(OUTPUTS, "deadly")
    outcome = marked("threads", resume=True)
    assert (outcome.done_before, outcome.cracked + outcome.empty, outcome.skipped) == (2, 3, ())
    assert files("out")["masks/poison.png"] == alone["masks/a.png"]


def test_who_works_is_said_by_the_option_the_environment_and_params_in_that_order(monkeypatch):
    own = ComputeParams(engine="processes", workers=3)
    assert prediction.who_works("", own) == own
    # an address there may come from whoever made the folder
    assert prediction.who_works("", ComputeParams(engine="dask", address="tcp://a:1")) == ComputeParams()
    monkeypatch.setenv(VARIABLE, "dask:tcp://a:1")
    assert prediction.who_works("", own).address == "tcp://a:1"
    assert prediction.who_works("threads", own) == ComputeParams()
    with pytest.raises(ParamsError, match="expected threads, processes or dask"):
        prediction.who_works("ray", own)


def test_an_engine_that_is_none_is_told_in_one_line(made, monkeypatch):
    monkeypatch.chdir(made)
    result = CliRunner().invoke(app, ["predict", "photos", "--out", "none", "--model", "packaged", "--compute", "ray"])
    assert result.exit_code == 2
    assert "error: received compute 'ray', expected threads, processes or dask" in result.stderr
    assert not Path("none").exists()
