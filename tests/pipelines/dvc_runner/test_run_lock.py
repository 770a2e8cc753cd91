"""pipelines/dvc_runner/run_lock.py."""

import os
import subprocess
import sys
import time

import pytest

from pipelines.dvc_runner.run_lock import AlreadyRunningError, hold

# Takes the lock, hands it to a process that lasts for argv[2] seconds, and dies.
DIES = """
import os, signal, subprocess, sys
from pathlib import Path
from pipelines.dvc_runner.run_lock import hold
with hold(Path(sys.argv[1]), 0) as lock:
    subprocess.Popen(["sleep", sys.argv[2]], pass_fds=[lock], stdout=subprocess.DEVNULL)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_second_one_is_refused_at_once(tmp_path):
    path = tmp_path / "new/lock"
    begun = time.monotonic()
    with hold(path, 60), pytest.raises(AlreadyRunningError, match=f"process {os.getpid()}, since"), hold(path, 60):
        pass
    assert time.monotonic() - begun < 5


def test_is_free_again_afterwards(tmp_path):
    for _ in range(2):
        with hold(tmp_path / "lock", 0):
            pass


def test_is_free_again_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), hold(tmp_path / "lock", 0):
        raise ZeroDivisionError
    with hold(tmp_path / "lock", 0):
        pass


def test_waits_for_the_stages_of_a_run_that_was_killed(tmp_path):
    subprocess.run([sys.executable, "-c", DIES, tmp_path / "lock", "1"], check=False)
    begun = time.monotonic()
    with hold(tmp_path / "lock", 30):
        assert 0.2 < time.monotonic() - begun < 20


def test_does_not_wait_for_them_for_ever(tmp_path):
    subprocess.run([sys.executable, "-c", DIES, tmp_path / "lock", "2"], check=False)
    with pytest.raises(AlreadyRunningError), hold(tmp_path / "lock", 0.2):
        pass


@pytest.mark.parametrize("text", ["", "{", "[]", '{"process": "x", "since": "?"}'])
def test_a_spoilt_file_is_no_obstacle(tmp_path, text):
    (tmp_path / "lock").write_text(text)
    with hold(tmp_path / "lock", 0):
        pass
