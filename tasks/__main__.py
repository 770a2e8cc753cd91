"""`python -m tasks STAGE`: run one stage in the current directory."""

import datetime as dt
import importlib
import json
import os
import signal
import sys
import time
from pathlib import Path

from crackflow.atomic import write_text
from crackflow.errors import CrackflowError, is_shortage, shortage_line
from crackflow.keras_import import import_keras
from crackflow.parallel.machine import peak_mib
from tasks import stage_inputs
from tasks.endings import interrupt_on, os_error_line, say_error, stop_line
from tasks.environment import forget_repository, settle_home
from tasks.workspace import Workspace

WITH_KERAS = {"train", "evaluate", "infer"}
STAGES = ("download", "resize", "split", "statistics", "train", "evaluate", "infer", "report")


def main(argv: list[str]) -> int:
    """Run the stage that `argv` names.

    Args:
        argv: the arguments without the program's name: one stage.

    Returns:
        0 when the stage's outputs are written, 2 when the user has something to fix, 128 + N when signal N stopped it.
    """
    if len(argv) != 1 or argv[0] not in STAGES:
        say_error(f"received {' '.join(argv) or 'nothing'}, expected one of: {', '.join(STAGES)}")
        return CrackflowError.exit_code
    forget_repository()  # dvclive asks git for the commit
    stage = argv[0]
    workspace = Workspace(Path.cwd())
    started = time.monotonic()
    try:
        settle_home()
        # before anything is read that it names
        began = stage_inputs.read(workspace, stage)
        params = workspace.params()
        if stage in WITH_KERAS:
            import_keras()
        importlib.import_module(f"tasks.{stage}").run(workspace, params)
        stage_inputs.check(workspace, stage, began)
        sys.stdout.flush()
        record = {
            "stage": stage,
            "run": os.environ.get("CRACKFLOW_RUN", ""),
            "finished": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
            "seconds": round(time.monotonic() - started, 2),
            "peak_mib": peak_mib(),
        }
        write_text(workspace.ran(stage), json.dumps(record, indent=1) + "\n")
    except CrackflowError as error:
        say_error(f"{stage}: {error}")
        return error.exit_code
    except KeyboardInterrupt as stop:
        said, exit_code = stop_line(stop)
        say_error(f"{stage}: {said}")
        return exit_code
    except Exception as error:
        line = _line(error, stage, workspace.root)
        if line is None:
            raise
        say_error(f"{stage}: {line}")
        return CrackflowError.exit_code
    return 0


def _line(error: Exception, stage: str, root: Path) -> str | None:
    """Say in one line what the system would not do; None where the error is a defect."""
    if is_shortage(error):
        return shortage_line(error)
    return _os_error_line(error, stage, root) if isinstance(error, OSError) else None


def _os_error_line(error: OSError, stage: str, root: Path) -> str:
    if isinstance(error, FileNotFoundError) and error.filename and Path(error.filename).is_relative_to(root):
        # only a stage that is run by hand can miss its inputs
        missing = Path(error.filename).relative_to(root)
        return f"{missing} is not there; `dvc repro {stage}` makes what it needs first"
    return os_error_line(error, root)


if __name__ == "__main__":
    # Ctrl-C, and a cancelled run
    interrupt_on(signal.SIGINT, signal.SIGTERM)
    sys.exit(main(sys.argv[1:]))
