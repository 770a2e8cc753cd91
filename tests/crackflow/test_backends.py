"""The network, the losses and the metrics on a second Keras backend: their own tests, run again in another process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN = "import keras, pytest, sys; assert keras.backend.backend() == 'jax'; sys.exit(pytest.main(sys.argv[1:]))"


@pytest.mark.slow
def test_model_losses_and_metrics_pass_their_tests_on_jax():
    files = [f"tests/crackflow/test_{name}.py" for name in ("model", "losses", "metrics")]
    done = subprocess.run(
        [sys.executable, "-c", RUN, "-q", "-p", "no:cacheprovider", *files],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
