"""Changes while a stage runs, in real stages and under real `dvc repro`."""

import compileall
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from dvc.repo import Repo

from crackflow.imaging.images import write_png
from crackflow.params import Params, render
from tasks import stage_inputs
from tasks.workspace import Workspace

ROOT = Path(__file__).parents[2]
GRAPH = {
    "stages": {
        "train": {
            "cmd": "python -m tasks train",
            "deps": ["data/resized", "${split.previous}", "code.py", "page.j2"],
            "params": ["classes", "train", "resize.size"],
            "outs": ["models/flexunet.keras", "reports/epochs"],
            "metrics": [{"metrics/metrics.json": {"cache": False}}],
        }
    }
}


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


@pytest.fixture
def workspace(tmp_path):
    """What a stage reads and what it has written, as GRAPH names it."""
    for name in ("data/resized/images/a.png", "data/resized/masks/a.png", "data/previous.csv", "code.py", "page.j2"):
        write(tmp_path / name, name)
    for name in ("models/flexunet.keras", "reports/epochs/1.png", "metrics/metrics.json", "reports/other.csv"):
        write(tmp_path / name, name)
    write(tmp_path / ".crackflow/state/train/key/best.keras", "the best one so far")
    write(tmp_path / "dvc.yaml", yaml.safe_dump(GRAPH))
    write(tmp_path / "params.yaml", render(Params()))
    return Workspace(tmp_path)


def set_param(root, line, other):
    path = root / "params.yaml"
    text = path.read_text()
    assert text.count(line) == 1
    path.write_text(text.replace(line, other))


def outputs(workspace):
    names = ("models/flexunet.keras", "reports/epochs", "metrics/metrics.json")
    return [name for name in names if (workspace.root / name).exists()]


def test_nothing_changed(workspace):
    began = stage_inputs.read(workspace, "train")
    # the same content at another time
    write(workspace.root / "code.py", "code.py")
    stage_inputs.check(workspace, "train", began)
    assert len(outputs(workspace)) == 3


CHANGES = {
    "a parameter": (lambda root: set_param(root, "  epochs: 8", "  epochs: 9"), "train.epochs in params.yaml changed"),
    "a parameter of another block": (
        lambda root: set_param(root, "  size: 512", "  size: 256"),
        "resize.size in params",
    ),
    "params.yaml half written": (lambda root: write(root / "params.yaml", "train: ["), "in params.yaml.* and .* more"),
    "a module": (lambda root: write(root / "code.py", "CODE.py"), "code.py changed while the stage ran"),
    "a template": (lambda root: (root / "page.j2").unlink(), "page.j2 changed"),
    "a file": (lambda root: write(root / "data/previous.csv", "stem,subset"), "data/previous.csv changed"),
    "a file added": (lambda root: write(root / "data/resized/images/b.png", ""), r"images/b.png \(added\) changed"),
    "a file removed": (lambda root: (root / "data/resized/masks/a.png").unlink(), r"masks/a.png \(removed\) changed"),
    "a folder removed": (
        lambda root: shutil.rmtree(root / "data/resized"),
        r"a.png \(removed\), .* changed",
    ),
    "a folder re-pointed": (
        lambda root: (root / "data/resized/new").symlink_to(root),
        r"resized/new \(added\) changed",
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_fails_the_stage_and_takes_its_outputs_away(workspace, what):
    change, said = CHANGES[what]
    began = stage_inputs.read(workspace, "train")
    change(workspace.root)
    with pytest.raises(stage_inputs.ChangedError, match=said) as raised:
        stage_inputs.check(workspace, "train", began)
    assert "\n" not in str(raised.value)
    assert str(raised.value).endswith("its outputs are removed, run it again")
    assert outputs(workspace) == []
    assert (workspace.root / "reports/other.csv").exists()
    kept = (workspace.root / ".crackflow/state/train/key/best.keras").exists()
    assert kept == (what.startswith(("a param", "params", "a module", "a template")))


@pytest.mark.parametrize("what", ["added", "changed", "removed"])
def test_a_change_behind_a_link_to_a_folder_is_seen(workspace, tmp_path_factory, what):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    write(elsewhere / "images/a.png", "a")
    (workspace.root / "data/resized/linked").symlink_to(elsewhere)
    began = stage_inputs.read(workspace, "train")
    stage_inputs.check(workspace, "train", began)
    changes = {
        "added": lambda: write(elsewhere / "images/b.png", "b"),
        "changed": lambda: write(elsewhere / "images/a.png", "other"),
        "removed": lambda: (elsewhere / "images/a.png").unlink(),
    }
    changes[what]()
    name = r"linked/images/b.png \(added\)" if what == "added" else r"linked/images/a.png"
    with pytest.raises(stage_inputs.ChangedError, match=f"data/resized/{name}.* changed while the stage ran"):
        stage_inputs.check(workspace, "train", began)


def test_a_change_of_the_same_size_is_seen_by_its_time(workspace):
    began = stage_inputs.read(workspace, "train")
    mask = workspace.root / "data/resized/masks/a.png"
    write(mask, "x" * mask.stat().st_size)
    with pytest.raises(stage_inputs.ChangedError, match=r"masks/a\.png changed"):
        stage_inputs.check(workspace, "train", began)


def test_parameters_that_the_stage_does_not_read_may_change(workspace):
    began = stage_inputs.read(workspace, "train")
    set_param(workspace.root, "  source: sample", "  source: kaggle")
    stage_inputs.check(workspace, "train", began)
    assert len(outputs(workspace)) == 3


@pytest.mark.parametrize("text", [None, "", "stages: [", "stages: {split: {}}"])
def test_without_a_graph_there_is_nothing_to_compare(workspace, text):
    path = workspace.root / "dvc.yaml"
    path.unlink() if text is None else path.write_text(text)
    began = stage_inputs.read(workspace, "train")
    write(workspace.root / "code.py", "CODE.py")
    stage_inputs.check(workspace, "train", began)
    assert len(outputs(workspace)) == 3


# A download at work, which goes on when the file `hold` is gone.
BEGUN = "    work.mkdir()\n"
HELD = "    while (workspace.root / 'hold').exists():\n        __import__('time').sleep(0.01)\n"


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    """The graph's first stage with its code, compiled, under DVC."""
    root = tmp_path_factory.mktemp("template")
    for name in ("crackflow", "tasks"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "weights"))
    download = root / "tasks/download.py"
    assert download.read_text().count(BEGUN) == 1
    download.write_text(download.read_text().replace(BEGUN, BEGUN + HELD))
    for name in ("crackflow", "tasks"):
        compileall.compile_dir(root / name, quiet=1)
    graph = yaml.safe_load((ROOT / "dvc.yaml").read_text())
    (root / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"download": graph["stages"]["download"]}}))
    shutil.copy(ROOT / ".dvcignore", root)
    (root / "data/source").mkdir(parents=True)
    Repo.init(str(root), no_scm=True).close()
    return root


@pytest.fixture
def checkout(template, tmp_path):
    """A function that makes a checkout of it, with settings of the block data."""

    def make(**data):
        shutil.copytree(template, tmp_path, dirs_exist_ok=True)
        made = Checkout(tmp_path)
        made.set(**data)
        return made

    return make


class Checkout:
    """A copy of the template that a test changes while its stage runs."""

    def __init__(self, root):
        self.root = root

    def set(self, **data):
        (self.root / "params.yaml").write_text(render(Params.model_validate({"data": data})))

    def start(self, *command):
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**os.environ, "PATH": path, "PYTHONPATH": str(self.root)}
        return subprocess.Popen(
            [sys.executable, *command],
            cwd=self.root,
            env=environment,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def run(self, *command):
        process = self.start(*command)
        said, _ = process.communicate()
        assert process.returncode == 0, said
        return said

    def run_and_change(self, change, *command):
        """Start a command, make a change once the stage is at work, give its exit code and what it said."""
        (self.root / "hold").touch()
        process = self.start(*command)
        while not (self.root / ".crackflow/state/download/work").exists():
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.01)
        try:
            change()
        finally:
            (self.root / "hold").unlink()
        said, _ = process.communicate()
        return process.returncode, said

    def locked(self):
        path = self.root / "dvc.lock"
        return yaml.safe_load(path.read_text())["stages"] if path.exists() else {}

    def version(self):
        return json.loads((self.root / "data/raw.json").read_text())["version"]


REPRO = ("-m", "dvc", "repro", "download")
SAMPLE = {"source": "sample", "sample": {"images": 40, "size": 64, "seed": 7}}
OTHER_SEED = {"source": "sample", "sample": {"images": 40, "size": 64, "seed": 8}}


def photographs(root, number):
    rng = np.random.default_rng(number)
    for kind in ("images", "masks"):
        picture = rng.integers(0, 2, (48, 48)).astype(np.uint8) * 255
        write_png(root / f"data/source/{kind}/wall_{number:03d}.png", picture)


@pytest.mark.slow
def test_dvc_notes_no_new_parameter_with_old_outputs(checkout, tmp_path):
    place = checkout(**SAMPLE)
    code, said = place.run_and_change(lambda: place.set(**OTHER_SEED), *REPRO)
    assert code != 0
    assert "error: download: data.sample.seed in params.yaml changed while the stage ran" in said
    assert "Traceback" not in said
    assert place.locked() == {}
    assert not (tmp_path / "data/raw").exists()
    place.run(*REPRO)
    assert place.version() == "64 px, seed 8"
    # nothing wrong in the run cache either
    place.set(**SAMPLE)
    place.run(*REPRO)
    assert place.version() == "64 px, seed 7"
    assert place.locked()["download"]["params"]["params.yaml"]["data"]["sample"]["seed"] == 7


@pytest.mark.slow
def test_dvc_notes_no_new_code_with_old_outputs(checkout, tmp_path):
    place = checkout(**SAMPLE)
    module = tmp_path / "crackflow/sources/synthetic/scene.py"
    code, said = place.run_and_change(lambda: module.write_text(module.read_text() + "\n# edited\n"), *REPRO)
    assert code != 0
    assert "error: download: crackflow/sources/synthetic/scene.py changed while the stage ran" in said
    assert place.locked() == {}
    place.run(*REPRO)


@pytest.mark.slow
def test_dvc_notes_what_the_stage_does_not_read(checkout, tmp_path):
    place = checkout(**SAMPLE)
    code, said = place.run_and_change(lambda: set_param(tmp_path, "  epochs: 8", "  epochs: 9"), *REPRO)
    assert code == 0, said
    assert list(place.locked()) == ["download"]


@pytest.mark.slow
@pytest.mark.parametrize("what", [pytest.param("added", marks=pytest.mark.soak), "changed", "removed"])
def test_photographs_that_come_or_go_during_the_download(checkout, tmp_path, what):
    place = checkout(source="folder", path="data/source")
    for number in range(3):
        photographs(tmp_path, number)
    last = tmp_path / "data/source/masks/wall_002.png"
    changes = {
        "added": lambda: photographs(tmp_path, 3),
        "changed": lambda: write_png(last, np.zeros((48, 48), np.uint8)),
        # a file that is not read again
        "removed": lambda: (tmp_path / "data/source/notes.txt").unlink(),
    }
    (tmp_path / "data/source/notes.txt").write_text("notes")
    command = ("-m", "tasks", "download") if what == "changed" else REPRO
    code, said = place.run_and_change(changes[what], *command)
    assert code != 0
    assert "error: download: data/source/" in said
    assert "changed while the stage ran" in said
    assert place.locked() == {}
    assert not (tmp_path / "data/raw").exists()
    place.run(*REPRO)
    assert json.loads((tmp_path / "data/raw.json").read_text())["pairs"] == 3 + (what == "added")
