"""Loaded into a Dask worker (`--preload`): each pair takes a while, and one of them may end its worker.

The code of the stage stays as it is, so that its worker passes for one with the same code, as it does with a photograph
that ends its decoder.
"""

import os
import signal
import time

from crackflow.imaging import masks

SLOW_S = 0.2
# The name of the photograph that no worker lives through.
POISON = "SOAK_POISON"
# Dask loads a file more than once.
_ITSELF = "read_pair_itself"

if not hasattr(masks, _ITSELF):
    setattr(masks, _ITSELF, masks.read_pair)


def read_slowly(image_path, mask_path, *rest):  # noqa: ANN001, ANN002, ANN201
    """Read a pair as `masks.read_pair` does, but for what the module says."""
    time.sleep(SLOW_S)
    if image_path.name == os.environ.get(POISON):
        os.kill(os.getpid(), signal.SIGKILL)
    return getattr(masks, _ITSELF)(image_path, mask_path, *rest)


masks.read_pair = read_slowly
