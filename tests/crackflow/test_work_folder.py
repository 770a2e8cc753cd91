import os
import signal
import subprocess
import sys
import tempfile

import pytest

from crackflow.work_folder import PREFIX, work_folder

HOLD = """
import sys
from pathlib import Path
from crackflow.work_folder import work_folder
with work_folder(Path(sys.argv[1]) if sys.argv[1] else None) as folder:
    (folder / "photograph").write_bytes(b"x")
    print(folder, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return tmp_path / "tmp"


def started(parent=""):
    run = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(parent)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    run.stdout.readline()
    return run


def test_a_folder_is_of_this_user_alone_and_gone_at_the_end(temporary):
    with work_folder() as folder:
        assert folder.parent == temporary
        assert folder.stat().st_mode & 0o777 == 0o700
        (folder / "a").touch()
    assert list(temporary.iterdir()) == []


def test_it_is_gone_after_an_error(temporary):
    with pytest.raises(KeyboardInterrupt), work_folder():
        raise KeyboardInterrupt
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("place", ["", "out"])
def test_that_of_a_killed_run_is_removed_and_that_of_a_live_one_is_kept(temporary, tmp_path, place):
    parent = tmp_path / place if place else None
    if parent:
        parent.mkdir()
    with started(parent or "") as killed, started(parent or "") as live:
        killed.send_signal(signal.SIGKILL)
        killed.wait()
        assert len(list((parent or temporary).glob(f"{PREFIX}*/photograph"))) == 2
        with work_folder(parent):
            assert len(list((parent or temporary).glob(f"{PREFIX}*/photograph"))) == 1
        live.stdin.close()
        assert live.wait() == 0
    assert list((parent or temporary).iterdir()) == []


def test_that_of_a_run_killed_in_the_temporary_folder_is_found_by_a_run_elsewhere(temporary, tmp_path):
    with started() as killed:
        killed.send_signal(signal.SIGKILL)
    with work_folder(tmp_path):
        assert list(temporary.iterdir()) == []


def test_a_link_planted_in_its_place_is_not_followed(temporary, tmp_path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs/a").touch()
    (temporary / f"{PREFIX}1").symlink_to(tmp_path / "theirs")
    (temporary / f"{PREFIX}1.lock").touch()
    with work_folder():
        assert (tmp_path / "theirs/a").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root can make another user's file")
def test_that_of_another_user_is_kept(temporary):
    (temporary / f"{PREFIX}1").mkdir()
    (temporary / f"{PREFIX}1.lock").touch()
    os.chown(temporary / f"{PREFIX}1.lock", 12345, 12345)
    with work_folder():
        assert (temporary / f"{PREFIX}1").exists()
