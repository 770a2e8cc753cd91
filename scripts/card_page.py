"""The tables of MODEL_CARD.md, from card.json and the operating point beside it."""

from typing import Any

from crackflow.evaluation.headline import HEADLINE, Headline, figure_text, figure_words
from crackflow.inference import packaged_weights
from crackflow.inference.operating_point_file import read_file
from pipelines.commands.score import COLUMNS
from pipelines.figures import FLIPS
from scripts import leave_out
from scripts.data_terms import pairs_table, read_terms, terms_table
from scripts.results import protocol
from scripts.tables import fill, markdown

BY = "`make weights`"


def page(text: str, card: dict[str, Any]) -> str:
    """MODEL_CARD.md with the tables that card.json gives."""
    found = read_file(packaged_weights.FOLDER / packaged_weights.POINT)
    point = f"{found.point(card['resize']['size']).words()}; chosen on {found.chosen_on}"
    for name, content in (
        ("facts", facts(card, point)),
        ("figures", figures(card)),
        ("flips", flips(card["flips"])),
        ("places", leave_out.table(card.get("leave_out"))),
        ("sources", sources(card)),
        ("data", pairs_table(card["data"])),
        ("terms", terms_table(card["data"]["by_source"], read_terms())),
    ):
        text = fill(text, name, BY, content)
    return text


def facts(card: dict[str, Any], point: str) -> str:
    """What the file is and how it came about."""
    training, machine = card["training"], card["training"]["machine"]
    before, after = card["packing"]["pooled_iou_before"], card["figures"]["crack"]["pooled"]["iou"]
    bits = card["packing"]["mantissa_bits"]
    size = card["resize"]["size"]
    once = f"once, seed {card['params']['train']['seed']}, at revision {card['revision']}"
    # cards of runs before there was a choice do not name it
    architecture = card["params"]["model"].get("architecture", "flexunet")
    rows = [
        ["network", f"{architecture}, {card['parameters']:,} parameters, {size}x{size} px, RGB 0 to 255 in"],
        ["out", f"a probability a pixel for each of: {', '.join(card['classes'])}"],
        ["file", f"{packaged_weights.MODEL}, {card['bytes'] / 1e6:.1f} MB, SHA-256 {card['sha256']}"],
        ["operating point", point],
        ["trained", f"{once} in {training['seconds'] / 60:.0f} minutes on {on(machine)}"],
        ["peak memory of training", f"{training['peak_mib']:,} MiB"],
        ["packed", f"to {bits} bits of mantissa; pooled IoU {before:.4f} before, {after:.4f} after"],
    ]
    return markdown(["", ""], rows)


def on(machine: dict[str, Any]) -> str:
    """A machine in words."""
    return str(machine["device"]) if "device" in machine else f"{machine['cores']} CPU cores"


def figures(card: dict[str, Any]) -> str:
    """The figures of `crackflow figures`, and what they are of."""
    columns = {"test": card["figures"]}
    if card.get("foreign"):
        columns["places never seen"] = card["foreign"]
    sides = {"": "crack", ", all black": "all_background"}
    first = card["figures"]["protocol"]
    rows = [
        [
            figure_words(one, first),
            *(figure_text(found, one, side) for found in columns.values() for side in sides.values()),
        ]
        for one in HEADLINE
    ]
    titles = [f"{name}{side}" for name in columns for side in sides]
    notes = "; ".join(f"{name}: {protocol(found)}" for name, found in columns.items())
    return f"{markdown(['crack class', *titles], rows, '---:')}\n{notes}; tolerance {first['tolerance_px']} px.\n"


def flips(found: dict[str, Any] | None) -> str:
    """Plain predictions beside the mean over four flips, each at the operating point chosen for it."""
    if found is None:
        return "Not compared: `evaluate.compare_flips` was false.\n"
    ways = {"plain": "a photograph seen once", "averaged": "the mean over four flips"}
    rows = [[name, *(figure_text(found, one, side) for one in FLIPS)] for side, name in ways.items()]
    return markdown(["predicted by", *(one.words for one in FLIPS)], rows, "---:")


def sources(card: dict[str, Any]) -> str:
    """A row a source, those that were left out of training last."""
    abroad = [{**row, "source": f"{row['source']} (never seen)"} for row in card.get("foreign_by_source") or ()]
    rows = [
        [*(row[name] for name in ("source", "images", "images_with_cracks")), *(_cell(row, one) for one in COLUMNS)]
        for row in (*card["by_source"], *abroad)
    ]
    titles = [figure_words(one, card["figures"]["protocol"]) for one in COLUMNS]
    return markdown(["source", "images", "with cracks", *titles], rows, "---:")


def _cell(row: dict[str, Any], figure: Headline) -> str:
    return figure_text({"crack": row}, figure)
