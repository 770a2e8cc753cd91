"""Write the results that README and docs show from files that commands made: no figure in them is typed by hand.

`python -m scripts.results`, or `make results`. The tables of README and docs/explanation/figures.md come from
docs/results/real.json (`make real DATA=DIR`; with CV=1 docs/results/crossvalidation.json too), the card of the packaged
weights (`make weights`), whose figures replace those of the run that they come from, and metrics/evaluation.json (`make
rebuild`). The example in docs/how-to/compare-commits.md comes from docs/results/diff.md (`python -m scripts.diff`),
README's picture from reports/mini_test of the built-in sample. Definitions and columns in docs/reference come from
crackflow/reporting/definitions.py. `--check` writes nothing. It fails when a page differs from these files, both as
they are and as the last commit has them: a rebuild on another machine may give other figures, and that is no fault of
the pages.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from crackflow.atomic import write_text
from crackflow.evaluation.headline import BY_NAME, figure_text, figure_words, interval_words
from crackflow.imaging.images import read_image, write_png
from crackflow.reporting.definitions import COLUMNS, FIGURES, WORDS
from crackflow.visualization.contact_sheet import sheet
from pipelines.crossvalidating import pooled
from pipelines.git import shown
from scripts import leave_out
from scripts.tables import fill, markdown

ROOT = Path(__file__).resolve().parents[1]
BY = "`make results`"
NAMES = (
    "pooled_iou",
    "pooled_f1",
    "pooled_precision",
    "pooled_recall",
    "positives_iou",
    "tolerant_f1",
    "false_alarms_images",
)
DICE = "dice_coef_multiclass"
# README shows these, docs/explanation/figures.md all of NAMES and the original's.
SHORT = ("pooled_iou", "positives_iou", "false_alarms_images")
PAGES = (
    "README.md",
    "docs/explanation/figures.md",
    "docs/how-to/compare-commits.md",
    "docs/reference/figures.md",
    "docs/reference/tables.md",
)
CARD = "crackflow/weights/card.json"
CROSSVALIDATION = "docs/results/crossvalidation.json"
SOURCES = (
    *PAGES,
    "params.yaml",
    "metrics/evaluation.json",
    "docs/results/real.json",
    CARD,
    CROSSVALIDATION,
    "docs/results/diff.md",
)
PICTURE = ROOT / "docs/images/sample.png"
PICTURE_ROWS = 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail when README differs")
    args = parser.parse_args()
    if args.check:
        if not (holds(ROOT) or committed_holds(ROOT)):
            print(
                "error: README or docs do not show the results of the files they come from; run `make results`",
                file=sys.stderr,
            )
            return 2
        return 0
    for name, text in pages(ROOT).items():
        write_text(ROOT / name, text)
    if source(ROOT) == "sample" and (ROOT / "reports/mini_test").is_dir():
        draw_picture(ROOT, PICTURE)
    return 0


def pages(root: Path) -> dict[str, str]:
    """Every page with the figures of the files beside it, by its path."""
    readme, figures, example, reference, tables = (root / name for name in PAGES)
    contents = (
        (readme, "results", table(root, SHORT)),
        (figures, "results", table(root)),
        (figures, "calibration", calibration_table(root)),
        (figures, "crossvalidation", crossvalidation_table(root)),
        (example, "diff", (root / "docs/results/diff.md").read_text(encoding="utf-8")),
        (reference, "definitions", definition_table()),
        (tables, "columns", column_tables()),
    )
    found = {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path, _, _ in contents}
    for path, name, content in contents:
        known = path.relative_to(root).as_posix()
        found[known] = fill(found[known], name, BY, content)
    return found


def holds(root: Path) -> bool:
    """Whether the pages' figures are those of the files beside them."""
    return all(text == (root / name).read_text(encoding="utf-8") for name, text in pages(root).items())


def committed_holds(root: Path) -> bool:
    """Whether the last commit's pages have the figures of its files; False where there is no commit."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in SOURCES:
            if text := shown(root, "HEAD", path):
                write_text(folder / path, f"{text}\n")
        return all((folder / name).is_file() for name in PAGES) and holds(folder)


def table(root: Path, columns: Sequence[str] = (*NAMES, DICE)) -> str:
    """The Markdown table of the results that exist: real photographs first, then the sample.

    Args:
        root: the checkout, or a folder laid out like it.
        columns: which figures, by their names in the table of headline figures, or DICE.
    """
    found: list[list[str]] = []
    notes = []
    real = root / "docs/results/real.json"
    tolerance: dict[str, Any] = {}
    if real.is_file():
        values = json.loads(real.read_text(encoding="utf-8"))
        name = f"{values['pairs']:,} real pairs"
        packed = packed_figures(root, values)
        figures, model = (values["figures"], "") if packed is None else (packed, "the packaged weights on ")
        tolerance = figures["protocol"]
        found += rows(name, figures, columns)
        seed, seconds = values["params"]["train"]["seed"], values["total_s"]
        took = "" if seconds is None else f" in {seconds / 60:.0f} minutes"
        training = f"one training (seed {seed}) at revision {values['revision']}"
        notes.append(f"{name}: {model}{protocol(figures)}; {training}, `{values['command']}`{took}")
        if abroad := figures.get("foreign"):
            found += rows("places never seen", abroad, columns)
            by_source = ", ".join(f"{one} {value:.2f}" for one, value in abroad["by_source"].items())
            notes.append(
                f"places never seen: {model}{protocol(abroad)}; sources that were left out of training whole, pooled "
                f"IoU {by_source}"
            )
        elif known := figures.get("leave_out"):
            found += leave_out_rows(known, columns)
            notes.append(f"places never seen: {leave_out.protocol(known)}")
    sample = root / "metrics/evaluation.json"
    if source(root) == "sample" and sample.is_file():
        values = json.loads(sample.read_text(encoding="utf-8"))
        tolerance = values["protocol"]
        found += rows("the built-in sample", values, columns)
        notes.append(f"the sample: {protocol(values)}, `make rebuild`")
    titles = ['the original\'s "dice"' if name == DICE else figure_words(BY_NAME[name], tolerance) for name in columns]
    lines = "".join(f"- {note}.\n" for note in notes)
    return f"{markdown(['crack class, test photographs', *titles], found)}\n{lines}"


def calibration_table(root: Path) -> str:
    """The Markdown table of how well probabilities hold, of the results that have been calibrated."""
    found: list[list[str]] = []
    for name, path in (("real pairs", "docs/results/real.json"), ("the built-in sample", "metrics/evaluation.json")):
        if not (root / path).is_file() or (path == "metrics/evaluation.json" and source(root) != "sample"):
            continue
        values = json.loads((root / path).read_text(encoding="utf-8"))
        block = values.get("figures", values).get("calibration")
        if block:
            names = ("all_background_ece", "ece", "excess", "temperature", "ece_at_temperature")
            found.append([name, *(f"{block[one]:.4f}" for one in names)])
    if not found:
        return "No result that is kept here has been calibrated yet; `make rebuild` does it for the sample.\n"
    heads = ["an all-black mask", "the model", "mean probability above the share of crack", "temperature"]
    return markdown(["calibration error, test pixels", *heads, "at that temperature"], found, "---:")


def crossvalidation_table(root: Path) -> str:
    """What five trainings reached on all real pairs, each pair tested once; in words where nobody has measured it."""
    path = root / CROSSVALIDATION
    if not path.is_file():
        return "Not measured yet; `make real DATA=DIR CV=1` does it.\n"
    values = json.loads(path.read_text(encoding="utf-8"))
    table = markdown(pooled.headings(values), pooled.rows(values), "---:")
    return f"{table}\n{pooled.words(values)}; at revision {values['revision']}.\n"


def definition_table() -> str:
    """How each headline figure is computed, in words and as a Markdown table."""
    found = [
        [figure_words(BY_NAME[name], {}), name, f"`{one.formula}`", one.images, one.nothing, _code(one.tolerance)]
        for name, one in FIGURES.items()
    ]
    heads = ["figure", "name", "formula", "images", "nothing there", "tolerance"]
    return "\n".join([*(f"{words}\n" for words in WORDS), markdown(heads, found)])


def column_tables() -> str:
    """What the columns of each table in reports/ hold."""
    tables = {
        file: [[", ".join(map(_code, names.split(", "))), words] for names, words in held.items()]
        for file, held in COLUMNS.items()
    }
    return "\n".join(f"## {file}\n\n{markdown(['column', 'holds'], rows)}" for file, rows in tables.items())


def _code(words: str) -> str:
    """Set a name as code; numbers stay as they are."""
    return words if words[0].isdigit() else f"`{words}`"


def packed_figures(root: Path, real: dict[str, Any]) -> dict[str, Any] | None:
    """The figures of the packaged weights, scored later than the run; None where they are not of the run `real`."""
    path = root / CARD
    card = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    same = card and (card["revision"], card["data"]["sha256"]) == (real["revision"], real["pairs_sha256"])
    return {**card["figures"], "foreign": card.get("foreign"), "leave_out": card.get("leave_out")} if same else None


def leave_out_rows(known: dict[str, Any], columns: Sequence[str]) -> list[list[str]]:
    """The rows of places that other trainings of the recipe were kept from; an all-black mask finds no crack there."""
    cells = [leave_out.mean_words(known, one) if one in leave_out.FIGURES else "-" for one in columns]
    black = ["0.000" if one in leave_out.FIGURES else "-" for one in columns]
    return [["**places never seen**", *cells], ["an all-black mask on them", *black]]


def rows(name: str, figures: dict[str, Any], columns: Sequence[str]) -> list[list[str]]:
    """A row for the model, and one for a mask without any crack on the same photographs.

    Figures of the original are not there for places never seen.
    """
    sides = ((f"**{name}**", "crack", DICE), ("an all-black mask on them", "all_background", f"{DICE}_all_background"))
    return [
        [
            label,
            *(
                (f"{figures['original'][dice]:.3f}" if "original" in figures else "-")
                if one == DICE
                else figure_text(figures, BY_NAME[one], side)
                for one in columns
            ),
        ]
        for label, side, dice in sides
    ]


def protocol(figures: dict[str, Any]) -> str:
    """What the figures were measured on, in words."""
    found = figures["protocol"]
    return (
        f"{found['images']} images at {found['resolution']}, {found['images_with_cracks']} with cracks, "
        f"threshold {found['threshold']:.2f} chosen on {found['threshold_from'].partition(',')[0]}"
    ) + (f"; {ends}" if (ends := interval_words(figures)) else "")


def source(root: Path) -> str:
    """The data source that params.yaml names."""
    return str(yaml.safe_load((root / "params.yaml").read_text(encoding="utf-8"))["data"]["source"])


def draw_picture(root: Path, path: Path) -> None:
    """Lay out the mini_test photographs of different sources that have the most crack: image, truth, prediction."""
    scores = pd.read_csv(root / "reports/per_image.csv", dtype={"stem": str, "source": str})
    shown = {p.stem for p in (root / "reports/mini_test/images").iterdir()}
    chosen = scores[scores.stem.isin(shown)].sort_values("crack_share", ascending=False).drop_duplicates("source")
    stems = list(chosen.stem[:PICTURE_ROWS])
    folders = {"photograph": "images", "truth": "masks", "prediction": "predicted", "right, false, missed": "overlays"}
    pictures = [
        [read_image(root / "reports/mini_test" / folder / f"{stem}.png") for folder in folders.values()]
        for stem in stems
    ]
    write_png(path, sheet(pictures, headings=list(folders), width=220), compression=9)


if __name__ == "__main__":
    sys.exit(main())
