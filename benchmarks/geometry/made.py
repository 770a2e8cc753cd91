"""Lengths and widths against truth: `python -m benchmarks.geometry.made [--profiles CSV] [--only PART...]`.

Made curves of known length and width give the first tables. --profiles names measured profiles: a CSV with the columns
structure, width_px, mm_per_px and g0, g1, ... (grey levels across a crack at steps of 1 px, the crack in the middle).
Writes docs/results/geometry.json, and the tables of docs/explanation/geometry.md from it; parts that are not measured
keep their figures.
"""

import argparse
import json
import time
import tracemalloc
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd

from benchmarks.geometry import truth
from crackflow.geometry.cracks import measure
from crackflow.geometry.dip import find_dips
from crackflow.geometry.dip_fit import fit_widths
from scripts.tables import fill, markdown

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs/results/geometry.json"
PAGE = ROOT / "docs/explanation/geometry.md"
BY = "python -m benchmarks.geometry.made"
LENGTHS, WIDTHS = (1.0, 1.5, 2.0, 3.0, 5.0, 8.0, 11.0, 15.0), (1.0, 2.0, 3.0, 5.0, 8.0, 11.0, 15.0)
BLURS, BLACK, LIT = (0.0, 0.5, 1.0, 2.0, 3.0, 4.0), 6.0, 40.0
# labels are wider than cracks: so much is added to each side
LABEL = 2
LIMITS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 99.0)
FLOORS, SPREADS = (0.0, 0.03, 0.05, 0.1), (0.03, 0.15)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--profiles", type=Path, help="measured profiles")
    parser.add_argument("--only", nargs="+", choices=[*PARTS, "none"], default=list(PARTS), help="what to measure")
    parser.add_argument("--curves", type=int, default=12, help="curves for each figure (default: 12)")
    args = parser.parse_args()
    results: dict[str, Any] = json.loads(RESULTS.read_text()) if RESULTS.is_file() else {}
    for part in args.only:
        if part != "none":
            results[part] = PARTS[part](args.curves)
    if args.profiles:
        results["profiles"] = profiles(args.profiles)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    page = PAGE.read_text(encoding="utf-8")
    for name, table in tables(results).items():
        page = fill(page, name, BY, table)
        print(table)
    PAGE.write_text(page, encoding="utf-8", newline="\n")
    return 0


def lengths(curves: int) -> list[dict[str, Any]]:
    """Length, mask width and counts of branches of single curves, crossings and joints, from their masks."""
    rows = []
    for kind, widths in (("single", LENGTHS), ("X", LENGTHS[1::2]), ("Y", LENGTHS[1::2])):
        for width in widths:
            rng = np.random.default_rng([int(10 * width), ord(kind[0])])
            long, wide, right = [], [], 0
            for _ in range(curves):
                lines = [truth.spline(rng, 260, rng.choice([0.0, 0.15, 0.3]))]
                made = truth.draw(rng, lines if kind == "single" else truth.joint(rng, kind, width), width)
                network = measure(made.coverage >= 0.5)
                crack = network.cracks[0]
                long.append(100 * (network.total_length_px / made.length - 1))
                wide.append(crack.mask_width_px.mean - width)
                counts = len(network.cracks), crack.branches, crack.ends, crack.junctions
                right += counts == {"single": (1, 1, 2, 0), "X": (1, 4, 4, 1), "Y": (1, 3, 3, 1)}[kind]
            rows.append(
                {"kind": kind, "width": width, "curves": curves, "right": right}
                | {f"length_{name}": value for name, value in spread(long).items()}
                | {f"mask_{name}": value for name, value in spread(wide).items()}
            )
    return rows


def spread(errors: list[float]) -> dict[str, float]:
    values = np.array(errors)
    return {
        "bias": round(float(values.mean()), 3),
        "worst": round(float(values[np.argmax(abs(values))]), 3),
    }


def optical(curves: int) -> list[dict[str, Any]]:
    """Mean optical width of single curves in blurred photographs, from labels that are 4 px wider than the crack."""
    rows = []
    for floor in (BLACK, LIT):
        for blur in BLURS:
            for width in WIDTHS:
                rng = np.random.default_rng([int(10 * width), int(10 * blur), int(floor)])
                errors = []
                for _ in range(max(2, curves // 2)):
                    made = truth.draw(rng, [truth.spline(rng, 160, rng.choice([0.0, 0.15]))], width)
                    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * LABEL + 1, 2 * LABEL + 1))
                    label = cv2.dilate((made.coverage >= 0.5).astype(np.uint8), disc)
                    seen = measure(label, truth.photograph(rng, made.coverage, blur, floor)).cracks[0].optical_width_px
                    if seen is not None:
                        errors.append(seen.mean - width)
                row = {"floor": floor, "blur": blur, "width": width, "curves": max(2, curves // 2), "seen": len(errors)}
                rows.append(row | (spread(errors) if errors else {"bias": None, "worst": None}))
    return rows


def speed(_: int) -> dict[str, Any]:
    """A mask of 4,000 x 3,000 px with 100 cracks: seconds of one core, and memory."""
    rng = np.random.default_rng(0)
    mask = np.zeros((3000, 4000), np.uint8)
    for row in range(10):
        for column in range(10):
            way = truth.spline(rng, 330, 0.15)
            way += np.array([column * 400 + 200, row * 300 + 150]) - way.mean(axis=0)
            cv2.polylines(mask, [np.rint(way).astype(np.int32)], False, 255, int(rng.integers(1, 12)))
    grey = truth.photograph(rng, mask / 255.0, 0.8, BLACK)
    found: dict[str, Any] = {}
    for name, photograph in (("mask", None), ("optical", grey)):
        start, clock = time.process_time(), time.perf_counter()
        network = measure(mask, photograph)
        found[f"{name}_cpu_s"] = round(time.process_time() - start, 2)
        found[f"{name}_s"] = round(time.perf_counter() - clock, 2)
    # apart, because it slows everything down; NumPy's arrays and OpenCV's are both seen
    tracemalloc.start()
    measure(mask, grey)
    more = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return found | {
        "cracks": len(network.cracks),
        "length_px": round(network.total_length_px),
        "more_mib": round(more / 2**20),
    }


PARTS = {"lengths": lengths, "optical": optical, "speed": speed}


def profiles(path: Path) -> dict[str, Any]:
    """Each estimator on each structure; rules chosen on one structure and tested on the others."""
    table = pd.read_csv(path)
    # a scale far from that of the structure's other rows is a slip of the pen
    usual = table.groupby("structure")["mm_per_px"].transform("median")
    kept = table[table["mm_per_px"] < 10 * usual]
    levels = kept[[name for name in table if str(name)[:1] == "g" and str(name)[1:].isdigit()]].to_numpy(np.float64)
    x = np.arange(levels.shape[1]) - (levels.shape[1] - 1) / 2
    valid = np.ones(levels.shape, np.bool_)
    dips = find_dips(x, levels, valid, np.full(len(levels), 5.5))
    fitted = fit_widths(x, levels, valid, dips)
    true, structure = kept["width_px"].to_numpy(), kept["structure"].to_numpy()

    estimates = {"half-depth crossing": dips.half_depth, "rectangle transform": dips.rectangle}
    fit_or_rectangle = np.where(fitted.clear, fitted.width, dips.rectangle)
    estimates["fit, rectangle where not clear"] = fit_or_rectangle
    estimates["fit where clear (the default)"] = np.where(fitted.clear, fitted.width, np.nan)
    rows = [figures(name, values, true, structure) for name, values in estimates.items()]
    switches = {limit: np.where(dips.rectangle < limit, dips.rectangle, dips.half_depth) for limit in LIMITS}
    mixes = {limit: np.where(fit_or_rectangle < limit, fit_or_rectangle, dips.rectangle) for limit in LIMITS}
    priors = {
        (floor, wide): fit_widths(x, levels, valid, dips, floor, wide).width for floor in FLOORS for wide in SPREADS
    }
    clear = {key: np.where(fitted.clear, width, np.nan) for key, width in priors.items()}
    rules = []
    for name, options in (
        ("rectangle below, half-depth from T px on", switches),
        ("fit below, rectangle from T px on", mixes),
        ("fit, floor and its spread", clear),
    ):
        for chosen_on in np.unique(structure).tolist():
            home = structure == chosen_on
            best = min(options, key=lambda key, home=home, options=options: error(options[key][home], true[home]))
            rules.append(
                {
                    "rule": name,
                    "chosen_on": chosen_on,
                    "chosen": best,
                    "there": error(options[best][home], true[home]),
                    "elsewhere": error(options[best][~home], true[~home]),
                }
            )
    return {"rows": len(table), "left_out": len(table) - len(kept), "estimators": rows, "rules": rules}


def error(estimate: Any, true: Any) -> float:
    """Mean absolute error, px, of the estimates that there are."""
    return round(float(np.nanmean(abs(estimate - true))), 3)


def figures(name: str, estimate: Any, true: Any, structure: Any) -> dict[str, Any]:
    """Mean absolute error and bias by structure and width, with the 95 % interval of the whole."""
    off = estimate - true
    parts = {str(one): structure == one for one in np.unique(structure)}
    parts |= {"to 2 px": true <= 2, "above 2 px": true > 2, "all": true > 0}
    known = abs(off[np.isfinite(off)])
    drawn = np.random.default_rng(0).choice(known, (1000, len(known))).mean(axis=1)
    return {
        "estimator": name,
        "clear": round(float(np.isfinite(off).mean()), 4),
        "interval": [round(float(value), 3) for value in np.percentile(drawn, (2.5, 97.5))],
        "parts": {
            part: {
                "n": int(rows.sum()),
                "error": error(estimate[rows], true[rows]),
                "bias": round(float(np.nanmean(off[rows])), 3),
            }
            for part, rows in parts.items()
        },
    }


def tables(results: dict[str, Any]) -> dict[str, str]:
    """The tables of the page, by name."""
    return {name: TABLES[name](results[name]) for name in TABLES if name in results}


def _lengths(rows: list[dict[str, Any]]) -> str:
    head = ["curves", "width, px", "length: bias, %", "worst, %", "mask width: bias, px", "worst, px", "counts right"]
    return markdown(
        head,
        [
            [
                row["kind"],
                f"{row['width']:g}",
                f"{row['length_bias']:+.2f}",
                f"{row['length_worst']:+.2f}",
                f"{row['mask_bias']:+.2f}",
                f"{row['mask_worst']:+.2f}",
                f"{row['right']} of {row['curves']}",
            ]
            for row in rows
        ],
        "---:",
    )


def _optical(rows: list[dict[str, Any]]) -> str:
    def cell(row: dict[str, Any]) -> str:
        if row["bias"] is None:
            return "none seen"
        return f"{row['bias']:+.2f} ({row['worst']:+.2f})"

    lines = []
    for floor, name in ((BLACK, "black"), (LIT, "lit")):
        for blur in BLURS:
            here = [row for row in rows if (row["floor"], row["blur"]) == (floor, blur)]
            lines.append([name, f"{blur:g}", *map(cell, here)])
    return markdown(["crack", "blur, px", *(f"{width:g} px" for width in WIDTHS)], lines, "---:")


def _speed(found: dict[str, Any]) -> str:
    head = ["cracks", "length, px", "from the mask, s of one core", "with optical widths, s", "memory on top, MiB"]
    names = ("cracks", "length_px", "mask_cpu_s", "optical_cpu_s", "more_mib")
    return markdown(head, [[found[name] for name in names]], "---:")


def _profiles(found: dict[str, Any]) -> str:
    parts = list(found["estimators"][0]["parts"])
    counts = found["estimators"][0]["parts"]
    head = ["estimator", *(f"{part} ({counts[part]['n']})" for part in parts), "95 % of all", "clear"]
    lines = [
        [
            row["estimator"],
            *(f"{row['parts'][part]['error']:.3f} ({row['parts'][part]['bias']:+.2f})" for part in parts),
            f"{row['interval'][0]:.3f} to {row['interval'][1]:.3f}",
            f"{100 * row['clear']:.1f} %",
        ]
        for row in found["estimators"]
    ]
    rules = [
        [row["rule"], row["chosen_on"], row["chosen"], f"{row['there']:.3f}", f"{row['elsewhere']:.3f}"]
        for row in found["rules"]
    ]
    second = markdown(["rule", "chosen on", "chosen", "error there, px", "error elsewhere, px"], rules, "---:")
    return markdown(head, lines, "---:") + "\n" + second


TABLES = {"lengths": _lengths, "optical": _optical, "speed": _speed, "profiles": _profiles}


if __name__ == "__main__":
    raise SystemExit(main())
