"""Settings that every test needs before it imports anything heavy."""

import os
import signal
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import pytest
from absl import logging as absl_logging

from pipelines.git import git

# Run in the background of a shell, pytest is handed a SIGINT that is ignored, and would hand it on to what tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)
# TensorFlow's logger keeps the sys.stderr that it finds, here the file of pytest's capture, and closes it when Prefect
# sets up its own logging; the real one it leaves open.
absl_logging.get_absl_handler().python_handler.setStream(sys.__stderr__)


@pytest.fixture
def under_git():
    """A function that makes a folder a git repository on `main`, with somebody to sign commits and none made yet."""

    def make(root):
        git(root, "init", "--quiet", "--initial-branch=main")
        git(root, "config", "user.name", "somebody")
        git(root, "config", "user.email", "somebody@localhost")

    return make
