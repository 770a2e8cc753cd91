"""pipelines/command_group.py: what the system refuses is one line and exit code 2, in every command."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from crackflow.params import Params, render
from pipelines.cli import app

CRACKFLOW = [sys.executable, "-c", "from pipelines.cli import app; app()"]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A checkout with photographs, a pair that no model knows, figures and a split; `file` is a regular file."""
    (tmp_path / "params.yaml").write_text(render(Params()))
    (tmp_path / "profiles").mkdir()
    (tmp_path / "metrics").mkdir()
    (tmp_path / "metrics/evaluation.json").write_text(json.dumps({"crack": {"pooled": {"iou": 0.5}}}))
    (tmp_path / "data/resized").mkdir(parents=True)
    (tmp_path / "data/split.csv").write_text("stem,subset\nwall,test\n")
    pixels = np.random.default_rng(0).integers(0, 255, (32, 32)).astype(np.uint8)
    for kind, picture in (("images", pixels), ("masks", (pixels > 128).astype(np.uint8) * 255)):
        for parent in ("pairs", "data/resized"):
            (tmp_path / parent / kind).mkdir(parents=True, exist_ok=True)
            cv2.imwrite(str(tmp_path / parent / kind / "wall.png"), picture)
    (tmp_path / "file").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def crackflow(*arguments, stdout=subprocess.PIPE):
    return subprocess.run(
        [*CRACKFLOW, *arguments], stdout=stdout, stderr=subprocess.PIPE, text=True, check=False, timeout=300
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", "pairs/images", "--out", "file/out"),
        ("score", "pairs", "--model", "packaged", "--out", "file/out"),
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_path_below_a_file(checkout, arguments):
    run = crackflow(*arguments)
    assert run.returncode == 2
    assert run.stderr == "error: file/out: Not a directory; name another path, and run again\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ("crossvalidate", "--budget", "nan"),
        ("rebuild", "--stage-limit", "nan"),
    ],
    ids=lambda arguments: " ".join(arguments[:1] + arguments[-2:]),
)
def test_a_number_is_finite(checkout, arguments):
    """NaN lies within every bound that is asked for by a comparison."""
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, result.stderr) == (
        2,
        f"error: {arguments[-2]} {arguments[-1]}, expected a finite number; correct it\n",
    )


def test_a_path_below_a_file_in_export_dataset(checkout):
    run = crackflow("export-dataset", "file/out")
    assert run.returncode == 2
    assert run.stderr.splitlines()[-1].startswith("error: can't write ")
    assert "Traceback" not in run.stderr


def test_a_params_yaml_that_can_not_be_replaced(checkout):
    (checkout / "params.yaml").unlink()
    (checkout / "params.yaml").mkdir()
    run = crackflow("profile", "quick")
    assert run.returncode == 2
    assert run.stderr == "error: params.yaml can't be read: Is a directory; expected a text file\n"
    assert not list(checkout.glob(".params*"))


@pytest.mark.parametrize(
    "arguments",
    [
        ("figures",),
        ("figures", "--json"),
        ("check",),
        ("profile", "quick", "--set", "train.epochs=3"),
        ("export-dataset", "out"),
        # these two import TensorFlow first
        pytest.param(("predict", "pairs/images", "--out", "out"), marks=pytest.mark.soak),
        pytest.param(("score", "pairs", "--model", "packaged"), marks=pytest.mark.soak),
        ("--help",),
    ],
    ids=" ".join,
)
def test_standard_output_that_is_full(checkout, arguments):
    with open("/dev/full", "w") as full:
        run = crackflow(*arguments, stdout=full)
    assert run.returncode == 2
    said = "error: standard output: No space left on device; make room or allow it, and run again"
    assert run.stderr.splitlines()[-1] == said
    assert "Traceback" not in run.stderr
    assert "Exception ignored" not in run.stderr


def test_a_full_disk_in_predict_names_the_file(checkout):
    """A limit on the size of files stands for it: 450 bytes hold the journal and not the mask."""
    code = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (450, 450))
from pipelines.cli import app
app()
"""
    command = [sys.executable, "-c", code, "predict", "pairs/images", "--out", "out"]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}  # Python would leave cut byte code behind
    run = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300, env=environment)
    assert run.returncode == 2
    assert run.stderr.splitlines()[-1].startswith("error: out/")
    assert run.stderr.splitlines()[-1].endswith(": File too large; make room or allow it, and run again")
    assert "Traceback" not in run.stderr
    assert not list(Path("out").rglob("*.part"))


def test_a_reader_that_has_gone_is_no_fault(checkout):
    command = " ".join(f"'{word}'" for word in CRACKFLOW)
    run = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command} figures | true"], capture_output=True, text=True, check=False
    )
    assert run.stderr == ""


def test_a_stage_names_the_path_too(checkout):
    (checkout / ".crackflow").write_text("")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "tasks", "download"]
    run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    assert run.returncode == 2
    path = checkout / ".crackflow/state/download/work"
    assert run.stderr == f"error: download: {path}: Not a directory; name another path, and run again\n"


CUT = """
import py_compile, sys
from pathlib import Path
import typer
from pipelines.command_group import Commands
Path("cut.py").write_text("number = 1\\n")
compiled = Path(py_compile.compile("cut.py"))
compiled.write_bytes(compiled.read_bytes()[:40])
sys.path.insert(0, ".")
app = typer.Typer(cls=Commands)
app.command("read")(lambda: __import__("cut"))
app.command("other")(lambda: None)
app(["read"])
"""


def test_a_compiled_module_that_is_cut_short_is_one_line(tmp_path, monkeypatch):
    """Python writes a part of it when the disk is full, and reads that from then on."""
    monkeypatch.chdir(tmp_path)
    run = subprocess.run([sys.executable, "-c", CUT], capture_output=True, text=True, check=False)
    assert run.returncode == 2
    assert run.stderr.startswith("error: a compiled module in a folder __pycache__ is cut short, as a full disk leaves")
    assert run.stderr.count("\n") == 1
