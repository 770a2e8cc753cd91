"""What the label audit finds in real pairs: the figures and tables of docs/explanation/labels.md.

`python -m benchmarks.data.labels`, after `make real DATA=DIR`, reads the reports of that run (.crackflow/real) and
writes docs/results/labels.json, then the page from it; `--tables` writes the page alone. Figures and names of pairs, no
pixels.
"""

import argparse
import json
import sys
from typing import Any

import pandas as pd

from benchmarks.accuracy import real
from scripts.tables import fill, markdown

RESULTS = real.ROOT / "docs/results/labels.json"
PAGE = real.ROOT / "docs/explanation/labels.md"
SHOWN = 24


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", action="store_true", help="write the page from docs/results/labels.json")
    if not parser.parse_args().tables:
        reports = real.TREE / "reports"
        if not (reports / "suspicious.csv").exists():
            print("error: no real run is there; `make real DATA=DIR` makes it", file=sys.stderr)
            return 2
        RESULTS.write_text(json.dumps(found(reports), indent=1) + "\n", encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    return 0


def page(text: str) -> str:
    """The page with what docs/results/labels.json has."""
    values = json.loads(RESULTS.read_text(encoding="utf-8"))
    for name, content in (("thickness", thickness(values)), ("ranking", ranking(values)), ("greys", greys(values))):
        text = fill(text, name, "benchmarks.data.labels", content)
    return text


def found(reports: Any) -> dict[str, Any]:
    """What the page needs of dataset.json and suspicious.csv."""
    dataset = json.loads((reports / "dataset.json").read_text(encoding="utf-8"))
    table = pd.read_csv(reports / "suspicious.csv", keep_default_na=False, na_values=[""])
    by_source = table.groupby("source")[["excess", "frayed"]].median().round(2)
    sources = {
        name: {
            "labels": dataset["sources"][name]["pairs"],
            "empty": dataset["sources"][name]["empty_masks"],
            "thickness": dataset["sources"][name].get("thickness"),
            "suspicious": dataset["labels"]["sources"].get(name, 0),
            **{key: None if pd.isna(value) else float(value) for key, value in by_source.loc[name].items()},
            "faint_over_crack": dataset["masks"]["sources"][name]["faint_over_crack"],
        }
        for name in sorted(dataset["sources"])
    }
    masks = dataset["masks"]
    return {
        "command": "python -m benchmarks.data.labels",
        "pairs": dataset["pairs"],
        "labels": dataset["labels"],
        "masks": {key: masks[key] for key in ("kinds", "with_greys", "faint_over_crack")},
        "sources": sources,
        "first": table["stem"].head(SHOWN).tolist(),
    }


def thickness(values: dict[str, Any]) -> str:
    """The table of label thickness, the thinnest source first."""
    drawn = {name: found for name, found in values["sources"].items() if found["thickness"]}
    rows = [
        [
            name,
            source["labels"] - source["empty"],
            *(f"{source['thickness'][key]:.1f}" for key in ("p10", "median", "p90")),
        ]
        for name, source in sorted(drawn.items(), key=lambda item: item[1]["thickness"]["median"])
    ]
    return markdown(["source", "masks", "10 %", "median", "90 %"], rows, "---:")


def ranking(values: dict[str, Any]) -> str:
    """How many labels are suspicious, why, and of which source."""
    labels = values["labels"]
    reasons = ", ".join(f"{reason} {number}" for reason, number in labels["reasons"].items() if number)
    said = f"Of {labels['labels']:,} labels {labels['suspicious']} score {labels['from_score']} or more: {reasons}.\n"
    head = ["source", "labels", "empty", f"score {labels['from_score']} or more", "excess, median", "frayed, median"]
    columns = ("labels", "empty", "suspicious", "excess", "frayed")
    rows = [[name, *(source[column] for column in columns)] for name, source in values["sources"].items()]
    return f"{said}\n{markdown(head, rows, '---:')}"


def greys(values: dict[str, Any]) -> str:
    """What taking every level above 0 for crack would do."""
    shares = {name: source["faint_over_crack"] for name, source in values["sources"].items()}
    known = {name: share for name, share in shares.items() if share is not None}
    least, most = min(known, key=lambda name: known[name]), max(known, key=lambda name: known[name])
    masks = values["masks"]
    return (
        f"{masks['with_greys']:,} of {values['pairs']:,} mask files hold levels above 0 that are read as background. "
        f"Taking every level above 0 for crack would add {masks['faint_over_crack']:.0%} to the crack's area, by "
        f"source between {known[least]:.0%} ({least}) and {known[most]:.0%} ({most}).\n"
    )


if __name__ == "__main__":
    sys.exit(main())
