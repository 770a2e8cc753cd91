"""Keep watch over one command, so that it never outlives the process that asked for it.

Run as a script, with the argument list that `watched` gives, in a session of its own and with a pipe as stdin. Nothing
is ever written to that pipe: when its other end is closed, on purpose or by the kernel because whoever held it died
(kill -9 included), the whole process group is ended, by SIGTERM first and by SIGKILL after a while. PR_SET_PDEATHSIG
would not do instead: it fires when the forking *thread* ends, and of a stage it reaches DVC but not the shell and the
Python that DVC starts.

It imports the standard library alone and starts in about 30 ms.
"""

import ctypes
import os
import select
import signal
import subprocess
import sys
import time

PR_SET_CHILD_SUBREAPER = 36
POLL_S = 0.02


def watched(command: list[str], grace_s: float) -> list[str]:
    """Give the arguments that run `command` under watch.

    They are for subprocess.Popen with stdin=PIPE and start_new_session=True; its pid is then the process group's.
    """
    # -I and -S: no look through site-packages, and pipelines/commands/profile.py does not hide the standard library's
    return [sys.executable, "-I", "-S", __file__, str(grace_s), *command]


def main(grace_s: float, command: list[str]) -> int:
    """Run `command` until it ends, or until stdin closes or SIGTERM asks to end it.

    Args:
        grace_s: seconds between SIGTERM and SIGKILL.
        command: what to run; it gets an empty stdin and this process's stdout and stderr.

    Returns:
        The command's exit code, 128 + N where signal N ended it. When asked to end the group, the process ends by
        SIGKILL together with whatever is left of it.
    """
    _adopt_orphans()
    wake, waker = os.pipe()
    os.set_blocking(waker, False)
    signal.set_wakeup_fd(waker)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        # a function and not SIG_IGN, which the command would inherit
        signal.signal(number, lambda *_: None)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    while child.poll() is None:
        ready, _, _ = select.select([sys.stdin, wake], [], [])
        signals = os.read(wake, 4096) if wake in ready else b""
        if signal.SIGTERM in signals or (sys.stdin in ready and not os.read(0, 1)):
            _end_others(grace_s)
            os.killpg(0, signal.SIGKILL)
    if _others_left():
        _end_others(grace_s)
    return child.returncode if child.returncode >= 0 else 128 - child.returncode


def _adopt_orphans() -> None:
    """Have grandchildren whose parent dies become children here, so that they can be waited for (Linux alone)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _end_others(grace_s: float) -> None:
    os.killpg(0, signal.SIGTERM)
    deadline = time.monotonic() + grace_s
    while _others_left() and time.monotonic() < deadline:
        time.sleep(POLL_S)


def _others_left() -> bool:
    """Reap whatever has ended; True while a process of this group is left. One that left it did so on purpose."""
    try:
        while os.waitpid(0, os.WNOHANG) != (0, 0):
            pass
    except ChildProcessError:
        return False
    return True


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
