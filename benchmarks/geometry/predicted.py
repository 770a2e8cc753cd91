"""Lengths and widths from predicted masks against those from truth masks, on labelled pairs.

Run `python -m benchmarks.geometry.predicted PAIRS`, where PAIRS holds images/ and masks/. Some pairs of each
source that the model has not seen are drawn by a seed. Each photograph is marked at its own pixels, as by `crackflow
predict`, and both masks are measured with the photograph. So the errors are those of the mask alone.

Results go to docs/results/geometry_predicted.json, and from there to docs/explanation/geometry.md. After a kill it goes
on where it stopped; another model begins anew. `--tables` writes the page alone.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks.accuracy import real, unseen
from benchmarks.accuracy.kept import Kept, name_of
from crackflow.atomic import write_text
from crackflow.geometry.cracks import CrackNetwork, measure
from crackflow.inference.operating_point import sha256
from crackflow.progress import track
from scripts.tables import fill, markdown

RESULTS = real.ROOT / "docs/results/geometry_predicted.json"
PAGE = real.ROOT / "docs/explanation/geometry.md"
BY = "python -m benchmarks.geometry.predicted"
ERRORS = ("length_percent", "mask_width_px", "optical_width_px", "width_p95_px")
HEAD = (
    "photographs of",
    "with cracks",
    "of these none found",
    "length, %",
    "mask width, px",
    "optical width, px",
    "width that classes go by, px",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args = unseen.parsed(parser)
    if not args.tables:
        write_text(RESULTS, json.dumps(compared(args), indent=1) + "\n")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    return 0


def compared(args: argparse.Namespace) -> dict[str, Any]:
    """Measure every pair that has no result yet, and give the spread of the errors."""
    from crackflow.keras_import import import_keras
    from pipelines.commands import model_choice

    weights = model_choice.choose(real.ROOT, args.model)
    found = unseen.draw(args.pairs, model_choice.seen(weights), args.each, args.seed)
    todo = [(name_of((pair,)), source, pair) for source, pairs in found.by_source.items() for pair in pairs]
    kept = Kept.of("benchmarks.geometry.predicted", weights)
    if any(name not in kept.rows for name, _, _ in todo):
        import_keras()
        from crackflow.inference.photographs import predict_photo
        from crackflow.inference.predictor import load_model

        model, point = load_model(weights.model), weights.point()
        for name, source, pair in track(todo, "measure", unit="pair"):
            if name not in kept.rows:
                photo, truth = unseen.read(pair, weights)
                predicted = predict_photo(model, photo, point, weights.params.resize.mode).classes
                kept.add(name, {"source": source, **errors(measure(predicted, photo), measure(truth, photo))})
    rows = [kept.rows[name] for name, _, _ in todo]
    sources = {source: [row for row in rows if row["source"] == source] for source in found.by_source}
    by_source = {source: spread(of) for source, of in sources.items() if any(row["cracked"] for row in of)}
    return {
        "command": f"{BY} PAIRS",
        "model": weights.name,
        "model_sha256": sha256(weights.model),
        "operating_point": weights.point().words(),
        "pairs": unseen.words(found, weights, args.seed),
        "by_source": by_source,
        "all": spread(rows),
    }


def errors(predicted: CrackNetwork, truth: CrackNetwork) -> dict[str, Any]:
    """The errors of one photograph; None where one of the two has no such figure.

    Widths are means over the cracks, each weighed by its length; the width that classes go by is the largest 95th
    percentile of a crack.
    """
    found: dict[str, Any] = {"cracked": bool(truth.cracks), "found": bool(predicted.cracks)}
    found |= dict.fromkeys(ERRORS)
    if not truth.cracks:
        return found
    found["length_percent"] = 100 * (predicted.total_length_px / truth.total_length_px - 1)
    for name, values in (
        ("mask_width_px", [_mean_width(network, "mask_width_px") for network in (predicted, truth)]),
        ("optical_width_px", [_mean_width(network, "optical_width_px") for network in (predicted, truth)]),
        ("width_p95_px", [_widest(network) for network in (predicted, truth)]),
    ):
        if values[0] is not None and values[1] is not None:
            found[name] = values[0] - values[1]
    return {name: round(value, 4) if isinstance(value, float) else value for name, value in found.items()}


def _mean_width(network: CrackNetwork, kind: str) -> float | None:
    known = [(crack.length_px, width.mean) for crack in network.cracks if (width := getattr(crack, kind)) is not None]
    return float(np.average([width for _, width in known], weights=[long for long, _ in known])) if known else None


def _widest(network: CrackNetwork) -> float | None:
    return max((crack.width_px.p95 for crack in network.cracks), default=None)


def spread(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Median, 5th and 95th percentile of each error over the photographs that have a crack."""
    cracked = [row for row in rows if row["cracked"]]
    found: dict[str, Any] = {"cracked": len(cracked), "none_found": sum(not row["found"] for row in cracked)}
    for name in ERRORS:
        # of what is not found, neither length nor width can be off
        known = [row[name] for row in cracked if row["found"] and row[name] is not None]
        ends = np.percentile(known, (5, 50, 95)) if known else ()
        found[name] = {"photographs": len(known), "p5_p50_p95": [round(float(value), 2) for value in ends]}
    return found


def page(text: str) -> str:
    """The page with the table of the results; as it is where there are none yet."""
    if not RESULTS.is_file():
        return text
    return fill(text, "predicted", BY, table(json.loads(RESULTS.read_text(encoding="utf-8"))))


def table(values: dict[str, Any]) -> str:
    """A row a source, then all; and what was measured on what."""
    rows = [
        [name, of["cracked"], of["none_found"], *(_cell(of[error]) for error in ERRORS)]
        for name, of in [*values["by_source"].items(), ("all", values["all"])]
    ]
    return (
        f"{markdown(HEAD, rows, '---:')}\nMedian, in brackets the 5th and 95th percentile. Of {values['model']}, "
        f"{values['operating_point']}. On {values['pairs']}. `{BY} PAIRS`.\n"
    )


def _cell(found: dict[str, Any]) -> str:
    if not found["photographs"]:
        return ""
    low, middle, high = found["p5_p50_p95"]
    digits = 0 if max(abs(low), abs(high)) >= 100 else 1
    return f"{middle:+.{digits}f} ({low:+.{digits}f} to {high:+.{digits}f})"


if __name__ == "__main__":
    sys.exit(main())
