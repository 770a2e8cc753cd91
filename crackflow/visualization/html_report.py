"""The report as one HTML page: figures with their meaning in words, pictures by relative links."""

import math
from collections.abc import Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

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
            f"({_percent(leaks['share'], 0)}) show a photograph that is in train or valid too. Figures on test are too "
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


def render(values: Mapping[str, Any]) -> str:
    """Fill the template.

    Args:
        values: every name that templates/report.html.j2 uses.

    Returns:
        HTML that needs nothing from a network; links are relative to reports/.

    Raises:
        jinja2.UndefinedError: when a name is missing.
    """
    environment = templates("crackflow.visualization")
    environment.filters |= {"figure": _figure, "percent": _percent, "count": _count}
    return environment.get_template("report.html.j2").render(values)


def templates(package: str) -> Environment:
    """Open the templates of a package: text is escaped, and a name that is missing is an error.

    Args:
        package: has a folder `templates`.
    """
    return Environment(
        loader=PackageLoader(package),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _figure(value: float | None, digits: int = 3) -> str:
    return "\N{EN DASH}" if _unknown(value) else f"{value:.{digits}f}"


def _percent(value: float | None, digits: int = 1) -> str:
    return "\N{EN DASH}" if _unknown(value) else f"{value:.{digits}%}".replace("%", "\N{NO-BREAK SPACE}%")


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _unknown(value: float | None) -> bool:
    return value is None or math.isnan(value)
