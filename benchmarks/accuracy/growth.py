"""How surely `crackflow growth` tells growth from none: on pairs that did not change, and on made ones that did.

Run `python -m benchmarks.accuracy.growth PAIRS`, where PAIRS holds images/ and masks/; of these the masks are not used.
Two kinds of pairs are compared:

- made: a made surface with a made crack, photographed twice in other light, turned by up to 5 degrees, at another
  scale and slant; the crack longer or wider by a known amount, with a new one beside it, or as it was. Some of those
  as it was have another tone curve, or are out of focus.
- real: a photograph that the model has not seen, and the same turned, scaled and lit likewise. Nothing grew.

Half of the pairs without a change say what two photographs of an unchanged crack differ by: the limits of
crackflow/geometry/growth.py. All other pairs are judged by them.

Results go to docs/results/growth.json, and from there to docs/how-to/growth.md. After a kill it goes on where it
stopped. `--tables` writes the page alone.
"""

import argparse
import json
import math
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from benchmarks.accuracy import growth_pairs, real, unseen
from benchmarks.accuracy.growth_page import BY, page
from benchmarks.accuracy.kept import Kept
from crackflow.atomic import write_text
from crackflow.errors import DataError
from crackflow.imaging.registration import register
from crackflow.inference.operating_point import sha256
from crackflow.inference.packaged_weights import Weights
from crackflow.params import SplitParams
from crackflow.progress import track
from crackflow.sources.provenance import NameRules

RESULTS = real.ROOT / "docs/results/growth.json"
PAGE = real.ROOT / "docs/how-to/growth.md"
LONGER, WIDER, BESIDE = (10.0, 20.0, 40.0, 80.0), (0.5, 1.0, 2.0), (9.0, 14.0)
# The second photograph's tone curve and focus, as benchmarks.accuracy.growth_pairs.in_other_light takes them.
LIGHT = {"made, gamma 0.7": (0.7, 0.0), "made, gamma 1.4": (1.4, 0.0), "made, blurred by 2 px": (1.0, 2.0)}
SURFACES = 8
UNCHANGED = 12
# Photographs of each source that are laid on another one of it.
STRANGERS = 8


class _Pair(NamedTuple):
    name: str
    kind: str
    """made, one of LIGHT, or real"""
    role: str
    """limits, unchanged, longer, wider or beside"""
    amount: float
    seed: int
    place: unseen.Pair | None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args = unseen.parsed(parser)
    if not args.tables:
        write_text(RESULTS, json.dumps(measured(args), indent=1) + "\n")
    if RESULTS.is_file():
        found = json.loads(RESULTS.read_text(encoding="utf-8"))
        PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), found), encoding="utf-8", newline="\n")
    return 0


def measured(args: argparse.Namespace) -> dict[str, Any]:
    """Compare every pair that has no result yet, and put the results together."""
    from crackflow.runtimes.choice import choose_runtime, load
    from pipelines.commands import model_choice

    weights = model_choice.choose(real.ROOT, args.model)
    found = unseen.draw(args.pairs, model_choice.seen(weights), args.each, args.seed)
    kept = Kept.of("benchmarks.accuracy.growth", weights)
    pairs = list(_pairs(found))
    network = load(weights.model, choose_runtime(weights.model, ""))
    for pair in track(pairs, "growth", unit="pair"):
        if pair.name not in kept.rows:
            kept.add(
                pair.name,
                {"kind": pair.kind, "role": pair.role, "amount": pair.amount} | _compared(pair, network, weights),
            )
    rows = [kept.rows[pair.name] for pair in pairs]
    others = unseen.draw(args.pairs, model_choice.seen(weights), STRANGERS, args.seed)
    return {
        "command": f"{BY} PAIRS --each {args.each}",
        "model": weights.name,
        "model_sha256": sha256(weights.model),
        "pairs": unseen.words(found, weights, args.seed),
        "limits": limits([row for row in rows if row["role"] == "limits"]),
        "unchanged": {
            kind: unchanged([row for row in rows if row["role"] == "unchanged" and row["kind"] == kind])
            for kind in ("made", *LIGHT, "real")
        },
        "longer": [longer(rows, amount) for amount in LONGER],
        "wider": [wider(rows, amount) for amount in WIDER],
        "beside": [longer(rows, amount, "beside") for amount in BESIDE],
        "registration": registration(rows),
        "strangers": strangers(others, weights, kept),
    }


def _pairs(found: unseen.Unseen) -> Iterator[_Pair]:
    for seed in range(2 * UNCHANGED):
        yield _Pair(f"made {seed}", "made", "limits" if seed % 2 else "unchanged", 0.0, seed, None)
    for kind in LIGHT:
        for seed in range(0, UNCHANGED, 2):
            yield _Pair(f"{kind} {seed}", kind, "unchanged", 0.0, seed, None)
    places = [pair for pairs in found.by_source.values() for pair in pairs]
    for number, place in enumerate(places):
        yield _Pair(f"real {place.stem}", "real", "limits" if number % 2 else "unchanged", 0.0, number, place)
    for seed in range(1000, 1000 + SURFACES):
        for amount in LONGER:
            yield _Pair(f"longer {amount} {seed}", "made", "longer", amount, seed, None)
        for amount in WIDER:
            yield _Pair(f"wider {amount} {seed}", "made", "wider", amount, seed, None)
        for amount in BESIDE:
            yield _Pair(f"beside {amount} {seed}", "made", "beside", amount, seed, None)


def _compared(pair: _Pair, network: Any, weights: Weights) -> dict[str, Any]:
    """What the comparison says of each crack."""
    from pipelines.commands.growth import compare

    if pair.place is None:
        grown = {pair.role: pair.amount} if pair.amount else {}
        made = growth_pairs.made(pair.seed, **grown)
        if pair.kind in LIGHT:
            made = growth_pairs.in_other_light(made, *LIGHT[pair.kind])
    else:
        made = growth_pairs.again(pair.seed, unseen.read(pair.place, weights)[0])
    try:
        found = compare(network, weights.point(), weights.params.resize.mode, made.before, made.after)
    except DataError as error:
        return {"rejected": str(error), "cracks": []}
    cracks = [
        {
            "length": one.length_change,
            "width": one.width_change,
            "added": round(one.added_px, 2),
            "lost": round(one.lost_px, 2),
            "long": round(one.length_after_px, 1),
            "widened": _difference(one),
        }
        for one in found.growth.cracks
    ]
    off = growth_pairs.off_by(found.registration.matrix, made.matrix, made.before.shape)
    return {"rejected": "", "off": round(off, 3), "error": round(found.registration.error_px, 3), "cracks": cracks}


def _difference(one: Any) -> float | None:
    if one.width_before_px is None or one.width_after_px is None:
        return None
    return round(one.width_after_px - one.width_before_px, 3)


def limits(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What 95 of 100 unchanged cracks stay below.

    Of widths it is 1.96 standard deviations of the difference, 2.8 of one result (ISO 5725-6). Most cracks have no
    length that one photograph alone shows, so lengths have a percentile and no standard deviation to speak of.
    """
    cracks = [crack for row in rows for crack in row["cracks"]]
    alone = [max(crack["added"], crack["lost"]) for crack in cracks]
    widened = [crack["widened"] for crack in cracks if crack["widened"] is not None]
    return {
        "cracks": len(cracks),
        "length_px": round(float(np.percentile(alone, 95)), 2),
        "widths": len(widened),
        "width_px": round(1.96 * math.sqrt(float(np.mean(np.square(widened)))), 3),
    }


def unchanged(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How often a change was told though there was none."""
    cracks = [crack for row in rows for crack in row["cracks"]]
    measured_width = [crack for crack in cracks if crack["widened"] is not None]
    return {
        "pairs": len(rows),
        "rejected": sum(bool(row["rejected"]) for row in rows),
        "cracks": len(cracks),
        "length_told": sum(crack["length"] != "not told apart" for crack in cracks),
        "widths": len(measured_width),
        "width_told": sum(crack["width"] != "not told apart" for crack in measured_width),
    }


def longer(rows: Sequence[dict[str, Any]], amount: float, role: str = "longer") -> dict[str, Any]:
    """How often added length is told, and how long it is measured where it is."""
    here = [row for row in rows if row["role"] == role and row["amount"] == amount]
    told = [
        sum(crack["added"] for crack in row["cracks"] if crack["length"] in ("longer", "new"))
        for row in here
        if any(crack["length"] in ("longer", "new") for crack in row["cracks"])
    ]
    return {"amount": amount, "pairs": len(here), "told": len(told), **_spread(told)}


def wider(rows: Sequence[dict[str, Any]], amount: float) -> dict[str, Any]:
    """The same of growth in width, of the longest crack."""
    here = [row for row in rows if row["role"] == "wider" and row["amount"] == amount]
    found = [max(row["cracks"], key=lambda crack: crack["long"]) for row in here if row["cracks"]]
    known = [crack["widened"] for crack in found if crack["widened"] is not None]
    told = sum(crack["width"] == "wider" for crack in found)
    return {"amount": amount, "pairs": len(here), "told": told, **_spread(known)}


def registration(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """How far off the found homographies are, and how far they say that they are."""
    known = [row for row in rows if not row["rejected"]]
    off, said = ([row[name] for row in known] for name in ("off", "error"))
    return {
        "pairs": len(rows),
        "rejected": len(rows) - len(known),
        "off": _spread(off),
        "said": _spread(said),
    }


def strangers(found: unseen.Unseen, weights: Weights, kept: Kept) -> dict[str, Any]:
    """How often two photographs of different places were rejected; both are of one source, so they look alike."""
    parent = NameRules.of(SplitParams()).parent
    names = []
    for pairs in found.by_source.values():
        for one, other in pairwise(pairs):
            if parent(one.stem) == parent(other.stem):
                continue
            names.append(name := f"strangers {one.stem} {other.stem}")
            if name not in kept.rows:
                try:
                    placed = register(*(unseen.read(pair, weights)[0] for pair in (one, other)))
                    kept.add(name, {"rejected": "", "placed": placed.words()})
                except DataError as error:
                    kept.add(name, {"rejected": str(error)})
    rows = [kept.rows[name] for name in names]
    return {"pairs": len(rows), "accepted": [row["name"] for row in rows if not row["rejected"]]}


def _spread(values: Sequence[float]) -> dict[str, Any]:
    ends = np.percentile(values, (5, 50, 95)) if values else ()
    return {"p5_p50_p95": [round(float(value), 2) for value in ends]}


if __name__ == "__main__":
    sys.exit(main())
