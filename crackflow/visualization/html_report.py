"""The report as one HTML page: figures with their meaning in words, pictures by relative links."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined


class Line(NamedTuple):
    """A line of the headline table: where its figure is found, its name, what it says, whether less is better."""

    path: str
    name: str
    meaning: str
    less_is_better: bool = False


HEADLINE = (
    Line("pooled.iou", "IoU, pooled", "of all pixels that either side calls crack, the share where both do"),
    Line("pooled.f1", "F1, pooled", "harmonic mean of the next two; the Dice of the crack class"),
    Line("pooled.precision", "precision, pooled", "share of the predicted crack that is crack"),
    Line("pooled.recall", "recall, pooled", "share of the crack that is predicted"),
    Line("per_image.iou", "IoU, mean of images", "both masks empty counts 1, only one of them 0"),
    Line("per_image.f1", "F1, mean of images", "likewise"),
    Line("positives.iou", "IoU, images with cracks", "the mean without credit for empty images"),
    Line("positives.f1", "F1, images with cracks", "likewise"),
    Line("tolerant_f1", "tolerant F1", "images with cracks; forgives shifts within the tolerance"),
    Line(
        "false_alarms.images", "images with a false alarm", "of the crack-free ones, those with any crack pixel", True
    ),
    Line("false_alarms.area", "area of false alarms", "mean share of a crack-free image that is called crack", True),
)


def headline(crack: Mapping[str, Any], all_background: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Set each crack figure beside what an all-black mask gets.

    Args:
        crack: figures of the model, as metrics/evaluation.json holds them; None where undefined.
        all_background: the same of a mask without any crack.

    Returns:
        A row a figure: name, meaning, ours, empty, and `beaten`: the model is no better than the empty mask, said of
        figures where the empty mask is not best by nature.
    """
    rows = []
    for line in HEADLINE:
        ours, empty = _at(crack, line.path), _at(all_background, line.path)
        comparable = ours is not None and empty is not None and not line.less_is_better
        rows.append(
            {
                "name": line.name,
                "meaning": line.meaning,
                "ours": ours,
                "empty": empty,
                "beaten": comparable and ours <= empty,
            }
        )
    return rows


PROTOCOLS = {
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
    if protocol != "grouped":
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
    environment = Environment(
        loader=PackageLoader("crackflow.visualization"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"figure": _figure, "percent": _percent, "count": _count}
    return environment.get_template("report.html.j2").render(values)


def _at(nested: Mapping[str, Any], path: str) -> Any:
    found: Any = nested
    for name in path.split("."):
        found = found[name]
    return found


def _figure(value: float | None, digits: int = 3) -> str:
    return "\N{EN DASH}" if _unknown(value) else f"{value:.{digits}f}"


def _percent(value: float | None, digits: int = 1) -> str:
    return "\N{EN DASH}" if _unknown(value) else f"{value:.{digits}%}".replace("%", "\N{NO-BREAK SPACE}%")


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def _unknown(value: float | None) -> bool:
    return value is None or math.isnan(value)
