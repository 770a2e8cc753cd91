"""What calculates, on a second Keras backend: network, losses, metrics, Muon; their own tests in another process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RUN = "import keras, pytest, sys; assert keras.backend.backend() == 'jax'; sys.exit(pytest.main(sys.argv[1:]))"


@pytest.mark.slow
# as long as all of these take, on a machine that does other work too
@pytest.mark.timeout(1800)
def test_what_calculates_passes_its_tests_on_jax():
    names = ("models/test_flexunet", "training/test_losses", "training/test_metrics", "training/test_muon")
    files = [f"tests/crackflow/{name}.py" for name in (*names, "training/test_deep_supervision")]
    done = subprocess.run(
        [sys.executable, "-c", RUN, "-q", "-p", "no:cacheprovider", "-m", "backend", *files],
        cwd=ROOT,
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout
