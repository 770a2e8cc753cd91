"""The report as one HTML page: figures with their meaning in words, charts in the page, pictures beside it."""

import base64
import hashlib
import math
from collections.abc import Mapping, Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

from crackflow.reporting.breakdown import Part
from crackflow.reporting.definitions import FIGURES, WORDS
from crackflow.reporting.svg_charts import bar
from crackflow.visualization.html_report import templates
from crackflow.visualization.overlays import FALSE_ALARM, FOUND, MISSED

_CLEAN = {"grouped", "auto"}
PROTOCOLS = {
    "auto": "This split is the one that the data came with where that leaks nothing.",
    "grouped": "This split keeps crops and near-duplicates together.",
    "official": "This split is the one that the data came with.",
    "random": "This split was made by pair at random.",
    "file": "This split follows a file.",
}


def split_warning(protocol: str, leaks: Mapping[str, Any]) -> str:
    """Say what a reader of the figures must know of the split.

    Args:
        protocol: split.protocol.
        leaks: of this split, as data/split.json holds them.

    Returns:
        A warning; empty for a split by groups that leaks nothing.
    """
    leaked = leaks["test_leaked"]
    if leaked:
        return (
            f"{PROTOCOLS[protocol]} Test is not independent: {leaked} of {leaks['test_pairs']} test pairs "
            f"({percent(leaks['share'], 0)}) show a photograph that is in train or valid too. Figures on test are too "
            "high."
        )
    if protocol not in _CLEAN:
        return f"{PROTOCOLS[protocol]} It need not keep crops of a photograph together; none were found in two subsets."
    return ""


def leak_rows(leaks: Mapping[str, Mapping[str, Any] | None]) -> list[dict[str, Any]]:
    """Set what this split leaks beside what others would.

    Args:
        leaks: `this`, `random` and `official` as data/split.json holds them; None where the data came without subsets.

    Returns:
        A row a split, `name` first.
    """
    names = {"this": "this split", "random": "random, by pair", "official": "as the data came"}
    return [{"name": words, **found} for key, words in names.items() if (found := leaks[key]) is not None]


def spread_words(parts: Sequence[Part]) -> str:
    """Say which part is lowest and which highest, and whether that may be chance; empty where there is nothing to say.

    Args:
        parts: at least two of them need a defined IoU.
    """
    known = sorted((part for part in parts if not _unknown(part.iou)), key=lambda part: part.iou)
    if len(known) < 2:
        return ""
    low, high = known[0], known[-1]
    words = f"Lowest: {low.name}, {figure(low.iou, 2)}. Highest: {high.name}, {figure(high.iou, 2)}."
    if None in (low.high, high.low):
        return (
            f"{words} At least one of the two is of a single group or has no interval, so the difference may be chance."
        )
    apart = low.high is not None and high.low is not None and low.high < high.low
    return words if apart else f"{words} Their intervals overlap, so the difference may be chance."


def render(values: Mapping[str, Any], template: str = "report.html.j2") -> str:
    """Fill the template of a report.

    Args:
        values: every name that the template and those that it includes use.
        template: report.html.j2 of a checkout, or score.html.j2 of pairs that were scored.

    Returns:
        HTML that needs nothing from a network; links are relative to the folder of its tables.

    Raises:
        jinja2.UndefinedError: when a name is missing.
    """
    colours = {"found": FOUND, "false_alarm": FALSE_ALARM, "missed": MISSED}
    hexes = {name: "#{:02x}{:02x}{:02x}".format(*mark.colour) for name, mark in colours.items()}
    inlined = inline(["page.css", "report.css"], "report.js")
    return page(template, {**values, **inlined._asdict(), "colours": hexes})


def page(template: str, values: Mapping[str, Any]) -> str:
    """Fill a template of this package, with the filters and functions that the report's templates use.

    Args:
        template: its name.
        values: every name that it uses.

    Raises:
        jinja2.UndefinedError: when a name is missing.
    """
    environment = templates("crackflow.reporting")
    environment.filters |= {"figure": figure, "percent": percent, "count": _count}
    environment.globals |= {"place": bar, "between": _between, "spread": spread_words}
    environment.globals |= {"definitions": FIGURES, "definition_words": WORDS}
    return environment.get_template(template).render(values)


class Inlined(NamedTuple):
    """Style and script of a page, and the Content-Security-Policy that lets these two run and nothing else."""

    style: str
    script: str
    policy: str


def inline(styles: Sequence[str], script: str) -> Inlined:
    """Read files of templates/ that stand in a page, and allow them by their hashes.

    So nothing runs that a name of a file brought in, even if escaping failed (W3C, Content Security Policy Level 3,
    section 6.7.3.3).

    Args:
        styles: names of CSS files, in order.
        script: name of the JavaScript file.

    Returns:
        Both texts as they stand between their tags, and the policy.
    """
    folder = resources.files("crackflow.reporting").joinpath("templates")
    style, code = "".join(map(_text, (folder / name for name in styles))), _text(folder / script)
    policy = (
        "default-src 'none'; img-src 'self' data: file:; "
        f"style-src '{_source_hash(style)}'; script-src '{_source_hash(code)}'; base-uri 'none'; form-action 'none'"
    )
    return Inlined(style, code, policy)


def figure(value: float | None, digits: int = 3) -> str:
    """Write a figure with so many decimals; a dash where it is undefined."""
    return "\N{EN DASH}" if _unknown(value) else f"{value:.{digits}f}"


def percent(value: float | None, digits: int = 1) -> str:
    """Write a share as percent, with a space that does not break; a dash where it is undefined."""
    return "\N{EN DASH}" if _unknown(value) else f"{value:.{digits}%}".replace("%", "\N{NO-BREAK SPACE}%")


def _between(low: float | None, high: float | None) -> str:
    return "" if low is None or high is None else f"{low:.2f} to {high:.2f}"


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _text(file: Traversable) -> str:
    # a browser makes line feeds of a checkout's line ends before it hashes
    return file.read_text(encoding="utf-8").replace("\r\n", "\n")


def _source_hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _unknown(value: float | None) -> bool:
    return value is None or math.isnan(value)
