"""Three folds of the built-in sample, with real Prefect, DVC and Keras; the second run trains nothing."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from crackflow.params import Params, dump, parse, render
from pipelines.crossvalidating.pooled import KEYS

ROOT = Path(__file__).parents[3]

pytestmark = [pytest.mark.slow, pytest.mark.soak, pytest.mark.timeout(1800)]


@pytest.fixture
def checkout(tmp_path, under_git):
    root = tmp_path / "checkout"
    root.mkdir()
    for name in ("crackflow", "tasks", "pipelines"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("dvc.yaml", ".dvcignore", ".gitignore", "prefect.toml", "params.yaml"):
        shutil.copy(ROOT / name, root / name)
    (root / "data/source").mkdir(parents=True)
    for name in ("data/source/README.md", "data/previous.csv"):
        shutil.copy(ROOT / name, root / name)
    under_git(root)
    run(root, sys.executable, "-m", "dvc", "init", "-q")
    run(root, "git", "add", "--all")
    run(root, "git", "commit", "--quiet", "-m", "start")
    values = dump(Params())
    values["data"]["sample"] |= {"images": 40, "size": 64}
    values["resize"]["size"] = 64
    values["model"] |= {"base_filters": 2, "num_layers": 2}
    values["train"] |= {"epochs": 1, "steps_per_epoch": 4, "batch_size": 2, "crop": 32, "num_infer_images": 0}
    (root / "params.yaml").write_text(render(parse(values)))
    return root


def run(root, *command):
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_every_photograph_is_tested_once_and_finished_folds_are_kept(checkout):
    command = (sys.executable, "-m", "pipelines", "crossvalidate", "--folds", "3", "--budget", "0.5")
    before = (checkout / "params.yaml").read_text()
    run(checkout, *command)
    path = checkout / "reports/crossvalidation.json"
    values = json.loads(path.read_text())
    assert values["images"] == 40
    assert values.keys() == KEYS
    assert sum(fold["images"] for fold in values["by_fold"]) == 40
    assert sum(own["images"] for own in values["by_source"].values()) == 40
    assert (checkout / "params.yaml").read_text() == before
    said = run(checkout, *command)
    assert "tasks train" not in said
    assert json.loads(path.read_text()) == values
