"""The recipe on pavement that it has never seen: each main source is left out of training in turn.

Run `python -m benchmarks.accuracy.foreign` after `make real DATA=DIR`. It trains the profile photos for a part of its
steps on the train pairs of all other sources, takes the threshold from their valid pairs, and scores all pairs of the
source left out. For comparison it trains once on all sources and scores the test pairs. Results go to
docs/results/foreign.json, and from there to docs/explanation/figures.md. `--tables` writes the page only. After a kill
it goes on where it stopped.
"""

import argparse
import json
import sys
from typing import Any

from benchmarks.accuracy import real, trials
from crackflow.atomic import write_text
from scripts.tables import fill, markdown

RESULTS = real.ROOT / "docs/results/foreign.json"
PAGE = real.ROOT / "docs/explanation/figures.md"
BUDGET = (
    "train.epochs=2",
    "train.steps_per_epoch=250",
    "train.warmup_steps=50",
    "train.averaging=0.98",
    "train.valid_images=60",
    *trials.AUGMENTED,
)
# Sources that share photographs are left out together.
MAIN = {
    "CRACK500": ("CRACK500",),
    "DeepCrack": ("DeepCrack",),
    "Rissbilder_for_Florian": ("Rissbilder_for_Florian",),
    "Volker": ("Volker",),
    "CFD": ("CFD", "forest", "Sylvie_Chambon"),
    "GAPS384": ("GAPS384",),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", action="store_true", help="write the page from docs/results/foreign.json")
    if not parser.parse_args().tables:
        measure()
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    return 0


def measure() -> None:
    """Train once on all sources, and once without each."""
    table = trials.rows()
    train, valid, test = (trials.stems(table, subset) for subset in ("train", "valid", "test"))
    values: dict[str, Any] = {"command": "python -m benchmarks.accuracy.foreign", "budget": list(BUDGET)}
    values["machine"] = real.machine()
    values["all"] = trials.carry_out("all sources", trials.Trial(BUDGET, train, valid, test))
    values["without"] = {}
    for name, family in MAIN.items():
        own = table["source"].isin(family)
        trial = trials.Trial(
            BUDGET,
            trials.stems(table[~own], "train"),
            trials.stems(table[~own], "valid"),
            tuple(table["stem"][table["source"] == name]),
        )
        values["without"][name] = trials.carry_out(f"without {', '.join(family)}", trial)
        write_text(RESULTS, json.dumps(values, indent=1) + "\n")


def page(text: str) -> str:
    """The page with the table of docs/results/foreign.json."""
    return fill(
        text, "foreign", "benchmarks.accuracy.foreign", foreign(json.loads(RESULTS.read_text(encoding="utf-8")))
    )


def foreign(values: dict[str, Any]) -> str:
    """One row per source left out."""
    rows = []
    for name, found in values["without"].items():
        seen, unseen = values["all"]["by_source"][name], found["all"]
        rows.append(
            [
                name if len(MAIN[name]) == 1 else f"{name} (with it {', '.join(MAIN[name][1:])})",
                unseen["images"],
                f"{unseen['pooled_iou']:.3f}",
                f"{unseen['positives_iou']:.3f}",
                f"{seen['pooled_iou']:.3f}",
                seen["images"],
            ]
        )
    head = ["left out", "images", "pooled IoU", "mean IoU, cracks", "pooled IoU when seen", "test images"]
    return markdown(head, rows, "---:")


if __name__ == "__main__":
    sys.exit(main())
