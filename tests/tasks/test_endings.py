import errno
import os
import signal
import subprocess
import sys

import pytest

from tasks.endings import interrupted_by_signals, os_error_line, stop_line


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", "a/b"),
            "a/b: No space left on device; make room or allow it",
        ),
        (PermissionError(errno.EACCES, "Permission denied", b"a"), "a: Permission denied; make room or allow it"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory", "a/b"), "a/b: Not a directory; name another path"),
        (OSError(errno.EIO, "Input/output error"), "here: Input/output error; see what keeps the system from it"),
        (
            FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['a']"),
            "here: No usable temporary directory found in ['a']; make room there or set TMPDIR to a folder with room",
        ),
        (OSError("no reason\ngiven"), "here: no reason given; see what keeps the system from it"),
    ],
)
def test_a_line_names_the_path_the_reason_and_what_to_do(error, said):
    assert os_error_line(error, "here") == f"{said}, and run again"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_full_standard_output_is_named_once_and_nothing_comes_after(unbuffered):
    code = """
import sys
from tasks.endings import os_error_line
try:
    print("x")
    sys.stdout.flush()
except OSError as error:
    print(os_error_line(error), file=sys.stderr)
print("y")
"""
    command, environment = [sys.executable, "-c", code], {**os.environ, "PYTHONUNBUFFERED": unbuffered}
    with open("/dev/full", "w") as full:
        run = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=environment)
    said = "standard output: No space left on device; make room or allow it, and run again\n"
    assert (run.returncode, run.stderr) == (0, said)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_interrupts_and_the_handlers_come_back(number):
    """In a process of its own: one of many tests was seen to end with the signal, among libraries with threads."""
    code = """
import signal, sys
from tasks.endings import interrupted_by_signals, stop_line
number = int(sys.argv[1])
# in the background of a shell SIGINT is ignored
signal.signal(number, signal.default_int_handler)
try:
    with interrupted_by_signals():
        signal.raise_signal(number)
except KeyboardInterrupt as stop:
    print(stop_line(stop), signal.getsignal(number) is signal.default_int_handler)
"""
    done = subprocess.run([sys.executable, "-c", code, str(int(number))], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == (f"('stopped by {number.name}', {128 + number}) True\n", "")


def test_the_notes_of_who_handled_it_are_said():
    stop = KeyboardInterrupt()
    stop.add_note("the best model is kept")
    assert stop_line(stop) == ("stopped by SIGINT; the best model is kept", 130)


def test_a_signal_that_is_ignored_stays_so():
    """As nohup sets it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupted_by_signals():
            os.kill(os.getpid(), signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("place", ["__del__", "weak reference"])
def test_a_signal_is_not_lost_where_python_drops_exceptions(place):
    code = f"""
import os, signal, time, weakref
from tasks.endings import interrupt_on, stop_line
interrupt_on(signal.SIGTERM)
def dropped(*_):
    os.kill(os.getpid(), signal.SIGTERM)
    for _ in range(3):
        time.sleep(0.01)
class Thing:
    if {place!r} == "__del__":
        __del__ = dropped
thing = Thing()
kept = weakref.ref(thing, dropped) if {place!r} != "__del__" else None
try:
    del thing
    for _ in range(1000):
        time.sleep(0.01)
except KeyboardInterrupt as stop:
    print(stop_line(stop))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr) == ("('stopped by SIGTERM', 143)\n", "")
