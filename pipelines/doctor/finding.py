"""The result of one check of `crackflow doctor`, without secrets."""

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from crackflow.parallel import child_python
from pipelines.redaction import redacted
from tasks.environment import child_environment

State = Literal["ok", "skipped", "warning", "fault"]

WORDS_AT_MOST = 300


@dataclass(frozen=True)
class Finding:
    """One line of the doctor's table.

    Attributes:
        what: what was looked at.
        state: ok; skipped: not looked at; warning: a run may be slower or lack something; fault: something that is set
            up does not work, or a run would fail.
        found: what was found.
        advice: what to do; "" where nothing needs doing.
    """

    what: str
    state: State
    found: str
    advice: str = ""


def plain(text: object) -> str:
    r"""Give a text, such as an error's, in one line of bounded length and without what addresses may hold of secrets.

    >>> plain("can't reach\n  https://me:pa55@host/store?sig=abc now")
    "can't reach https://host/store now"
    """
    line = " ".join(redacted(text).split())
    return line if len(line) <= WORDS_AT_MOST else f"{line[: WORDS_AT_MOST - 3]}..."


def ask(code: str, arguments: list[str], root: Path, limit_s: float) -> object:
    """Run a piece of Python in a process that can be ended, unlike a thread, and read the JSON of its last line.

    Args:
        code: what to run.
        arguments: its sys.argv[1:].
        root: the folder to run it in.
        limit_s: seconds after which it is killed.

    Returns:
        What it printed.

    Raises:
        subprocess.TimeoutExpired: when it was killed.
        RuntimeError: when it did not end well, with the last line that it wrote to stderr.
    """
    # the kernel keeps the limit too, should this process be killed meanwhile
    guard = f"import signal; hasattr(signal, 'alarm') and signal.alarm({int(limit_s) + 2})\n"
    done = subprocess.run(
        child_python.command(guard + code, *arguments),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        cwd=root,
        env=child_python.with_own_path(child_environment()),
        timeout=limit_s,
        check=False,
    )
    try:
        return json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        said = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit code {done.returncode}"]
        raise RuntimeError(plain(said[-1])) from None
