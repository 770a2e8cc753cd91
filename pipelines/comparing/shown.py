"""A comparison as people read it: tables for a terminal, Markdown for a pull request, a page of HTML, JSON."""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from crackflow.evaluation.headline import BY_NAME, DASH
from crackflow.safe_text import printable
from crackflow.visualization.html_report import templates
from pipelines import markdown
from pipelines.comparing.pictures import Shown
from pipelines.comparing.result import Compared, Figure, Source

# A hidden first line, by which the workflow finds the comment that it wrote before.
MARKER = "<!-- crackflow: figures of this pull request -->"
PARAMS = ("parameter", "before", "after")
FIGURES = ("figure", "before", "after", "change", "95 % interval", "verdict")
SOURCES = ("source", "images", "groups", *FIGURES[1:])
IMAGES = ("image", "source", "IoU before", "IoU after")


def as_json(found: Compared) -> str:
    """The comparison as JSON, one line's end at the end."""
    return json.dumps(asdict(found), indent=1) + "\n"


def as_markdown(found: Compared) -> str:
    """A comment for a pull request, its first line `MARKER`."""
    parts = [
        MARKER,
        f"### Crack figures: {markdown.plain(found.new)} against {markdown.plain(found.old)}",
        *(f"> **The data changed:** {markdown.plain(_sentence(one))}" for one in found.data),
        *(f"> **Caveat:** {markdown.plain(_sentence(one))}" for one in found.caveats),
        f"**{markdown.plain(_sentence(found.verdict))}**",
        _params_words(found) or markdown.table(PARAMS, [[markdown.code(cell) for cell in one] for one in found.params]),
        _plain_table(FIGURES, figure_rows(found.figures)) if found.figures else markdown.plain(_no_figure(found)),
    ]
    if len(found.sources) > 1:
        parts += [f"By source, {BY_NAME[found.metric].words}:", _plain_table(SOURCES, source_rows(found.sources))]
    if rows := image_rows(found):
        parts += [
            "Images that changed most:",
            markdown.table(IMAGES, [[markdown.code(stem), *map(markdown.plain, cells)] for stem, *cells in rows]),
        ]
    return "\n\n".join(parts) + "\n"


def as_terminal(found: Compared) -> Group:
    """Tables for a terminal; what changed in the data comes first."""
    parts: list[Any] = [_text(f"{found.new} against {found.old}", "bold")]
    parts += [_text(_sentence(one), "bold red") for one in found.data]
    parts += [_text(_sentence(found.verdict), "bold")]
    parts += [_text(_sentence(one)) for one in found.caveats]
    if words := _params_words(found):
        parts.append(Text(words))
    else:
        parts.append(table(PARAMS, found.params, left=3))
    if found.figures:
        parts.append(table(FIGURES, figure_rows(found.figures)))
    else:
        parts.append(_text(_no_figure(found)))
    if len(found.sources) > 1:
        parts += [Text(f"By source, {BY_NAME[found.metric].words}:"), table(SOURCES, source_rows(found.sources))]
    if rows := image_rows(found):
        parts += [Text("Images that changed most (--html FILE shows them):"), table(IMAGES, rows, left=2)]
    return Group(*parts)


def as_html(found: Compared, pictures: Sequence[Shown], absent: str) -> str:
    """One page that needs nothing else.

    Args:
        found: the comparison.
        pictures: the images that changed most.
        absent: why there are no pictures of some; empty where there are all.
    """
    return (
        templates("pipelines.comparing")
        .get_template("compare.html.j2")
        .render(
            found=found,
            verdict=_sentence(found.verdict),
            data=[_sentence(one) for one in found.data],
            caveats=[_sentence(one) for one in found.caveats],
            no_params=_params_words(found),
            no_figure=_no_figure(found),
            heads=(PARAMS, FIGURES, SOURCES),
            figures=list(figure_rows(found.figures)),
            sources=list(source_rows(found.sources)),
            metric=BY_NAME[found.metric].words,
            parts=[(words, [one for one in pictures if one.gained == gained]) for words, gained in _PARTS],
            absent=absent,
        )
    )


def figure_rows(figures: Sequence[Figure]) -> Iterator[list[str]]:
    """Cells of FIGURES."""
    return ([one.words, *_cells(one)] for one in figures)


def source_rows(sources: Sequence[Source]) -> Iterator[list[str]]:
    """Cells of SOURCES."""
    return ([one.source, str(one.images), str(one.groups), *_cells(one.figure)] for one in sources)


def image_rows(found: Compared) -> list[list[str]]:
    """Cells of IMAGES: those that got better, then those that got worse."""
    return [[one.stem, one.source, f"{one.old:.3f}", f"{one.new:.3f}"] for one in (*found.gained, *found.lost)]


_PARTS = (("Better", True), ("Worse", False))


def _cells(one: Figure) -> list[str]:
    interval = DASH if one.low is None or one.high is None else f"{one.low:+.3f} to {one.high:+.3f}"
    change = DASH if one.change is None else f"{one.change:+.3f}"
    return [_number(one.old), _number(one.new), change, interval, one.verdict or DASH]


def _plain_table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    return markdown.table(heads, ([markdown.plain(cell) for cell in row] for row in rows))


def _text(words: str, style: str = "") -> Text:
    """Words that may hold a stranger's: no markup, and no escapes that move the cursor."""
    return Text(printable(words), style=style)


def _number(value: float | None) -> str:
    return DASH if value is None else f"{value:.3f}"


def _sentence(words: str) -> str:
    """Begin it large and end it with one full stop."""
    return f"{words[:1].upper()}{words[1:].removesuffix('.')}."


def _params_words(found: Compared) -> str:
    return "" if found.params else "No parameter changed."


def _no_figure(found: Compared) -> str:
    return f"No figure of the crack class differs from {found.old}."


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> Table:
    """Lay out rows for a terminal, the first `left` columns and words to the left, numbers to the right."""
    found = Table(box=box.SIMPLE, pad_edge=False, collapse_padding=True)
    for number, head in enumerate(heads):
        found.add_column(
            head, justify="left" if number < left or head in ("verdict", "subject") else "right", overflow="fold"
        )
    for row in rows:
        found.add_row(*map(_text, row))
    return found
