"""Markdown for Prefect's artifacts and for comments on pull requests."""

import re
from collections.abc import Iterable, Sequence

from crackflow.safe_text import printable

# Characters of a value that are shown in a table's cell.
WIDEST = 100
_MEANT = re.compile(r"[\\`*\[\]<>~&#]")


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Lay out rows under headings; a bar within a cell is escaped. No line's end at the end."""
    lines = [headings, ["---"] * len(headings), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plain(text: str) -> str:
    """Write words that may hold a stranger's: one line, no markup, and nobody is notified of an @name in it."""
    # a backslash does not keep GitHub from making a mention of @name; a space of no width does
    return _MEANT.sub(r"\\\g<0>", printable(text)).replace("@", "@\u200b")


def code(text: str) -> str:
    """Write a value as code, so that asterisks, underscores and @ in it have no effect; a long value is cut."""
    text = printable(text)
    shown = text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"
    # a code span ends at as many backticks as it begins with (CommonMark 0.31, section 6.1)
    fence = "`"
    while fence in shown:
        fence += "`"
    gap = " " if shown.startswith("`") or shown.endswith("`") else ""
    return f"{fence}{gap}{shown}{gap}{fence}"
