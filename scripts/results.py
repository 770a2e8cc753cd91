"""Write README's tables and picture from files that commands made: no figure in it is typed by hand.

`python -m scripts.results`, or `make results`. The table comes from docs/results/real.json (`make real DATA=DIR`)
and metrics/evaluation.json (`make rebuild`), the example of a diff from docs/results/diff.md (`python -m
scripts.diff OLD NEW`), the picture from reports/mini_test of the built-in sample. `--check` writes nothing and fails
when README differs from these files, both as they are and as the last commit has them: a rebuild on another machine may
give figures of its own, and is no fault of README.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from crackflow.atomic import write_text
from crackflow.imaging.images import read_image, write_png
from crackflow.visualization.contact_sheet import sheet
from pipelines.git import shown
from scripts.tables import fill, markdown

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
BY = "`make results`"
COLUMNS = {
    "pooled IoU": ("pooled", "iou"),
    "F1": ("pooled", "f1"),
    "precision": ("pooled", "precision"),
    "recall": ("pooled", "recall"),
    "mean IoU of images with cracks": ("positives", "iou"),
    "F1 within 2 px": ("tolerant_f1",),
    "crack-free images with a false alarm": ("false_alarms", "images"),
}
SOURCES = ("README.md", "params.yaml", "metrics/evaluation.json", "docs/results/real.json", "docs/results/diff.md")
PICTURE = ROOT / "docs/images/sample.png"
PICTURE_ROWS = 3


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail when README differs")
    args = parser.parse_args()
    if args.check:
        if not (holds(ROOT) or committed_holds(ROOT)):
            print("error: README's results are not those of docs/results; run `make results`", file=sys.stderr)
            return 2
        return 0
    README.write_text(page(ROOT), encoding="utf-8", newline="\n")
    if source(ROOT) == "sample" and (ROOT / "reports/mini_test").is_dir():
        draw_picture(ROOT, PICTURE)
    return 0


def page(root: Path) -> str:
    """README with the figures of the files beside it."""
    text = fill((root / "README.md").read_text(encoding="utf-8"), "results", BY, table(root))
    diff = root / "docs/results/diff.md"
    return fill(text, "diff", BY, diff.read_text(encoding="utf-8")) if diff.is_file() else text


def holds(root: Path) -> bool:
    """Whether README's figures are those of the files beside it."""
    return page(root) == (root / "README.md").read_text(encoding="utf-8")


def committed_holds(root: Path) -> bool:
    """Whether the last commit's README has the figures of its files; False where there is no commit."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for path in SOURCES:
            if text := shown(root, "HEAD", path):
                write_text(folder / path, f"{text}\n")
        return (folder / "README.md").is_file() and holds(folder)


def table(root: Path) -> str:
    """The Markdown table of what is there: real photographs first, then the sample."""
    found: list[list[str]] = []
    notes = []
    real = root / "docs/results/real.json"
    if real.is_file():
        values = json.loads(real.read_text(encoding="utf-8"))
        name = f"{values['pairs']:,} real pairs"
        found += rows(name, values["figures"])
        seed, seconds = values["params"]["train"]["seed"], values["total_s"]
        took = "" if seconds is None else f" in {seconds / 60:.0f} minutes"
        notes.append(f"{name}: {protocol(values['figures'])}, one training (seed {seed}), `make real DATA=DIR`{took}")
    sample = root / "metrics/evaluation.json"
    if source(root) == "sample" and sample.is_file():
        values = json.loads(sample.read_text(encoding="utf-8"))
        found += rows("the built-in sample", values)
        notes.append(f"the sample: {protocol(values)}, `make rebuild`")
    head = ["crack class, test photographs", *COLUMNS, 'the original\'s "dice"']
    return f"{markdown(head, found)}\n{'; '.join(notes)}.\n"


def rows(name: str, figures: dict[str, Any]) -> list[list[str]]:
    """A row for the model, and one for a mask without any crack on the same photographs."""
    original = figures["original"]
    pairs = (
        (f"**{name}**", figures["crack"], original["dice_coef_multiclass"]),
        ("an all-black mask on them", figures["all_background"], original["dice_coef_multiclass_all_background"]),
    )
    return [
        [label, *(cell(pick(values, path)) for path in COLUMNS.values()), cell(dice)] for label, values, dice in pairs
    ]


def protocol(figures: dict[str, Any]) -> str:
    """What the figures were measured on, in words."""
    found = figures["protocol"]
    return (
        f"{found['images']} test images at {found['resolution']}, {found['images_with_cracks']} with cracks, "
        f"threshold {found['threshold']:.2f} chosen on valid"
    )


def pick(values: dict[str, Any], path: tuple[str, ...]) -> Any:
    """Follow `path` into nested figures."""
    for name in path:
        values = values[name]
    return values


def cell(value: float | None) -> str:
    """A figure to three places; what is undefined gets a dash."""
    return "-" if value is None else f"{value:.3f}"


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
