"""Commands where the machine does not do its part: no room, no right to read, no memory, photographs that go.

The packaged weights are used: OpenVINO, which runs them, is there sooner than Keras.
"""

import csv
import ctypes
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from crackflow.inference import inputs, packaged_weights
from crackflow.output import manifest
from crackflow.params import Params, render
from pipelines.cli import app
from pipelines.commands import marking
from pipelines.commands import predict as prediction
from pipelines.commands.prediction_outputs import OUTPUTS, Output

PREDICT = ("predict", "photos", "--out", "out", "--model", "packaged", "--views", "1")


@pytest.fixture
def photos(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    for kind in ("photos", "pairs/images", "pairs/masks"):
        Path(kind).mkdir(parents=True)
    for name in "abc":
        photo = rng.integers(100, 160, (64, 64, 3)).astype(np.uint8)
        cv2.imwrite(f"photos/{name}.png", photo)
        cv2.imwrite(f"pairs/images/{name}.png", photo)
        cv2.imwrite(f"pairs/masks/{name}.png", np.uint8(255 * np.eye(64)))
    Path("params.yaml").write_text(render(Params()))
    return tmp_path / "photos"


def crackflow(*arguments):
    return CliRunner().invoke(app, arguments)


@contextmanager
def limited(kind, number):
    before = resource.getrlimit(kind)
    resource.setrlimit(kind, (number, before[1]))
    # of a module that can't be written whole Python keeps a part
    written, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    try:
        yield
    finally:
        sys.dont_write_bytecode = written
        resource.setrlimit(kind, before)


def rows():
    with Path("out/summary.csv").open(encoding="utf-8") as file:
        return {row["photo"]: row["status"] for row in csv.DictReader(file)}


def test_a_limit_of_file_sizes_ends_predict_with_one_line_and_resume_goes_on(photos):
    """An overlay of noise is larger than 4 kB."""
    with limited(resource.RLIMIT_FSIZE, 4096):
        result = crackflow(*PREDICT)
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        "error: out/overlays/a.png: File too large; make room or allow it, and run again"
    )
    written = manifest.read_manifest(Path("out")).files
    assert [one.path for one in written if manifest.unchanged(Path("out"), one)] == ["masks/a.png"]
    assert not Path("out/overlays/a.png").exists()
    assert crackflow(*PREDICT, "--resume").exit_code == 0
    assert rows() == dict.fromkeys(("a.png", "b.png", "c.png"), "empty")


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            ("score", "pairs", "--out", "out", "--model", "packaged"),
            "can't be copied (File too large); make it readabl",
        ),
        (("profile", "original"), "params.yaml: File too large; make room or allow it, and run again"),
    ],
)
def test_a_limit_of_file_sizes_ends_score_and_profile_with_one_line(photos, monkeypatch, command, message):
    shutil.copytree(Path(__file__).parents[3] / "profiles", "profiles")
    before = Path("params.yaml").read_bytes()
    with limited(resource.RLIMIT_FSIZE, 2048):
        result = crackflow(*command)
    assert result.exit_code == 2
    assert message in result.stderr.splitlines()[-1]
    assert Path("params.yaml").read_bytes() == before
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["pairs", "params.yaml", "photos", "profiles"]


def test_no_room_for_temporary_files_says_what_to_do(photos, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", None)  # it is kept once it was found
    with limited(resource.RLIMIT_FSIZE, 0):
        result = crackflow(*PREDICT)
    assert result.exit_code == 2
    assert "error: No usable temporary directory found in [" in result.stderr
    assert result.stderr.endswith("]; make room there or set TMPDIR to a folder with room, and run again\n")


def marked(found):
    weights = packaged_weights.open_folder(packaged_weights.FOLDER, "the packaged weights")
    return prediction.predict(weights, found, Path("out"))


def test_a_photograph_that_goes_meanwhile_is_skipped_and_the_others_are_done(photos):
    found = inputs.find([str(photos)])
    (photos / "b.png").unlink()
    outcome = marked(found)
    assert [one.reason for one in outcome.skipped] == ["b.png can't be opened: No such file or directory"]
    assert rows() == {"a.png": "empty", "c.png": "empty", "b.png": "skipped"}


def test_a_photograph_that_goes_when_it_was_read_leaves_nothing(photos, monkeypatch):
    read = marking.read_photograph

    def read_once(path, *more):
        photo = read(path, *more)
        if path.name == "b.png":
            path.unlink()
        return photo

    monkeypatch.setattr(marking, "read_photograph", read_once)
    outcome = marked(inputs.find([str(photos)]))
    assert [one.reason for one in outcome.skipped] == ["b.png can't be opened any more: No such file or directory"]
    assert not list(Path("out").rglob("b.*"))


class Hungry(Output):
    """Takes more memory than there is, for one photograph."""

    def names(self, photo):
        return [f"hungry/{photo.name}"]

    def add(self, marked, record):
        yield f"hungry/{marked.source.name}", b""
        if marked.source.name == "b":
            np.empty(2**60, np.uint8)


def test_a_photograph_that_memory_runs_out_for_is_skipped_whole(photos, monkeypatch):
    """What was written of it is removed: masks and overlays come before that output."""
    monkeypatch.setitem(OUTPUTS, "hungry", Hungry)
    result = crackflow(*PREDICT)
    assert result.exit_code == 3, result.stderr
    assert "skipped: b.png: not enough memory (Unable to allocate 1.00 EiB for an array with shape" in result.stderr
    assert "photographs: 2 done;" in result.stdout
    assert not list(Path("out").rglob("b.*"))
    listed = {one.path for one in manifest.read_manifest(Path("out")).files}
    assert {"hungry/a", "masks/a.png", "summary.csv"} <= listed
    assert not {"hungry/b", "masks/b.png"} & listed


LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
import openvino
from pipelines.cli import app
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + 3 * 2**29
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
app(sys.argv[1:])
"""


@pytest.mark.soak
@pytest.mark.skipif(sys.platform != "linux", reason="the size of a process is read from /proc")
def test_one_photograph_too_large_for_memory_among_others(photos):
    """12,000x12,000 px are 432 MB, and several times that where cracks are looked for; 1.5 GiB are left."""
    cv2.imwrite("photos/b.jpg", np.full((12_000, 12_000, 3), 128, np.uint8))
    Path("photos/b.png").unlink()
    options = ("--scale", "0.02", "--max-memory", "6")
    run = subprocess.run(
        [sys.executable, "-c", LITTLE_MEMORY, *PREDICT, *options], capture_output=True, text=True, check=False
    )
    assert run.returncode == 3, run.stderr
    assert "skipped: b.jpg: not enough memory" in run.stderr
    assert "Traceback" not in run.stderr
    assert "photographs: 2 done;" in run.stdout


def without_override():
    """Let permissions hold for root too: the next program has neither CAP_DAC_OVERRIDE nor CAP_DAC_READ_SEARCH."""
    if not os.getuid():
        for capability in (1, 2):
            ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP


@pytest.mark.skipif(sys.platform != "linux", reason="capabilities are Linux's")
@pytest.mark.parametrize(
    ("path", "mode", "command", "message"),
    [
        pytest.param("photos", 0o644, PREDICT, "error: photos/a.png: Permission denied;", marks=pytest.mark.soak),
        pytest.param("photos", 0o311, PREDICT, "error: photos: Permission denied;", marks=pytest.mark.soak),
        pytest.param(
            "photos/b.png", 0, PREDICT, "skipped: b.png can't be opened: Permission denied", marks=pytest.mark.soak
        ),
        pytest.param(
            ".", 0o555, PREDICT, "out: Permission denied; make room or allow it, and run again", marks=pytest.mark.soak
        ),
        pytest.param(
            "pairs/images", 0o644, ("score", "pairs", "--model", "packaged"), "error: ", marks=pytest.mark.soak
        ),
        ("params.yaml", 0, ("profile", "quick", "--set", "train.epochs=3"), "error: params.yaml: Permission denied;"),
    ],
)
def test_what_may_not_be_read_or_written_is_one_line(photos, path, mode, command, message):
    before = Path("params.yaml").read_bytes()
    was = Path(path).stat().st_mode
    Path(path).chmod(mode)
    run = subprocess.run(
        [sys.executable, "-m", "pipelines", *command],
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
        preexec_fn=without_override,
        capture_output=True,
        text=True,
        check=False,
    )
    Path(path).chmod(was)
    assert run.returncode == (3 if path == "photos/b.png" else 2), run.stderr
    assert message in run.stderr
    assert "Traceback" not in run.stderr
    assert Path("params.yaml").read_bytes() == before


def mount(*options):
    return subprocess.run(["mount", *options], capture_output=True, check=False).returncode == 0


@pytest.mark.soak
@pytest.mark.parametrize("state", ["full", "read-only"])
@pytest.mark.parametrize(
    "command", [PREDICT, ("score", "pairs", "--out", "out", "--model", "packaged"), ("profile", "original")]
)
def test_a_disk_that_is_full_or_read_only_is_one_line(photos, state, command):
    """A real one, in memory; only root may mount it."""
    shutil.copytree(Path(__file__).parents[3] / "profiles", "profiles")
    disk = Path("disk").resolve()
    disk.mkdir()
    if not mount("-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)):
        pytest.skip("mount needs root")
    try:
        for name in ("photos", "pairs", "profiles"):
            shutil.copytree(name, disk / name)
        shutil.copy("params.yaml", disk)
        before = Path("params.yaml").read_bytes()
        if state == "full":
            room = os.statvfs(disk)
            (disk / "fill").write_bytes(bytes(room.f_bavail * room.f_frsize - 4096))
        else:
            assert mount("-o", "remount,ro", str(disk))
        run = subprocess.run(
            [sys.executable, "-m", "pipelines", *command],
            cwd=disk,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 2, run.stderr
        assert "No space left on device" in run.stderr or "Read-only file system" in run.stderr
        assert "Traceback" not in run.stderr
        assert (disk / "params.yaml").read_bytes() == before
    finally:
        subprocess.run(["umount", str(disk)], check=True)
