"""The tables of docs/how-to/growth.md, of what benchmarks.accuracy.growth measured."""

from collections.abc import Sequence
from typing import Any

from scipy.stats import binomtest

from crackflow.geometry.growth import Limits
from scripts.tables import fill, markdown

BY = "python -m benchmarks.accuracy.growth"


def page(text: str, values: dict[str, Any]) -> str:
    """Fill the tables of the results into the page."""
    for name, table in (("limits", _limits), ("unchanged", _unchanged), ("growth", _growth)):
        text = fill(text, name, BY, table(values))
    return text


def _limits(values: dict[str, Any]) -> str:
    found, used = values["limits"], Limits()
    rows = [
        ["length that one photograph alone shows", found["cracks"], f"{found['length_px']:.1f}", f"{used.length_px:g}"],
        ["mean optical width", found["widths"], f"{found['width_px']:.2f}", f"{used.width_px:g}"],
    ]
    return markdown(["of an unchanged crack", "cracks", "95 % differ by less, px", "limit, px"], rows)


def _unchanged(values: dict[str, Any]) -> str:
    rows = [
        [
            kind,
            of["pairs"],
            of["rejected"],
            _of(of["length_told"], of["cracks"]),
            _of(of["width_told"], of["widths"]),
        ]
        for kind, of in values["unchanged"].items()
    ]
    head = ["pairs", "number", "rejected", "cracks whose length is said to change", "whose width is said to change"]
    found, apart = values["registration"], values["strangers"]
    off, said = (found[name]["p5_p50_p95"] for name in ("off", "said"))
    return (
        f"{markdown(head, rows, '---:')}\nOf {values['model']}; real photographs: {values['pairs']}. "
        f"{found['rejected']} of the {found['pairs']} pairs of this page that show one place were rejected. The found "
        f"homography is off by {off[1]:.2f} px at its worst place (median; {off[2]:.2f} px in 95 % of the pairs), "
        f"where it says {said[1]:.2f} ({said[2]:.2f}). Of {apart['pairs']} pairs of different photographs of one "
        f"source {apart['pairs'] - len(apart['accepted'])} were rejected. `{values['command']}`.\n"
    )


def _growth(values: dict[str, Any]) -> str:
    rows = [
        [f"{name} by {of['amount']:g} px", _of(of["told"], of["pairs"]), _cell(of["p5_p50_p95"])]
        for name in ("longer", "wider")
        for of in values[name]
    ]
    rows += [
        [f"new, {of['amount']:g} px beside an old one", _of(of["told"], of["pairs"]), _cell(of["p5_p50_p95"])]
        for of in values["beside"]
    ]
    return markdown(["made crack", "told", "measured, px: median (5 % to 95 %)"], rows, "---:")


def _of(number: int, of: int) -> str:
    """A count, and the 95 % interval of its share (Wilson 1927); each pair shows a place of its own."""
    if not of:
        return "0 of 0"
    low, high = binomtest(number, of).proportion_ci(0.95, "wilson")
    return f"{number} of {of} ({low:.2f} to {high:.2f})"


def _cell(ends: Sequence[float]) -> str:
    if not ends:
        return ""
    low, middle, high = ends
    return f"{middle:.1f} ({low:.1f} to {high:.1f})"
