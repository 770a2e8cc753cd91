"""`make clean`, as make runs it, in folders with real locks."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.dvc_runner.clean import MADE
from pipelines.dvc_runner.run_lock import hold

ROOT = Path(__file__).parents[3]


@pytest.fixture
def checkout(tmp_path):
    """What a rebuild leaves, without git."""
    for name in (*MADE, ".crackflow/state", ".crackflow/ran", ".crackflow/scheduled", "reports/mini_test"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("made") if path.suffix else (path.mkdir(), (path / "file").write_text("made"))
    for name in ("reports/evaluation.csv", "reports/index.html", "reports/.gitignore", "data/source/a.png"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("text")
    return tmp_path


def files(root):
    return {path.relative_to(root).as_posix() for path in root.rglob("*") if not path.is_dir() or path.is_symlink()}


def clean(root):
    command = [sys.executable, "-m", "pipelines.dvc_runner.clean"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)


KEPT = {
    ".crackflow/rebuild.lock",
    ".crackflow/scheduled.lock",
    ".crackflow/scheduled/file",
    "data/source/a.png",
    "reports/.gitignore",
    "reports/evaluation.csv",
}


def test_what_runs_made_goes_and_the_rest_stays(checkout):
    done = clean(checkout)
    assert (done.returncode, done.stderr) == (0, "")
    assert files(checkout) == KEPT
    assert clean(checkout).returncode == 0


@pytest.mark.parametrize("scheduled", [False, True])
def test_it_refuses_while_a_run_is_on(checkout, scheduled):
    with hold(checkout, 0, scheduled=scheduled):
        before = files(checkout)
        done = clean(checkout)
        assert done.returncode == 2
        assert done.stderr.startswith(f"error: another rebuild (process {os.getpid()}, since ")
        assert done.stderr.count("\n") == 1
        # but for the lock of the other kind, which was free
        assert files(checkout) - {".crackflow/rebuild.lock"} == before - {".crackflow/rebuild.lock"}


def test_it_refuses_while_dvc_works(checkout):
    with subprocess.Popen(["sleep", "60"]) as process:
        path = checkout / ".dvc/tmp/rwlock"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"write": {str(checkout / "models"): {"pid": process.pid, "cmd": "dvc repro"}}}))
        done = clean(checkout)
        process.kill()
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: a DVC command (process {process.pid}) works in this checkout")
    assert (checkout / "models/file").exists()
    assert clean(checkout).returncode == 0


def test_what_the_system_will_not_do_is_one_line(checkout):
    (checkout / ".crackflow/rebuild.lock").mkdir()
    done = clean(checkout)
    assert done.returncode == 2
    assert done.stderr == (
        f"error: {checkout}/.crackflow/rebuild.lock: Is a directory; name another path, and run again\n"
    )


def test_what_a_link_leads_to_stays(checkout, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    (elsewhere / "a.png").write_text("text")
    (checkout / "predictions/link").symlink_to(elsewhere)
    (checkout / ".crackflow/link").symlink_to(elsewhere)
    assert clean(checkout).returncode == 0
    assert files(checkout) == KEPT
    assert files(elsewhere) == {"a.png"}
