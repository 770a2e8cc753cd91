import subprocess
import sys

import pytest

from pipelines.dvc_lock import mend

NOBODY = '{"write": {}, "read": {}}'


@pytest.fixture
def root(tmp_path):
    (tmp_path / ".dvc/tmp").mkdir(parents=True)
    return tmp_path


@pytest.mark.parametrize("left", ["", '{"write": {"'])
def test_a_list_that_is_cut_short_goes(root, left):
    (root / ".dvc/tmp/rwlock").write_text(left)
    assert mend(root) is True
    assert not (root / ".dvc/tmp/rwlock").exists()


def test_a_whole_one_stays(root):
    (root / ".dvc/tmp/rwlock").write_text(NOBODY)
    assert mend(root) is False
    assert (root / ".dvc/tmp/rwlock").read_text() == NOBODY
    (root / ".dvc/tmp/rwlock").unlink()
    assert mend(root) is False


def test_dvc_itself_stops_at_it(built):
    """The reason to be; when DVC mends it by itself some day, this can go."""
    path = built.root / ".dvc/tmp/rwlock"
    path.write_text("")
    command = [sys.executable, "-m", "dvc", "repro", "-f", "-s", "split"]
    done = subprocess.run(command, cwd=built.root, check=False, capture_output=True, text=True)
    assert "JSON structure is corrupted" in done.stderr
    assert mend(built.root) is True
    assert subprocess.run(command, cwd=built.root, check=False, capture_output=True).returncode == 0
