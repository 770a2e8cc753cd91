"""Two recipes on places that they have never seen: each of eight places is left out of training in turn.

Run `python -m benchmarks.accuracy.foreign` after `make real DATA=DIR`, where DIR holds the merged set and the other
collections as two sets (docs/how-to/own-pairs.md). For each place it splits the resized pairs anew, with that place as
`split.foreign.test` and the next one as `split.foreign.valid`, and trains both recipes for a short while on the rest.
The first is that of the weights of version 1. Its epoch and threshold are chosen on valid. The second is the profile
photos. Its epoch and threshold are chosen on valid and on the second place.

Results go to docs/results/foreign.json after each training, and at the end to docs/explanation/figures.md. After a
kill, run it again: what has a result is not trained again, and a training goes on from its last checkpoint. `--place
NAME` takes some of the places, `--steps N` another budget, `--tables` writes the page alone.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from benchmarks.accuracy import real, trials
from crackflow.atomic import write_text
from scripts.tables import fill, markdown
from tasks import split
from tasks.workspace import Workspace

RESULTS = real.ROOT / "docs/results/foreign.json"
PAGE = real.ROOT / "docs/explanation/figures.md"
SPLITS = real.ROOT / ".crackflow/foreign"
STEPS = 600
# Place -> what is left out with it: the same photographs, or the same roads and camera.
PLACES: Mapping[str, tuple[str, ...]] = {
    "UAVCrackX": (),
    "SDNETwalls": (),
    "ShadowCrack": (),
    "AigleRN": (),
    "Ceramic": (),
    "DNIT": ("DNITnegative",),
    "CFD": ("forest", "Sylvie_Chambon"),
    "Rissbilder_for_Florian": (),
}
OF_LIGHT_AND_SIZE = ("scale", "brightness", "contrast", "gamma", "blur", "noise", "shadow")
# As differences from the profile photos: the network of version 1, and its augmentation of flips and turns alone.
RECIPES: Mapping[str, tuple[str, ...]] = {
    "v1": (*trials.FIRST_NETWORK, *(f"train.augment.{name}=0" for name in OF_LIGHT_AND_SIZE)),
    "v2": (),
}
# Recipes whose epoch and threshold are chosen on a place never seen as well.
CHOSEN_ABROAD = {"v2"}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", action="store_true", help="write the page from docs/results/foreign.json")
    parser.add_argument("--steps", type=int, default=STEPS, help=f"steps of each training (default: {STEPS})")
    parser.add_argument("--place", action="append", choices=PLACES, help="leave out this one; may be repeated")
    args = parser.parse_args()
    if not args.tables:
        measure(budget(args.steps), args.place or list(PLACES))
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    return 0


def budget(steps: int) -> tuple[str, ...]:
    """The settings of a short training, in two epochs."""
    return (
        "train.epochs=2",
        f"train.steps_per_epoch={max(1, steps // 2)}",
        f"train.warmup_steps={max(1, steps // 10)}",
        "train.averaging=0.98",
        "train.valid_images=60",
    )


def measure(short: Sequence[str], places: Sequence[str]) -> None:
    """Train each recipe without each place, one after the other; write what is known after each."""
    values: dict[str, Any] = {
        "command": "python -m benchmarks.accuracy.foreign",
        "budget": list(short),
        "recipes": {name: list(settings) for name, settings in RECIPES.items()},
        "machine": real.machine(),
        "places": {},
    }
    for place in places:
        table = split_without(place)
        values["places"][place] = found = {"left_out": family(place), "choosing": after(place)}
        for name, settings in RECIPES.items():
            trial = trials.Trial(
                (*short, *settings),
                trials.stems(table, "train"),
                trials.stems(table, "valid"),
                trials.stems(table, "foreign_test"),
                trials.stems(table, "foreign_valid") if name in CHOSEN_ABROAD else (),
            )
            found[name] = trials.carry_out(f"{name} without {', '.join(family(place))}", trial)
            write_text(RESULTS, json.dumps(values, indent=1) + "\n")


def family(place: str) -> list[str]:
    """The place, and the sources that are left out with it."""
    return [place, *PLACES[place]]


def after(place: str) -> str:
    """The next place in the list, the first after the last: it helps to choose."""
    names = list(PLACES)
    return names[(names.index(place) + 1) % len(names)]


def split_without(place: str) -> pd.DataFrame:
    """Split the pairs of the real run as stage split does: a place is foreign_test, the next one foreign_valid."""
    from pipelines.commands.profile import load

    trials.rows()
    workspace = Workspace(SPLITS / place)
    foreign = {"test": family(place), "valid": family(after(place))}
    settings = [f"split.foreign.{subset}={json.dumps(sources)}" for subset, sources in foreign.items()]
    params = load(real.ROOT / "profiles", "photos", settings)
    write_text(workspace.resized_csv, Workspace(real.TREE).resized_csv.read_text(encoding="utf-8"))
    write_text(workspace.root / params.split.previous, "stem,subset\n")
    if not workspace.resized.is_symlink():  # split looks at the photographs
        workspace.resized.symlink_to(Workspace(real.TREE).resized, target_is_directory=True)
    split.run(workspace, params)
    return pd.read_csv(workspace.split_csv, dtype=str, keep_default_na=False)


def page(text: str) -> str:
    """The page with the table of docs/results/foreign.json; as it is where that is of an earlier program."""
    values = json.loads(RESULTS.read_text(encoding="utf-8"))
    return fill(text, "foreign", "benchmarks.accuracy.foreign", foreign(values)) if "places" in values else text


def foreign(values: dict[str, Any]) -> str:
    """One row per place that was left out, their mean, and how it was measured."""
    measured = {place: found for place, found in values["places"].items() if all(name in found for name in RECIPES)}
    rows = [[_left_out(found), *_cells([found], place)] for place, found in measured.items()]
    if len(measured) > 1:
        rows.append([f"mean of {len(measured)}", *_cells(list(measured.values()))])
    head = ["left out", "images"]
    head += [f"{name}, {figure}" for figure in ("pooled IoU", "mean IoU, cracks", "alarms") for name in RECIPES]
    steps = next(found[name]["steps"] for found in measured.values() for name in RECIPES) if measured else 0
    return (
        f"{markdown(head, rows, '---:')}\n"
        f"Each figure is of a training of its own, of {steps} steps and one seed, without the sources that are named "
        "and without one more place, which helps to choose the epoch and the threshold of v2. Those of v1 are chosen "
        "on valid alone. IoU is of all pairs of the place itself; alarms are the share of crack-free images with any, "
        "in all that was left out. There is no component filter, so alarms are far more than at an operating point.\n"
    )


def _left_out(found: Mapping[str, Any]) -> str:
    place, *others = found["left_out"]
    return f"{place} (with it {', '.join(others)})" if others else str(place)


def _cells(found: Sequence[Mapping[str, Any]], place: str = "") -> list[object]:
    """Images, then each figure of each recipe: of one place, or the plain mean over several."""
    own = [[one[name]["by_source"][place or one["left_out"][0]] for one in found] for name in RECIPES]
    alarms = [[one[name]["all"]["false_alarms"] for one in found] for name in RECIPES]
    cells: list[object] = [sum(one["images"] for one in own[0])]
    for figure in ("pooled_iou", "positives_iou"):
        cells += [_mean([one[figure] for one in of_recipe]) for of_recipe in own]
    return cells + [_mean(of_recipe) for of_recipe in alarms]


def _mean(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{sum(known) / len(known):.3f}" if known else "-"


if __name__ == "__main__":
    sys.exit(main())
