"""Import Keras without the lines that TensorFlow writes before it reads its log level."""

import contextlib
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from crackflow.errors import CrackflowError, one_line


def import_keras() -> None:
    """Import Keras and its backend, and show what they write to stderr only if the import fails.

    TensorFlow's C++ side reports oneDNN and absent GPUs on file descriptor 2, twice, whatever TF_CPP_MIN_LOG_LEVEL is;
    only a redirected descriptor keeps a stage's log to the stage's own lines.

    Raises:
        CrackflowError: when KERAS_BACKEND names a backend that can't be imported.
        ImportError: as the import did; stderr then holds what was said.
        KeyboardInterrupt: as the handler of a signal that came meanwhile raised it.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    stderr = os.dup(2)
    with _interrupts_kept(), tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            import keras  # noqa: F401 it is the import that is wanted
        except BaseException as error:
            named = os.environ.get("KERAS_BACKEND")
            if named and isinstance(error, ImportError | ValueError):
                raise CrackflowError(
                    f"KERAS_BACKEND is {named}, which can't be imported ({one_line(error)}); unset it, or install it"
                ) from None
            said.seek(0)
            os.write(stderr, said.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)


@contextlib.contextmanager
def _interrupts_kept() -> Iterator[None]:
    """Raise at the end a KeyboardInterrupt that was raised by a signal's handler meanwhile and that something caught.

    Of 60 that were raised at random moments of `import keras`, one was caught there and the import went on. Where, was
    not found; callbacks of Python's import system are one such place. Ctrl-C would then do nothing.
    """
    raised: list[KeyboardInterrupt] = []

    def kept(number: int, frame: FrameType | None) -> None:
        try:
            before[number](number, frame)
        except KeyboardInterrupt as stop:
            raised.append(stop)
            raise

    # Python handles signals in the main thread alone
    numbers = signal.valid_signals() if threading.current_thread() is threading.main_thread() else set()
    handlers = {number: signal.getsignal(number) for number in numbers}
    before: dict[int, Callable[[int, FrameType | None], Any]] = {
        number: handler for number, handler in handlers.items() if callable(handler)
    }
    for number in before:
        signal.signal(number, kept)
    try:
        yield
    finally:
        for number, handler in before.items():
            if signal.getsignal(number) is kept:  # a handler may have set another
                signal.signal(number, handler)
        if raised:
            raise raised[0]
