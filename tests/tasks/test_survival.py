"""Real trainings in processes of their own: killed by kill -9 and stopped by signals, then run again.

A pipe under the name of a file that is about to be written holds a process at exactly that moment. The driver below
leaves pipes where they are, since crackflow removes whatever has the name of a part before it writes one.
"""

import contextlib
import csv
import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from dvc.repo import Repo

from crackflow.imaging.images import encode_classes, write_png
from crackflow.params import Params, render
from pipelines.git import git

ROOT = Path(__file__).parents[2]
EPOCHS, STEPS = 3, 4
PARAMS = {
    "resize": {"size": 64},
    # few weights, since making the graph takes time for each; what is kept of them all is test_loop.py's
    "model": {
        "architecture": "flexunet",
        "base_filters": 4,
        "num_layers": 2,
        "decoder_convs": 1,
        "normalization": "none",
        "dropout_rate": 0.1,
    },
    "train": {
        "epochs": EPOCHS,
        "steps_per_epoch": STEPS,
        "batch_size": 4,
        "crop": 32,
        "optimizer": "sgd",
        "schedule": "cosine",
        "warmup_steps": 2,
        "learning_rate": 0.01,
        "metrics": ("crack_iou",),
        "num_infer_images": 1,
        "early_stopping": 0,
    },
}
# Seconds between checkpoints, and the one after which kill -9 comes. Half a minute is too long for a test.
DRIVER = """
import os, pathlib, signal, sys
unlink = pathlib.Path.unlink
def unlink_all_but_pipes(path, missing_ok=False):
    if not path.is_fifo():
        unlink(path, missing_ok=missing_ok)
pathlib.Path.unlink = unlink_all_but_pipes
from crackflow.training import checkpoints
from tasks.__main__ import main
keep = checkpoints.Checkpoints.save
def save(self, model, history, batch=0):
    keep(self, model, history, batch)
    if (len(history), batch) == (int(sys.argv[2]), int(sys.argv[3])):
        os.kill(os.getpid(), signal.SIGKILL)
checkpoints.Checkpoints.save = save
checkpoints.EVERY_S = float(sys.argv[1])
checkpoints.SHARE = float("inf")
sys.exit(main(["train"]))
"""
EPOCHS_ALONE = ("-c", DRIVER, "inf", "-1", "-1")
EACH_BATCH = ("-c", DRIVER, "0", "1", "2")

# ten seconds and more a process on a machine that does nothing else
pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]


class Place:
    """A workspace with 12 train, 4 valid and 2 test pairs of 64 px."""

    def __init__(self, root, **train):
        self.root = root
        rng = np.random.default_rng(0)
        rows = []
        for i in range(18):
            stem, subset = f"CFD_{i:03d}", "train" if i < 12 else "valid" if i < 16 else "test"
            mask = np.zeros((64, 64), np.uint8)
            mask[:, 2 * i + 5 : 2 * i + 9] = 1
            image = rng.integers(120, 200, (64, 64, 3)).astype(np.uint8)
            image[mask == 1] //= 4
            write_png(root / "data/resized/images" / f"{stem}.png", image)
            write_png(root / "data/resized/masks" / f"{stem}.png", encode_classes(mask, 2))
            rows.append((stem, stem, "CFD", stem, stem, subset, int(subset == "test")))
        columns = ["stem", "photograph", "source", "parent", "group", "subset", "mini_test"]
        pd.DataFrame(rows, columns=columns).to_csv(root / "data/split.csv", index=False)
        self.set(**train)

    def set(self, **train):
        params = Params.model_validate({**PARAMS, "train": {**PARAMS["train"], **train}})
        (self.root / "params.yaml").write_text(render(params))

    def start(self, *command):
        """Start a command in a group of its own, with what a terminal gives it on Ctrl-C."""
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        here = self.root if (self.root / "tasks").is_dir() else ROOT
        env = {**os.environ, "PATH": path, "PYTHONPATH": str(here), "PYTHONHASHSEED": "random"}
        with (self.root / "stderr.txt").open("wb") as said:
            return subprocess.Popen(
                [sys.executable, *command],
                cwd=self.root,
                env=env,
                stdout=said,
                stderr=said,
                start_new_session=True,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def run(self, *command):
        process = self.start(*command)
        code = process.wait()
        assert code == 0, self.said()
        return self.said()

    def said(self):
        return (self.root / "stderr.txt").read_text()

    @property
    def state(self):
        (folder,) = (self.root / ".crackflow/state/train").iterdir()
        return folder

    def kept(self):
        """Finished epochs, and batches after them."""
        if not [*self.root.glob(".crackflow/state/train/*/state.npz")]:
            return 0, 0
        with np.load(self.state / "state.npz") as state:
            history, batch = json.loads(str(state["place"]))
        return len(history), batch

    def published(self):
        """All that has to be the same again."""
        paths = [self.root / "models/flexunet.keras", self.root / "models/trained_on.txt"]
        paths += [self.root / "metrics/train/metrics.json", *(self.root / "reports").rglob("[!.]*.*")]
        return {path.relative_to(self.root).as_posix(): path.read_bytes() for path in paths}


def kill(process):
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    return process.wait()


def wait_until(process, happened):
    while not happened():
        assert process.poll() is None, "it ended before"
        time.sleep(0.01)


@contextlib.contextmanager
def pipe_at(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    os.mkfifo(path)
    yield
    path.unlink()


def kill_within(place, path, *command):
    """Kill a training that has written the first bytes of that file and no more than a page of them."""
    with pipe_at(path):
        reader = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
        process = place.start(*command)

        def written():
            try:
                return os.read(reader, 1)
            except BlockingIOError:
                return b""

        wait_until(process, written)
        assert kill(process) == -signal.SIGKILL
        os.close(reader)
    path.write_bytes(b"half")


def kill_before(place, path, nearly):
    """Kill a training that is about to write that file, from when `nearly` says that this comes next."""
    with pipe_at(path):
        process = place.start(*EPOCHS_ALONE)
        wait_until(process, nearly)
        time.sleep(0.5)
        assert kill(process) == -signal.SIGKILL
    path.write_bytes(b"half")


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("undisturbed"))
    place.run("-m", "tasks", "train")
    return place


@pytest.mark.soak
def test_killed_again_and_again_it_ends_as_an_undisturbed_training(undisturbed, tmp_path):
    """The same rows, charts, pictures and weights, byte for byte."""
    place = Place(tmp_path)
    state = tmp_path / ".crackflow/state/train" / undisturbed.state.name

    # in epoch 1: the best model is there, its row not yet
    kill_within(place, state / ".state.npz.part", *EPOCHS_ALONE)
    assert place.state == state, "the key depends on the process"
    assert sorted(path.name for path in state.iterdir()) == [".state.npz.part", "best.keras", "pictures"]

    # in epoch 2, after two batches of four
    assert place.start(*EACH_BATCH).wait() == -signal.SIGKILL
    assert place.kept() == (1, 2)

    # at its end, while its row is published
    pictures = state / "pictures"
    kill_before(place, tmp_path / "reports/.train_losses.csv.part", lambda: [*pictures.glob("epoch_002*.png")])
    assert place.kept()[0] == 1
    assert len(pd.read_csv(tmp_path / "reports/train_losses.csv")) == 1

    # after the last epoch, while all is published
    kill_before(place, tmp_path / "models/.trained_on.txt.part", lambda: place.kept() == (EPOCHS, 0))
    assert not (tmp_path / "models/flexunet.keras").exists()

    place.run("-m", "tasks", "train")
    assert place.published() == undisturbed.published()
    assert list(pd.read_csv(tmp_path / "reports/train_losses.csv").epoch) == [1, 2, 3]


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.soak)])
def test_a_signal_leaves_the_best_model_and_says_how_to_use_it(tmp_path, number):
    import keras

    place = Place(tmp_path, epochs=500)
    process = place.start("-m", "tasks", "train")
    wait_until(process, lambda: place.kept()[0])
    process.send_signal(number)
    assert process.wait() == 128 + number
    best = (place.state / "best.keras").relative_to(tmp_path)
    lines = place.said().splitlines()
    assert lines[-1] == (
        f"error: train: stopped by {number.name}; the best model so far is {best}; use it with "
        f"`crackflow predict PHOTOS --out DIR --model {best}`; the next `dvc repro` goes on from here"
    )
    assert "Traceback" not in place.said()
    assert not (tmp_path / "models").exists()
    assert keras.saving.load_model(tmp_path / best).output_shape == (None, 64, 64, 2)


@pytest.fixture
def repository(undisturbed, tmp_path):
    """A place under git and DVC, with code of its own and the stage train alone."""
    place = Place(tmp_path)
    for name in ("crackflow", "tasks"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    graph = yaml.safe_load((ROOT / "dvc.yaml").read_text())
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"train": graph["stages"]["train"]}}))
    shutil.copy(ROOT / ".dvcignore", tmp_path)
    (tmp_path / ".gitignore").write_text("__pycache__/\n.crackflow/\nstderr.txt\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "config", "user.name", "a")
    git(tmp_path, "config", "user.email", "a@b.c")
    with contextlib.chdir(tmp_path), contextlib.closing(Repo.init()) as dvc:
        dvc.add(["data/resized", "data/split.csv"])
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "one")
    return place


def test_dvc_goes_on_after_a_kill_and_ends_as_an_undisturbed_training(undisturbed, repository):
    """Killed in epoch 1 while its checkpoint is written: the best model is there, its row not yet."""
    place = repository
    state = place.root / ".crackflow/state/train" / undisturbed.state.name
    kill_within(place, state / ".state.npz.part", *EPOCHS_ALONE)
    assert sorted(path.name for path in state.iterdir()) == [".state.npz.part", "best.keras", "pictures"]
    # what `dvc exp show` reads of a workspace in which a training runs
    assert json.loads((place.root / "metrics/train/metrics.json").read_text())["step"] == 1
    place.run("-m", "dvc", "repro", "train")
    assert place.state == state, "the key depends on the process"
    assert place.published() == undisturbed.published()
    assert "didn't change" in place.run("-m", "dvc", "repro", "train")


@pytest.mark.soak
def test_dvc_runs_experiments(undisturbed, repository):
    place = repository
    shutil.copytree(undisturbed.root / ".crackflow", place.root / ".crackflow")
    place.run("-m", "dvc", "repro", "train")
    git(place.root, "add", "-A")
    git(place.root, "commit", "-q", "-m", "two")
    settings = ("-S", "train.learning_rate=0.001", "-S", "train.epochs=1")
    place.run("-m", "dvc", "exp", "run", "--temp", "-n", "slow", *settings)
    table = csv_rows(place.run("-m", "dvc", "exp", "show", "--csv"))
    shown = {row["Experiment"] or row["rev"]: row for row in table}
    assert float(shown["slow"]["step"]) == 1
    assert float(shown["slow"]["train.learning_rate"]) == 0.001
    assert float(shown["workspace"]["step"]) == EPOCHS


@pytest.mark.soak
def test_two_checkouts_train_together_and_the_first_one_publishes(tmp_path, monkeypatch):
    """The second is killed once; before that it has another seed, which is said and not trained with."""
    places = [Place(tmp_path / name) for name in ("chief", "other")]

    def start():
        with socket.socket() as one, socket.socket() as two:
            for port in (one, two):
                port.bind(("127.0.0.1", 0))
            ports = [port.getsockname()[1] for port in (one, two)]
        monkeypatch.setenv("CRACKFLOW_WORKERS", ",".join(f"127.0.0.1:{port}" for port in ports))
        started = []
        for number, place in enumerate(places):
            monkeypatch.setenv("CRACKFLOW_WORKER", str(number))
            started.append(place.start(*EPOCHS_ALONE))
        return started

    places[1].set(seed=1)
    assert [process.wait() for process in start()] == [2, 2]
    assert "has other pairs, parameters, code or versions of libraries" in places[0].said()
    shutil.rmtree(places[0].root / ".crackflow")
    places[1].set()
    chief, other = start()
    wait_until(chief, lambda: places[0].kept() >= (1, 0))
    assert kill(other) == -signal.SIGKILL
    assert chief.wait() == 2
    assert "another worker of" in places[0].said()
    assert [process.wait() for process in start()] == [0, 0], places[0].said() + places[1].said()
    assert len(pd.read_csv(places[0].root / "reports/train_losses.csv")) == EPOCHS
    assert (places[0].root / "models/flexunet.keras").is_file()
    assert not (places[1].root / "models").exists()
    assert not (places[1].root / "reports").exists()


def csv_rows(text):
    return list(csv.DictReader(text[text.index("Experiment") :].splitlines()))
