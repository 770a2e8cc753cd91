"""How a command or a stage ends that can't go on: one line, an exit code, and nothing left running or lying about."""

import contextlib
import errno
import io
import os
import signal
import sys
from collections.abc import Iterator

from crackflow.errors import one_line
from crackflow.safe_text import printable

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS)
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
    if error.errno in _NO_ROOM:
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
    """Turn signals into KeyboardInterrupt(number), so that what is open is closed and removed; a second one kills."""

    def interrupt(number: int, _: object) -> None:
        for one in signals:
            signal.signal(one, signal.SIG_DFL)
        raise KeyboardInterrupt(number)

    for one in signals:
        if signal.getsignal(one) != signal.SIG_IGN:  # as a shell sets it for what runs in its background, and nohup
            signal.signal(one, interrupt)


@contextlib.contextmanager
def interrupted_by_signals() -> Iterator[None]:
    """Let what asks a command to end do so by KeyboardInterrupt: Ctrl-C, SIGTERM, and a terminal that is closed."""
    signals = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if hasattr(signal, "SIGHUP") else [])]
    before = {one: signal.getsignal(one) for one in signals}
    interrupt_on(*signals)
    try:
        yield
    finally:
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
