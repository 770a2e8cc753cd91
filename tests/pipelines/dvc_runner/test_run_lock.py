"""pipelines/dvc_runner/run_lock.py."""

import fcntl
import os
import shutil
import subprocess
import sys
import time

import pytest

from pipelines.dvc_runner.run_lock import AlreadyRunningError, hold, lock_file
from pipelines.git import git

# Takes the lock, hands it to a process that lasts for argv[2] seconds, and dies.
DIES = """
import os, signal, subprocess, sys
from pathlib import Path
from pipelines.dvc_runner.run_lock import hold
with hold(Path(sys.argv[1]), 0) as lock:
    subprocess.Popen(["sleep", sys.argv[2]], pass_fds=[lock], stdout=subprocess.DEVNULL)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_second_one_is_rejected_at_once(tmp_path):
    path = tmp_path / "new"
    begun = time.monotonic()
    with hold(path, 60), pytest.raises(AlreadyRunningError, match=f"process {os.getpid()}, since"), hold(path, 60):
        pass
    assert time.monotonic() - begun < 30


def test_is_free_again_afterwards(tmp_path):
    for _ in range(2):
        with hold(tmp_path, 0):
            pass


def test_is_free_again_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), hold(tmp_path, 0):
        raise ZeroDivisionError
    with hold(tmp_path, 0):
        pass


def test_waits_for_the_stages_of_a_run_that_was_killed(tmp_path):
    subprocess.run([sys.executable, "-c", DIES, tmp_path, "3"], check=False)
    begun = time.monotonic()
    with hold(tmp_path, 30):
        assert 0.2 < time.monotonic() - begun < 20


def test_does_not_wait_for_them_for_ever(tmp_path):
    subprocess.run([sys.executable, "-c", DIES, tmp_path, "30"], check=False)
    with pytest.raises(AlreadyRunningError), hold(tmp_path, 0.2):
        pass


@pytest.mark.parametrize("text", ["", "{", "[]", '{"process": "x", "since": "?"}'])
def test_a_spoilt_file_is_no_obstacle(tmp_path, text):
    path = lock_file(tmp_path)
    path.parent.mkdir()
    path.write_text(text)
    with hold(tmp_path, 0):
        pass


def test_it_lies_where_git_clean_does_not_look(tmp_path, under_git):
    under_git(tmp_path)
    assert lock_file(tmp_path) == tmp_path / ".git/crackflow/rebuild.lock"
    assert lock_file(tmp_path, scheduled=True) == tmp_path / ".git/crackflow/scheduled.lock"
    with hold(tmp_path, 0):
        git(tmp_path, "clean", "--quiet", "-fdx")
        with pytest.raises(AlreadyRunningError, match=f"process {os.getpid()}, since"), hold(tmp_path, 0):
            pass


def test_each_work_tree_has_its_own(tmp_path, under_git):
    main, linked = tmp_path / "main", tmp_path / "linked"
    main.mkdir()
    under_git(main)
    git(main, "commit", "--quiet", "--allow-empty", "-m", "first")
    git(main, "worktree", "add", "--quiet", str(linked))
    (linked / "sub").mkdir()
    assert lock_file(linked) == main / ".git/worktrees/linked/crackflow/rebuild.lock"
    assert lock_file(linked / "sub") == main / ".git/worktrees/linked/crackflow/sub/rebuild.lock"
    with hold(main, 0), hold(linked, 0), hold(linked / "sub", 0), hold(linked, 0, scheduled=True):
        pass


def test_without_git_it_lies_in_the_checkout(tmp_path, monkeypatch):
    assert lock_file(tmp_path) == tmp_path / ".crackflow/rebuild.lock"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert lock_file(tmp_path, scheduled=True) == tmp_path / ".crackflow/scheduled.lock"


@pytest.mark.parametrize("scheduled", [False, True])
def test_a_second_one_is_rejected_where_the_file_was_deleted(tmp_path, under_git, scheduled):
    under_git(tmp_path)
    (tmp_path / ".dvc").mkdir()
    for _ in range(2):
        with hold(tmp_path, 0, scheduled=scheduled):
            shutil.rmtree(tmp_path / ".git/crackflow")
            deleted = pytest.raises(AlreadyRunningError, match="the file of its lock was deleted")
            with deleted, hold(tmp_path, 0, scheduled=scheduled):
                pass
            with hold(tmp_path, 0, scheduled=not scheduled):
                pass


def test_a_file_that_is_deleted_while_it_is_being_locked_is_made_anew(tmp_path, monkeypatch):
    """The kernel grants a lock on a file that has no name any more; whoever comes next would lock another."""
    real, left = fcntl.flock, [1, 1, 0]

    def flock(descriptor, operation):
        if left.pop(0):
            lock_file(tmp_path).unlink()
        real(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", flock)
    with hold(tmp_path, 0) as descriptor:
        assert os.path.samestat(os.fstat(descriptor), lock_file(tmp_path).stat())
    assert not left
