"""What all commands share: a fault that the user can fix is one line on stderr and an exit code."""

import atexit
import errno
import gc
import io
import math
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from crackflow.errors import CrackflowError, ParamsError, is_shortage, shortage_line
from pipelines.extras import missing_line
from pipelines.terminal import say_error
from tasks import endings
from tasks.environment import settle

# When Python ends it looks for garbage among all that was imported, which takes a tenth of a short command's time.
atexit.register(gc.freeze)

CUT_SHORT = (
    "a compiled module in a folder __pycache__ is cut short, as a full disk leaves it; delete the folders __pycache__ "
    "of crackflow and of the packages that it uses, and run again"
)


class Commands(TyperGroup):
    """Runs a command and ends it with one line where it can't go on; any other exception is a defect.

    A CrackflowError has its own exit code. An OSError, as of a full disk or of a path that can't be used, has 2. A
    signal has 128 and its number.
    """

    def main(self, *args: Any, **options: Any) -> Any:
        """Read the arguments, run the command that they name, and end the process with its exit code."""
        any_letter()
        try:
            try:
                return super().main(*args, **options)
            finally:
                # here and not when Python ends, where nobody handles what it meets
                sys.stdout.flush()
        except OSError as error:
            line = endings.os_error_line(error)
            if error.errno == errno.EPIPE:  # as in `crackflow figures | head -1`, where nothing is wrong
                sys.exit(1)
            say_error(line)
            sys.exit(CrackflowError.exit_code)
        except Exception as error:
            if not is_shortage(error):
                raise
            say_error(shortage_line(error))
            sys.exit(CrackflowError.exit_code)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Give a command, whose numbers must be finite: one bound is not above infinity, and none is above NaN."""
        command = super().get_command(ctx, cmd_name)
        for option in [] if command is None else command.params:
            option.callback = option.callback or _finite
        return command

    def invoke(self, ctx: Any) -> Any:
        """Run the command that the arguments name."""
        try:
            settle()
            return super().invoke(ctx)
        except CrackflowError as error:
            line, exit_code = str(error), error.exit_code
        except ModuleNotFoundError as error:
            line, exit_code = missing_line(error), CrackflowError.exit_code
            if not line:
                raise
        except EOFError as error:
            # what Python says of a module that it could not write whole when the disk was full
            if str(error) not in ("EOF read where not expected", "marshal data too short"):
                raise
            line, exit_code = CUT_SHORT, CrackflowError.exit_code
        except KeyboardInterrupt as stop:
            if not stop.args:  # Ctrl-C in a command that leaves it to Typer
                raise
            line, exit_code = endings.stop_line(stop)
        say_error(line)
        raise typer.Exit(exit_code)


def _finite(ctx: Any, option: Any, value: Any) -> Any:
    del ctx
    if isinstance(value, float) and not math.isfinite(value):
        raise ParamsError(f"{option.opts[0]} {value}, expected a finite number; correct it")
    return value


def any_letter() -> None:
    """Let names be printed that the terminal has no letters for: as their codes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
