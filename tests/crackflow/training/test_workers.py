"""Two processes on the loopback address that train one network, against one process with the same batches."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from crackflow.errors import TrainingError
from crackflow.training.workers import ALONE, Workers, join

ROOT = Path(__file__).parents[3]
# A network of few weights, since making the graph takes time for each. Batch normalization and Dice see the whole
# batch; Muon with an average must not drift apart. Seven pairs in batches of four: the second batch has three rows, one
# for the first worker and two for the other.
# It is imported once, and each worker is a fork of it, made before TensorFlow has calculated anything.
DRIVER = """
import json, os, pathlib, signal, sys, traceback
import keras
from crackflow.errors import TrainingError
from crackflow.imaging.pairs import ResizedPairs
from crackflow.models import registry
from crackflow.params import ArchitectureParams, TrainParams
from crackflow.training import checkpoints, loop
from crackflow.training.workers import join

class Tiny(ArchitectureParams):
    architecture: str = "tiny"

def tiny(size, num_classes, params, seed):
    first, second = (keras.initializers.GlorotUniform(seed=2 * seed + n) for n in range(2))
    pixels = keras.Input((size, size, 3))
    x = keras.layers.Rescaling(1 / 255)(pixels)
    x = keras.layers.Conv2D(16, 3, padding="same", kernel_initializer=first)(x)
    x = keras.layers.Activation("relu")(keras.layers.BatchNormalization()(x))
    x = keras.layers.Conv2D(num_classes, 1, activation="softmax", kernel_initializer=second)(x)
    return keras.Model(pixels, x)

registry.ARCHITECTURES["tiny"] = registry.Architecture(tiny)
PARAMS = TrainParams(
    epochs=3, steps_per_epoch=0, batch_size=4, crop=16, crack_weight=3.0, averaging=0.9, warmup_steps=2,
    learning_rate=0.01, metrics=("crack_iou",), early_stopping=0, num_infer_images=0,
)
batch_end = loop._Watch.on_train_batch_end
checkpoints.EVERY_S = 0
checkpoints.SHARE = float("inf")

def train(addresses, index, pairs, folder, dies):
    os.dup2(os.open(f"{folder}.txt", os.O_WRONLY | os.O_CREAT | os.O_TRUNC), 2)
    batches = iter(range(1, 100))
    def on_train_batch_end(self, batch, logs=None):
        batch_end(self, batch, logs)
        if next(batches) == dies:
            os.kill(os.getpid(), signal.SIGKILL)
    loop._Watch.on_train_batch_end = on_train_batch_end
    stems = [f"p{i}" for i in range(10)]
    try:
        workers = join(addresses, str(index))
        with workers.together():
            workers.agree("0123456789abcdef")
            rows = loop.train(
                ResizedPairs(pathlib.Path(pairs), 2), stems[:7], stems[7:], 32, Tiny(), PARAMS,
                checkpoints.Checkpoints(pathlib.Path(folder)), lambda model, history: None, workers=workers,
            )
    except TrainingError as error:
        print(error, file=sys.stderr)
        return 2
    pathlib.Path(f"{folder}.json").write_text(json.dumps(rows))
    return 0

for run in json.loads(sys.argv[1]):
    started = []
    for worker in run:
        started.append(os.fork())
        if not started[-1]:
            code = 1
            try:
                code = train(*worker)
            except BaseException:
                traceback.print_exc()
            os._exit(code)
    print(json.dumps([os.waitstatus_to_exitcode(os.waitpid(one, 0)[1]) for one in started]), flush=True)
"""


def addresses():
    """Two addresses that are free now."""
    with socket.socket() as one, socket.socket() as other:
        for port in (one, other):
            port.bind(("127.0.0.1", 0))
        return ",".join(f"127.0.0.1:{port.getsockname()[1]}" for port in (one, other))


def together(pairs, folder, *runs):
    """Train with one worker, then in each run with two, of which each is killed after a batch; 0 for not.

    Returns:
        The exit codes of each run, without those of one worker alone.
    """
    root = str(pairs[0].root)
    plan = [[["", 0, root, str(folder / "alone"), 0]]]
    for dies in runs:
        both = addresses()
        plan.append([[both, i, root, str(folder / str(i)), dies[i]] for i in range(2)])
    done = subprocess.run(
        [sys.executable, "-c", DRIVER, json.dumps(plan)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, *rest = map(json.loads, done.stdout.splitlines())
    assert first == [0], (folder / "alone.txt").read_text()
    return rest


def check_alike(folder):
    """Sums are made in another order: a rounding of 1e-7 grows over the steps of Muon, which works in bfloat16."""
    alone, chief, other = (json.loads((folder / f"{name}.json").read_text()) for name in ("alone", "0", "1"))
    assert len(alone) == 3
    assert chief == other
    for row, expected in zip(chief, alone, strict=True):
        assert row["loss"] == pytest.approx(expected["loss"], rel=1e-4)
        assert row["val_loss"] == pytest.approx(expected["val_loss"], rel=1e-4)
        # a pixel near 0.5 may fall on the other side
        assert row == pytest.approx(expected, rel=0.02)


def said(folder):
    return [(folder / f"{i}.txt").read_text()[-2000:] for i in range(2)]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_workers_train_as_one_does(pairs, tmp_path):
    assert together(pairs, tmp_path, (0, 0)) == [[0, 0]], said(tmp_path)
    check_alike(tmp_path)
    # the chief alone writes
    assert not [*(tmp_path / "1").iterdir()]
    one, both = (keras.saving.load_model(tmp_path / name / "best.keras") for name in ("alone", "0"))
    for weight, expected in zip(both.get_weights(), one.get_weights(), strict=True):
        np.testing.assert_allclose(weight, expected, atol=1e-3)


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("dies", [(0, 3), (3, 0)])
def test_killed_worker_comes_back(pairs, tmp_path, dies):
    """kill -9 after the first batch of the second epoch: the other one ends by itself, and both go on together."""
    first, second = together(pairs, tmp_path, dies, (0, 0))
    killed = dies.index(3)
    assert first[killed] == -signal.SIGKILL
    assert first[1 - killed] not in (0, -signal.SIGKILL)
    assert second == [0, 0], said(tmp_path)
    check_alike(tmp_path)


def test_parts_of_a_batch_are_the_batch():
    for count in (1, 2, 3, 5):
        parts = [range(7)[Workers(["x"] * count, index).share(7)] for index in range(count)]
        assert [row for part in parts for row in part] == list(range(7))
        assert {len(part) for part in parts} <= {7 // count, 7 // count + 1}


def test_one_worker_alone_needs_nobody():
    assert join("") is ALONE
    assert ALONE.chief
    ALONE.agree("0123456789abcdef")
    assert ALONE.from_chief(lambda: pytest.fail("nobody to give it to")) == b""


@pytest.mark.parametrize(
    ("addresses", "index", "said"),
    [
        ("10.0.0.1:8700", "0", "expected two or more different HOST:PORT"),
        ("10.0.0.1:8700,10.0.0.1:8700", "0", "expected two or more different HOST:PORT"),
        ("10.0.0.1,10.0.0.2", "0", "expected two or more different HOST:PORT"),
        ("a:1,b:1", "2", "expected a number from 0 to 1"),
        ("a:1,b:1", "-1", "expected a number from 0 to 1"),
        ("a:1,b:1", "one", "received worker 'one'"),
    ],
)
def test_what_is_not_an_address_is_said(addresses, index, said):
    with pytest.raises(TrainingError, match=said):
        join(addresses, index)
