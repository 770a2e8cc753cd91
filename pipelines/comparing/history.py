"""One figure with its interval by commit: the last commits that changed it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from crackflow.errors import CrackflowError, DataError
from crackflow.evaluation.headline import BY_NAME, DASH, figure_text, interval_text, reached
from pipelines.comparing.side import FIGURES, Side
from pipelines.git import git

HEADINGS = ("commit", "date", "figure", "95 % interval", "images", "subject")


@dataclass(frozen=True)
class Entry:
    """A commit that changed the figure."""

    commit: str
    date: str
    subject: str
    value: float | None
    low: float | None
    high: float | None
    images: int | None
    words: tuple[str, str]


def history(root: Path, metric: str, number: int) -> list[Entry]:
    """Give the last commits that changed a figure, the newest first.

    Commits whose figures can't be read, as those of before there were any, are left out.

    Args:
        root: a crackflow checkout.
        metric: of crackflow.evaluation.headline.HEADLINE.
        number: how many, at least 1.

    Raises:
        DataError: when there is no such figure.
        GitError: when there is no repository.
    """
    if metric not in BY_NAME:
        raise DataError(f"received the figure {metric}, expected one of {', '.join(BY_NAME)}")
    figure = BY_NAME[metric]
    entries: list[Entry] = []
    for line in git(root, "log", "--format=%H%x09%cs%x09%s", "--", FIGURES).splitlines():
        commit, date, subject = line.split("\t", 2)
        try:
            values = Side(root, commit, commit[:10]).figures()
        except CrackflowError:
            continue
        if not values:
            continue
        found = reached(values, figure)
        if entries and entries[-1].value == found.value:
            # not changed by the newer one: the older one is where it comes from
            entries.pop()
        elif len(entries) == number:
            break
        words = (figure_text(values, figure, interval=False), interval_text(values, figure) or DASH)
        images = values.get("protocol", {}).get("images")
        entries.append(Entry(commit[:10], date, subject, found.value, found.low, found.high, images, words))
    return entries


def rows(entries: Sequence[Entry]) -> list[list[str]]:
    """Cells of HEADINGS."""
    return [
        [one.commit, one.date, *one.words, DASH if one.images is None else str(one.images), one.subject]
        for one in entries
    ]
