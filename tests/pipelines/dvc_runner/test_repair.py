import json
import os
import subprocess
import sys
import time

import pytest

from pipelines.dvc_runner.repair import repair_dvc_files
from pipelines.git import git

NOBODY = '{"write": {}, "read": {}}'


@pytest.fixture
def root(tmp_path):
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize("left", ["", '{"write": {"'])
def test_a_list_that_is_cut_short_goes(root, left):
    (root / ".dvc/tmp/rwlock").write_text(left)
    assert repair_dvc_files(root) is True
    assert not (root / ".dvc/tmp/rwlock").exists()


def test_a_whole_one_stays(root):
    (root / ".dvc/tmp/rwlock").write_text(NOBODY)
    assert repair_dvc_files(root) is False
    assert (root / ".dvc/tmp/rwlock").read_text() == NOBODY
    (root / ".dvc/tmp/rwlock").unlink()
    assert repair_dvc_files(root) is False


@pytest.mark.parametrize(("age_s", "mended"), [(86_400, True), (-60, False)])
def test_a_process_with_the_number_of_one_that_died_is_a_stranger(root, age_s, mended):
    """It began after the list was written. One that had begun by then is meant."""
    with subprocess.Popen(["sleep", "60"]) as process:
        path = root / ".dvc/tmp/rwlock"
        path.write_text(json.dumps({"write": {"a": {"pid": process.pid, "cmd": "repro"}}, "read": {}}))
        written = time.time() - age_s
        os.utime(path, (written, written))
        assert repair_dvc_files(root) is mended
        assert path.exists() is not mended
        process.kill()


@pytest.mark.parametrize("left", ["", "schema: '2.0'\nstages:\n  split:\n    cm"])
def test_a_lockfile_that_is_cut_short_comes_back_as_committed_or_goes(root, under_git, left):
    whole = "schema: '2.0'\nstages:\n  split:\n    cmd: x\n"
    (root / "dvc.lock").write_text(left)
    assert repair_dvc_files(root) is True
    assert not (root / "dvc.lock").exists()
    under_git(root)
    (root / "dvc.lock").write_text(whole)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "start")
    assert repair_dvc_files(root) is False
    (root / "dvc.lock").write_text(left)
    assert repair_dvc_files(root) is True
    assert (root / "dvc.lock").read_text() == whole


def test_dvc_itself_stops_at_it(built):
    """The reason to be; when DVC mends it by itself some day, this can go."""
    path = built.root / ".dvc/tmp/rwlock"
    path.write_text("")
    command = [sys.executable, "-m", "dvc", "repro", "-f", "-s", "split"]
    done = subprocess.run(command, cwd=built.root, check=False, capture_output=True, text=True)
    assert "JSON structure is corrupted" in done.stderr
    assert repair_dvc_files(built.root) is True
    assert subprocess.run(command, cwd=built.root, check=False, capture_output=True).returncode == 0
