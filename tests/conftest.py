"""Settings that every test needs before it imports anything heavy."""

import os
import shutil
import signal
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# As prefect.toml has them; most tests start Prefect in a folder without one.
os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")

import cv2
import numpy as np
import pytest
from absl import logging as absl_logging
from hypothesis import settings

from pipelines.git import git
from tasks import code_closure

# Run in the background of a shell, pytest is handed a SIGINT that is ignored, and would hand it on to what tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
# Likewise SIGHUP under nohup: commands respect that it is ignored, and tests of being hung up could not be.
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
# TensorFlow's logger keeps the sys.stderr that it finds, here the file of pytest's capture, and closes it when Prefect
# sets up its own logging; the real one it leaves open.
absl_logging.get_absl_handler().python_handler.setStream(sys.__stderr__)


# No test fails because the machine is slow.
settings.register_profile("crackflow", deadline=None)
settings.load_profile("crackflow")

# Files that take half a minute and more, the longest first. Workers begin with them, so that none is left for the end.
LONG = (
    "tests/pipelines/test_end_to_end.py",
    "tests/pipelines/flows/test_rebuild.py",
    "tests/tasks/test_survival.py",
    "tests/pipelines/scheduling/test_serve.py",
    "tests/pipelines/test_scheduled.py",
    "tests/crackflow/test_backends.py",
    "tests/pipelines/test_cli.py",
    "tests/pipelines/doctor/test_checkup.py",
    "tests/pipelines/test_deployment.py",
    "tests/crackflow/training/test_loop.py",
    "tests/pipelines/commands/test_score.py",
    "tests/pipelines/commands/test_predict.py",
    "tests/pipelines/flows/test_gate.py",
    "tests/tasks/test_evaluate.py",
    "tests/pipelines/dvc_runner/test_process.py",
    "tests/pipelines/test_remotes.py",
)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers():
    """One worker more than cores, as tests wait for servers and processes; at most four, as each holds TensorFlow."""
    return min(4, (os.cpu_count() or 1) + 1)


def pytest_collection_modifyitems(config, items):
    """Give the workers of pytest-xdist whole files, the long ones first; alone, pytest keeps its own order."""
    if hasattr(config, "workerinput"):
        place = {name: number for number, name in enumerate(LONG)}
        items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(LONG)))


@pytest.fixture
def eager():
    """Train operation by operation. To make a graph first takes TensorFlow longer than the few steps of a test."""
    import keras

    if keras.backend.backend() != "tensorflow":
        yield
        return
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def copied_code(tmp_path, monkeypatch):
    """A copy of the project's code that a test may change; the keys of kept state follow it. Imports do not."""
    root = tmp_path / "code"
    for package in code_closure.PACKAGES:
        for path in (code_closure.ROOT / package).rglob("*.py"):
            copy = root / path.relative_to(code_closure.ROOT)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    monkeypatch.setattr(code_closure, "ROOT", root)
    return root


@pytest.fixture(scope="session")
def under_git():
    """A function that makes a folder a git repository on `main`, with somebody to sign commits and none made yet."""

    def make(root):
        git(root, "init", "--quiet", "--initial-branch=main")
        git(root, "config", "user.name", "somebody")
        git(root, "config", "user.email", "somebody@localhost")

    return make


@pytest.fixture
def place_of():
    """A function that finds a picture on a larger one, pixel by pixel: its top and left, px. It must be there once."""

    def find(sheet, picture):
        if picture.ndim == 2:
            picture = np.repeat(picture[..., None], 3, axis=2)
        differences = cv2.matchTemplate(sheet, picture, cv2.TM_SQDIFF)
        # the sums are of float32, so the best candidates are compared exactly
        height, width = picture.shape[:2]
        found = [
            (int(top), int(left))
            for top, left in zip(*np.nonzero(differences <= differences.min() + 1e-4 * differences.max()), strict=True)
            if (sheet[top : top + height, left : left + width] == picture).all()
        ]
        assert len(found) == 1, f"the picture is on the sheet {len(found)} times, expected once"
        return found[0]

    return find
