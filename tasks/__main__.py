"""`python -m tasks STAGE`: run one stage in the current directory."""

import datetime as dt
import errno
import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path

from crackflow.atomic import write_text
from crackflow.errors import CrackflowError
from crackflow.keras_import import import_keras
from tasks import stage_inputs
from tasks.child_environment import forget_repository
from tasks.memory import peak_mib
from tasks.workspace import Workspace

WITH_KERAS = {"train", "evaluate", "infer"}
# A full disk, a quota or a limit, a disk or a place that may not be written: no defect of ours.
_FOR_THE_USER = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM}
# What asks a stage to end, and how: Ctrl-C, and a cancelled run. A shell expects 128 + the signal's number.
_STOPS = (signal.SIGINT, signal.SIGTERM)
STAGES = ("download", "resize", "split", "statistics", "train", "evaluate", "infer", "report")


def main(argv: list[str]) -> int:
    """Run the stage that `argv` names.

    Args:
        argv: the arguments without the program's name: one stage.

    Returns:
        0 when the stage's outputs are written, 2 when the user has something to fix, 128 + N when signal N stopped it.
    """
    if len(argv) != 1 or argv[0] not in STAGES:
        print(f"error: received {' '.join(argv) or 'nothing'}, expected one of: {', '.join(STAGES)}", file=sys.stderr)
        return CrackflowError.exit_code
    forget_repository()  # dvclive asks git for the commit
    stage = argv[0]
    workspace = Workspace(Path.cwd())
    started = time.monotonic()
    try:
        # before anything is read that it names
        began = stage_inputs.read(workspace, stage)
        params = workspace.params()
        if stage in WITH_KERAS:
            import_keras()
        importlib.import_module(f"tasks.{stage}").run(workspace, params)
        stage_inputs.check(workspace, stage, began)
    except CrackflowError as error:
        print(f"error: {stage}: {error}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as stop:
        number = signal.Signals(*stop.args or [signal.SIGINT])
        said = "; ".join([f"stopped by {number.name}", *getattr(stop, "__notes__", [])])
        print(f"error: {stage}: {said}", file=sys.stderr)
        return 128 + number
    except FileNotFoundError as error:
        # Only a stage run by hand can miss its inputs; a file that is absent elsewhere is a defect and keeps its trace.
        if error.filename is None or not Path(error.filename).is_relative_to(workspace.root):
            raise
        missing = Path(error.filename).relative_to(workspace.root)
        print(f"error: {stage}: {missing} is not there; `dvc repro {stage}` makes what it needs first", file=sys.stderr)
        return CrackflowError.exit_code
    except OSError as error:
        if error.errno not in _FOR_THE_USER:
            raise
        where = error.filename or workspace.root
        print(
            f"error: {stage}: {where} can't be written ({error.strerror}); make room or allow it, and run again",
            file=sys.stderr,
        )
        return CrackflowError.exit_code
    record = {
        "stage": stage,
        "run": os.environ.get("CRACKFLOW_RUN", ""),
        "finished": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - started, 2),
        "peak_mib": peak_mib(),
    }
    write_text(workspace.ran(stage), json.dumps(record, indent=1) + "\n")
    return 0


def _interrupt(number: int, _: object) -> None:
    for other in _STOPS:  # a second one ends it at once
        signal.signal(other, signal.SIG_DFL)
    raise KeyboardInterrupt(number)


if __name__ == "__main__":
    for stop in _STOPS:
        if signal.getsignal(stop) != signal.SIG_IGN:  # as a shell sets it for what runs in its background
            signal.signal(stop, _interrupt)
    sys.exit(main(sys.argv[1:]))
