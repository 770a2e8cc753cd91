"""Run one stage as a process of its own that can be watched, limited and ended as a whole."""

import contextlib
import json
import math
import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, cast

from crackflow.errors import CrackflowError
from pipelines.dvc_runner import supervise
from pipelines.dvc_runner.log_lines import LogLines
from pipelines.dvc_runner.stage_error import EXITED, StageError, StageStoppedError, error_of, weight
from tasks.environment import child_environment
from tasks.workspace import Workspace

# Between SIGTERM and SIGKILL. Below the 30 s that a Prefect worker grants a flow that it cancels.
GRACE_S = 10.0
POLL_S = 0.5


def limit_s(minutes: float | None) -> float | None:
    """Give a stage's time limit in seconds; None sets none.

    Raises:
        CrackflowError: when it is not above 0: a limit of 0 is none to some and no time at all to others.
    """
    if minutes is None:
        return None
    if not 0 < minutes < math.inf:
        raise CrackflowError(f"the stage limit is {minutes:g} minutes, expected more than 0; for no limit leave it out")
    return minutes * 60


class StageProcesses:
    """Starts the stages of one run through DVC, and ends them all at once. Safe to use from several threads.

    Attributes:
        workspace: in which they run.
    """

    def __init__(
        self, root: Path, run_id: str, limit_s: float | None = None, hold: int | None = None, grace_s: float = GRACE_S
    ) -> None:
        """Prepare; nothing is started.

        Args:
            root: the DVC repository.
            run_id: given to the stages as CRACKFLOW_RUN; they leave it in their record.
            limit_s: seconds after which a stage is ended.
            hold: a descriptor that stays open until the last process of a stage has gone: the run's lock.
            grace_s: seconds between SIGTERM and SIGKILL.
        """
        self.workspace = Workspace(root)
        self._run_id = run_id
        self._limit_s = limit_s
        self._hold = () if hold is None else (hold,)
        self._grace_s = grace_s
        self._guard = threading.Lock()
        self._stopped = False
        self._running: set[subprocess.Popen[bytes]] = set()

    def repro(self, stage: str, say: Callable[[str], object], force: bool = False) -> bool:
        """Bring one stage up to date and wait until that is done.

        Args:
            stage: the stage as DVC addresses it.
            say: called with each line that the stage prints.
            force: run it though nothing changed.

        Returns:
            True where the stage ran, False where DVC found nothing to do or took the outputs from its cache.

        Raises:
            StageError: when it failed or was ended at the time limit.
            StageStoppedError: when `stop` was called meanwhile.
        """
        self.run(["dvc", "--wait-for-lock", "repro", "-s", *(["-f"] if force else []), stage], say)
        return self._ran(stage)

    def run(self, module: list[str], say: Callable[[str], object]) -> None:
        """Run `python -m MODULE ARGUMENTS` in the repository and wait until it has ended, as `command` does."""
        self.command([sys.executable, "-m", *module], say, self._limit_s)

    def command(self, command: list[str], say: Callable[[str], object], limit_s: float | None) -> None:
        """Run a program in the repository and wait until it has ended.

        Args:
            command: its name and arguments.
            say: called with each line that it prints.
            limit_s: seconds after which it is ended; None for no limit.

        Raises:
            StageError: when it failed or was ended at the time limit.
            StageStoppedError: when `stop` was called meanwhile.
        """
        process = self._start(command)
        said, code = "", 0
        try:
            for line in self._lines(process, limit_s):
                said = line if weight(line) >= weight(said) else said
                # DVC ends with a code of its own and says that of the shell in which it ran the stage
                code = int(found[1]) if (found := EXITED.search(line)) else code
                say(line)
        finally:
            self._end(process)
        if process.returncode:
            if self._stopped:
                raise StageStoppedError("ended, because the run was stopped")
            raise error_of(process.returncode, code, said)

    def stop(self) -> None:
        """End every running stage, and start none from here on. Returns at once; `repro` returns when they are gone."""
        with self._guard:
            self._stopped = True
            for process in self._running:
                _close(process)

    def _start(self, command: list[str]) -> subprocess.Popen[bytes]:
        environment = {
            # a question of git's would wait for ever
            "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
            "GIT_TERMINAL_PROMPT": "0",
            **child_environment(),
            # `python` in dvc.yaml is then the one that runs the flow
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
            "PYTHONUNBUFFERED": "1",
            "CRACKFLOW_RUN": self._run_id,
        }
        with self._guard:
            if self._stopped:
                raise StageStoppedError("not started, because the run was stopped")
            process = subprocess.Popen(
                supervise.watched(command, self._grace_s),
                bufsize=0,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=self.workspace.root,
                env=environment,
                start_new_session=True,
                pass_fds=self._hold,
            )
            self._running.add(process)
        return process

    def _lines(self, process: "subprocess.Popen[bytes]", limit_s: float | None) -> Iterator[str]:
        """Give the lines that a process prints as they come, until it has ended.

        Raises:
            StageError: at the time limit.
        """
        output = cast("IO[bytes]", process.stdout)
        deadline = time.monotonic() + (limit_s or math.inf)
        lines = LogLines()
        with selectors.DefaultSelector() as selector:
            selector.register(output, selectors.EVENT_READ)
            while time.monotonic() < deadline:
                if selector.select(POLL_S):
                    data = os.read(output.fileno(), 65536)
                    if not data:
                        break
                    yield from lines.feed(data)
                elif process.poll() is not None:
                    # something that left the group holds the pipe open; it is no part of the stage
                    break
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(deadline - time.monotonic(), 0))
            yield from lines.close()
            return
        raise StageError(f"ended at its time limit of {limit_s:g} s; raise the limit, or give it less to do")

    def _end(self, process: "subprocess.Popen[bytes]") -> None:
        """See that nothing of the process group is left, whether it ended well, has to be ended or was ended."""
        _close(process)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(self._grace_s + 5)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        cast("IO[bytes]", process.stdout).close()
        with self._guard:
            self._running.discard(process)

    def _ran(self, stage: str) -> bool:
        """Whether the stage left its record in this run: DVC's own words are not read for that."""
        try:
            record = json.loads(self.workspace.ran(stage).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return False
        return isinstance(record, dict) and record.get("run") == self._run_id


def _close(process: "subprocess.Popen[bytes]") -> None:
    """Close the pipe that pipelines/dvc_runner/supervise.py watches: it then ends the process group."""
    cast("IO[bytes]", process.stdin).close()
