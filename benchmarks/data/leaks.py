"""What a split of real pairs leaks: grouped, at random, and as the pairs came.

`python -m benchmarks.data.leaks DATA [--kaggle]`. The stages download, resize and split run on DATA with the default
parameters, in .crackflow/leaks, where a second run decodes nothing again. With --kaggle, for pairs of the Kaggle set,
each pair counts as given to the subset that Kaggle has it in (benchmarks/data/kaggle_test_stems.txt). Written are
figures alone: docs/results/leaks.json, and the tables of docs/explanation/split.md from it. `--tables` writes the
tables from the file that is there.
"""

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd

from crackflow.params import Params, render
from scripts.tables import fill, markdown
from tasks.environment import child_environment

ROOT = Path(__file__).resolve().parents[2]
TREE = ROOT / ".crackflow/leaks"
RESULTS = ROOT / "docs/results/leaks.json"
STEMS = ROOT / "benchmarks/data/kaggle_test_stems.txt"
PAGE = ROOT / "docs/explanation/split.md"
SPLITS = {
    "this": "grouped, `split.protocol: grouped`",
    "random": "by pair at random, the mean of 20",
    "official": "Kaggle's own, test against train, `split.protocol: official`",
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, nargs="?", help="a folder or zip of images/ and masks/")
    parser.add_argument("--kaggle", action="store_true", help="give each pair to the subset that Kaggle has it in")
    parser.add_argument("--tables", action="store_true", help="write the tables from docs/results/leaks.json")
    args = parser.parse_args()
    if not args.tables:
        if args.data is None or not args.data.exists():
            print(f"error: {args.data or 'no DATA'} is not there; name a folder or zip of pairs", file=sys.stderr)
            return 2
        RESULTS.write_text(
            json.dumps(measure(args.data.resolve(), kaggle=args.kaggle), indent=1) + "\n", encoding="utf-8"
        )
    values = json.loads(RESULTS.read_text(encoding="utf-8"))
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), values), encoding="utf-8", newline="\n")
    return 0


def page(text: str, values: dict[str, Any]) -> str:
    """The page with its tables."""
    text = fill(text, "leaks", "benchmarks.data.leaks", leaks(values))
    return fill(text, "sources", "benchmarks.data.leaks", sources(values))


def measure(data: Path, *, kaggle: bool) -> dict[str, Any]:
    """Run the stages and keep what split.json says, less the list of duplicates, which holds names."""
    (TREE / "data").mkdir(parents=True, exist_ok=True)
    params = Params.model_validate({"data": {"source": "folder", "path": str(data)}})
    (TREE / "params.yaml").write_text(render(params), encoding="utf-8")
    (TREE / params.split.previous).write_text("stem,subset\n", encoding="utf-8")
    for stage in ("download", "resize", "split"):
        if kaggle and stage == "resize":
            give(TREE / "data/raw/pairs.csv")
        started = time.monotonic()
        command = [sys.executable, "-m", "tasks", stage]
        subprocess.run(command, cwd=TREE, check=True, env={**child_environment(), "PYTHONPATH": str(ROOT)})
    proof = json.loads((TREE / "data/split.json").read_text(encoding="utf-8"))
    duplicates = proof.pop("duplicates")
    return {
        "command": f"python -m benchmarks.data.leaks DATA{' --kaggle' if kaggle else ''}",
        **proof,
        "duplicates": len(duplicates),
        "duplicates_of_other_parents": sum(not found["same_parent"] for found in duplicates),
        "duplicates_turned": sum(found["turn"].startswith(("mirrored", "rotated")) for found in duplicates),
        "duplicates_by_features": sum(found["places"] > 0 for found in duplicates),
        "split_s": round(time.monotonic() - started, 1),
    }


def give(table: Path) -> None:
    """Write the subset that Kaggle has a pair in into the column `given`."""
    test = set(STEMS.read_text(encoding="utf-8").splitlines())
    pairs = pd.read_csv(table, dtype=str, keep_default_na=False)
    pairs["given"] = ["test" if stem in test else "train" for stem in pairs["stem"]]
    pairs.to_csv(table, index=False, lineterminator="\n")


def leaks(values: dict[str, Any]) -> str:
    """The table of what each split leaks."""
    names = ["test pairs", "parent seen in train or valid", "near-duplicate there", "either"]
    names += ["parents across subsets", "near-duplicates across"]
    rows = []
    for name, label in SPLITS.items():
        found = values["leaks"][name]
        if found is None:
            continue
        either = f"{found['test_leaked']}, {found['share']:.1%}"
        cells = [found["test_sharing_parent"], found["test_with_duplicate"], either]
        cells += [found["parents_across"], found["duplicates_across"]]
        rows.append([label, found["test_pairs"], *cells])
    return markdown([f"{values['pairs']:,} real pairs, split", *names], rows)


def sources(values: dict[str, Any]) -> str:
    """The table of sources, their groups and how near they come to the shares."""
    head = ["source", "pairs", "groups", "pairs of the largest", "train", "valid", "test", "points off"]
    rows = []
    by_size = sorted(values["groups_by_source"].items(), key=lambda item: (-item[1]["pairs"], item[0]))
    whole = {"pairs": values["pairs"], "groups": values["groups"], "largest": None, "subsets": values["subsets"]}
    for name, found in [*by_size, ("**all**", {**whole, "off": values["shares"]["off"], "nearest": None})]:
        counts = [found["subsets"][subset] for subset in ("train", "valid", "test")]
        rows.append([name, found["pairs"], found["groups"], found["largest"], *counts, found["off"], found["nearest"]])
    return markdown([*head, "least possible"], rows)


if __name__ == "__main__":
    sys.exit(main())
