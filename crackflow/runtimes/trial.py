"""A model is tried in a process of its own first, which may take so much memory and time and no more.

A graph of 300 bytes can ask for anything: a constant of 160 GB, or a loop of 10^13 turns. OpenVINO carries out what is
constant while it reads an .onnx file, so no look at the graph comes early enough.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from crackflow.errors import ModelError, is_shortage
from crackflow.inference import contract
from crackflow.inference.network import Network
from crackflow.parallel import child_python

MOST_BYTES, MOST_SECONDS = 2**33, 120.0
"""What reading a model and one picture may take. The original network, of 124,996,866 weights, takes 3 GB and 10 s."""

_ENOUGH = f"expected a model that takes at most {MOST_BYTES / 2**30:g} GiB"


def first_try(path: Path, opener: Callable[..., Network], *arguments: str, seconds: float = MOST_SECONDS) -> None:
    """Open a model in another process, and give it a picture there.

    The limit of memory holds on Linux. Elsewhere, and where the machine has less, the system ends that process.

    Args:
        path: the model's file.
        opener: a function of a module, which opens it; it gets `path` and `arguments`.
        arguments: more that it gets.
        seconds: how long it may take.

    Raises:
        ModelError: as the opener or crackflow.inference.contract.check raises it there; when it takes more memory or
            time, or ends the process.
    """
    whole = str(path.resolve())
    asked = {"path": whole, "opener": [opener.__module__, opener.__qualname__], "arguments": arguments}
    try:
        done = subprocess.run(
            child_python.command(f"from {__name__} import _answer; _answer({seconds})"),
            input=json.dumps(asked).encode(),
            capture_output=True,
            env=child_python.with_own_path(os.environ),
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ModelError(
            f"the model in {path} has no result for one picture after {seconds:g} s; expected one sooner: name a "
            "smaller model"
        ) from None
    # what the libraries print comes before
    lines = done.stdout.splitlines()
    try:
        said = json.loads(lines[-1])["said"]
    except (IndexError, ValueError, KeyError, TypeError):
        raise ModelError(
            f"the model in {path} ended the process that opened it ({_end(done.returncode)}), as where memory runs "
            f"out; {_ENOUGH}: name another model"
        ) from None
    if said:
        raise ModelError(str(said).replace(whole, str(path)))


def _answer(seconds: float) -> None:
    """What the other process does: it prints what is wrong with the model, or nothing, as JSON in its last line."""
    import importlib

    if hasattr(signal, "alarm"):
        signal.alarm(int(seconds) + 1)  # should the one that waits be killed
    _limit_memory()
    asked = json.load(sys.stdin)
    path = Path(asked["path"])
    module, name = asked["opener"]
    said = ""
    try:
        contract.check(getattr(importlib.import_module(module), name)(path, *asked["arguments"]), path)
    except ModelError as error:
        said = str(error)
    except Exception as error:
        if not is_shortage(error):
            raise
        said = f"the model in {path} takes more memory for one picture; {_ENOUGH}: name a smaller one"
    sys.stdout.write(f"\n{json.dumps({'said': said})}\n")


def _limit_memory() -> None:
    """Limit what this process may write to, which on Linux is all but what is read from files."""
    with suppress(ImportError, OSError, ValueError):  # Windows has no such module, and a limit may be lower already
        import resource

        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, hard))


def _end(code: int) -> Any:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
