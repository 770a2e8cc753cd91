"""How a command or a stage ends that can't go on: one line, an exit code, and nothing left running or lying about."""

import contextlib
import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator

from crackflow.errors import one_line
from crackflow.safe_text import printable

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS)
# After which a signal whose exception Python dropped is sent again.
DROPPED_S = 0.05
# as Python words it; its number is that of a path that is absent
_NO_TEMPORARY = "No usable temporary directory"
_NO_SUCH_PATH = (errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP)


def os_error_line(error: OSError, place: object = "") -> str:
    """Say in one line what the system would not do: the path, the system's reason, what to do.

    Args:
        error: as Python raises it.
        place: named where the error names no path.

    Returns:
        The line. Standard output is closed where it is what can't be written, so that Python does not fail on it again.
    """
    path = error.filename or (_closed_standard_output() and "standard output") or place
    if (error.strerror or "").startswith(_NO_TEMPORARY):
        advice = "make room there or set TMPDIR to a folder with room"
    elif error.errno in _NO_ROOM:
        advice = "make room or allow it"
    elif error.errno in _NO_SUCH_PATH:
        advice = "name another path"
    else:
        advice = "see what keeps the system from it"
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    return f"{f'{path}: ' if path else ''}{error.strerror or one_line(error)}; {advice}, and run again"


def stop_line(stop: KeyboardInterrupt) -> tuple[str, int]:
    """Say which signal stopped it, as `interrupt_on` raises it, with the notes of who handled it; and the exit code.

    Returns:
        The line, and 128 + the signal's number, which a shell expects.
    """
    number = signal.Signals(*stop.args or [signal.SIGINT])
    return "; ".join([f"stopped by {number.name}", *getattr(stop, "__notes__", [])]), 128 + number


def say_error(line: str) -> None:
    """Print an error on stderr, one line whatever is in it."""
    print(f"error: {printable(line)}", file=sys.stderr)


def interrupt_on(*signals: signal.Signals) -> None:
    """Turn signals into KeyboardInterrupt(number), so that what is open is closed and removed; a second one kills.

    Python drops an exception that is raised in a `__del__` or in a callback of a weak reference, and TensorFlow spends
    whole seconds of a training in those. What was dropped there is raised again.
    """

    def interrupt(number: int, _: object) -> None:
        for one in signals:
            signal.signal(one, signal.SIG_DFL)
        raise KeyboardInterrupt(number)

    def again(dropped: "sys.UnraisableHookArgs") -> None:
        stop = dropped.exc_value
        if not (isinstance(stop, KeyboardInterrupt) and stop.args and stop.args[0] in signals):
            before(dropped)
            return
        signal.signal(stop.args[0], interrupt)
        # from another thread, and later: what is raised in this very function is dropped as well
        threading.Timer(DROPPED_S, os.kill, (os.getpid(), stop.args[0])).start()

    before, sys.unraisablehook = sys.unraisablehook, again
    for one in signals:
        if signal.getsignal(one) != signal.SIG_IGN:  # as a shell sets it for what runs in its background, and nohup
            signal.signal(one, interrupt)


@contextlib.contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Let what asks a command to end do so by KeyboardInterrupt: Ctrl-C, SIGTERM, and a terminal that is closed."""
    signals = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before, hook = {one: signal.getsignal(one) for one in signals}, sys.unraisablehook
    interrupt_on(*signals)
    try:
        yield
    finally:
        sys.unraisablehook = hook
        for one, handler in before.items():
            signal.signal(one, handler)


def _closed_standard_output() -> bool:
    """Whether standard output can't be written; it then leads nowhere from now on."""
    try:
        sys.stdout.flush()
        # where Python keeps nothing to flush (PYTHONUNBUFFERED)
        os.write(sys.stdout.fileno(), b"")
    except io.UnsupportedOperation:  # no file at all, as in a test
        return False
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False
