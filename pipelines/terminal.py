"""What the command line prints: words of strangers, such as names of files, move no cursor and are no markup."""

from typing import Any

import typer

from crackflow.safe_text import printable
from pipelines.redaction import redacted


def say(line: str, *, err: bool = False) -> None:
    """Print a line on standard output, or on stderr."""
    typer.echo(printable(line), err=err)


def say_error(line: object) -> None:
    """Print an error on stderr, without the secrets that addresses in it may hold."""
    say(f"error: {redacted(line)}", err=True)


def show(*parts: Any) -> None:
    """Print tables. Square brackets in their cells are no markup, and colons no pictures."""
    from rich.console import Console

    Console(markup=False, emoji=False).print(*parts)
