"""How often the 95 % intervals hold the truth, on made data whose truth is known.

`python -m benchmarks.accuracy.intervals` makes 500 test sets of each kind and size, and asks each method for its
interval. It writes docs/results/intervals.json and the table in docs/explanation/figures.md. `--table` writes the table
alone.

An image is made as its counts of pixels, without a picture. Each group is one photograph with a size of crack, a recall
and a precision of its own; its crops share these and differ a little. A fifth of the groups is without a crack and has
its own rate of false alarms. In `even` groups are much alike. In `uneven` some photographs hold most of the crack
pixels, and large cracks are found better. In `many crops` a photograph has six crops on average, and large cracks are
found worse.
"""

import argparse
import json
import sys
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from benchmarks.accuracy.real import ROOT
from crackflow.atomic import write_text
from crackflow.evaluation.intervals import LEVEL, METHOD, group_sums, image_sums
from crackflow.evaluation.metrics import Counts
from crackflow.progress import track
from crackflow.statistics.ratios import difference, difference_interval, ratio, ratio_interval
from scripts.tables import fill, markdown

RESULTS = ROOT / "docs/results/intervals.json"
PAGE = ROOT / "docs/explanation/figures.md"
COMMAND = "python -m benchmarks.accuracy.intervals"
SETS = 500
GROUPS = (20, 40, 80)
RESAMPLES = 1000
FIGURES = ("pooled_iou", "pooled_precision", "pooled_recall", "positives_iou", "per_image_iou", "false_alarms_images")
DIFFERENCE = "difference of pooled IoU"
CHOSEN = "t on log-odds"
BEFORE = "percentile bootstrap"
# A photograph is seen at this many groups to know the truth to three decimals.
TRUTH_GROUPS = 400_000

Floats = NDArray[np.float64]
Sums = tuple[Floats, Floats]
Ends = tuple[float, float]


class Kind(NamedTuple):
    """How test sets are made.

    Attributes:
        crops: mean number of crops of a photograph.
        size: spread of crack pixels between photographs, log.
        skill: spread of recall and of precision between photographs, log-odds.
        larger: correlation of a photograph's crack pixels with its recall.
    """

    crops: float
    size: float
    skill: float
    larger: float


KINDS = {
    "even": Kind(3, 0.5, 0.6, 0.2),
    "uneven": Kind(3, 1.0, 0.9, 0.5),
    "many crops": Kind(6, 0.8, 0.8, -0.3),
}
MOST_CROPS = 12
CRACK_FREE = 0.2
PIXELS = 512 * 512


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sets", type=int, default=SETS, help=f"test sets of each kind and size (default: {SETS})")
    parser.add_argument("--table", action="store_true", help="write the table from docs/results/intervals.json alone")
    args = parser.parse_args()
    if not args.table:
        write_text(RESULTS, json.dumps(measure(args.sets), indent=1) + "\n")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    return 0


def measure(sets: int, groups: Sequence[int] = GROUPS, truth_groups: int = TRUTH_GROUPS) -> dict[str, Any]:
    """Measure coverage by kind, number of groups, figure and method.

    Args:
        sets: test sets of each kind and number of groups.
        groups: numbers of groups.
        truth_groups: of the large set that the truth is taken from.

    Returns:
        What docs/results/intervals.json holds. `coverage` is the share of intervals that hold the truth, `width` their
        median width, `defined` the share of sets that have an interval.
    """
    found = []
    for kind in KINDS:
        truth = {name: float(ratio(*sums).value) for name, sums in made(kind, truth_groups, seed=1).items()}
        truth[DIFFERENCE] = 0.0
        for number in groups:
            ends = _ends(kind, number, sets)
            found += [
                {"kind": kind, "groups": number, "figure": figure, "method": method, **_summary(values, truth[figure])}
                for (figure, method), values in ends.items()
            ]
    return {
        "command": COMMAND,
        "method": METHOD,
        "level": LEVEL,
        "sets": sets,
        "resamples": RESAMPLES,
        "kinds": {name: kind._asdict() for name, kind in KINDS.items()},
        "rows": found,
    }


def _ends(kind: str, number: int, sets: int) -> dict[tuple[str, str], list[Ends]]:
    found: dict[tuple[str, str], list[Ends]] = {}
    for seed in track(range(sets), f"{kind}, {number} groups", unit="set"):
        old, new = made(kind, number, seed=(2, seed)), made(kind, number, seed=(2, seed), model=1)
        cases = {name: single(*old[name], seed) for name in FIGURES}
        cases[DIFFERENCE] = paired(old["pooled_iou"], new["pooled_iou"], seed)
        for figure, methods in cases.items():
            for method, ends in methods.items():
                found.setdefault((figure, method), []).append(ends)
    return found


def _summary(ends: Sequence[Ends], truth: float) -> dict[str, float | None]:
    low, high = np.array(ends).T
    known = high > low
    holds = (low[known] <= truth) & (truth <= high[known])
    return {
        "coverage": round(float(holds.mean()), 4) if known.any() else None,
        "width": round(float(np.median(high[known] - low[known])), 4) if known.any() else None,
        "defined": round(float(known.mean()), 4),
    }


def made(kind: str, number: int, seed: int | tuple[int, ...], model: int = 0) -> dict[str, Sums]:
    """Make a test set.

    Args:
        kind: of KINDS.
        number: groups.
        seed: the same one gives the same photographs.
        model: another one finds other pixels of the same cracks, no better and no worse.

    Returns:
        Part and whole of each of FIGURES, summed over groups.
    """
    rules = KINDS[kind]
    photographs, seen = np.random.default_rng(seed), np.random.default_rng((3, model, *np.atleast_1d(seed)))
    crops = np.minimum(photographs.geometric(1 / rules.crops, number), MOST_CROPS)
    size = photographs.standard_normal(number)
    shared = photographs.standard_normal((2, number))
    cracked = photographs.random(number) >= CRACK_FREE
    alarms = photographs.beta(0.5, 2.5, number)
    of = np.repeat(np.arange(number), crops)
    pixels = np.floor(np.exp(8.5 + rules.size * size[of] + 0.6 * photographs.standard_normal(of.size)))
    # half of what tells a photograph's recall and precision apart is the photograph's, half the model's
    own = (shared + seen.standard_normal((2, number))) / np.sqrt(2)
    own[0] = rules.larger * size + np.sqrt(1 - rules.larger**2) * own[0]
    recall, precision = special.expit(1 + rules.skill * own[:, of] + 0.4 * seen.standard_normal((2, of.size)))
    tp = np.floor(recall * pixels)
    false = np.where(seen.random(of.size) < alarms[of], np.ceil(np.exp(4 + seen.standard_normal(of.size))), 0)
    there = cracked[of]
    fp = np.where(there, np.floor(tp * (1 / precision - 1)), false)
    tp, fn = np.where(there, tp, 0), np.where(there, pixels - tp, 0)
    parts = [np.asarray(part, np.int64) for part in (tp, fp, fn, np.maximum(PIXELS - tp - fp - fn, 0))]
    return {name: tuple(group_sums(image_sums(name, Counts(*parts)), of)) for name in FIGURES}  # type: ignore[misc]


def single(part: Floats, whole: Floats, seed: int) -> dict[str, Ends]:
    """The interval of a ratio by each method; NaN where one has none."""
    found = ratio(part, whole)
    counted = whole > 0
    part, whole = part[counted], whole[counted]
    if not found.error > 0 or not 0 < found.value < 1:
        return dict.fromkeys((CHOSEN, "jackknife", "bootstrap-t", "BCa bootstrap", BEFORE), (np.nan, np.nan))
    left_out = (part.sum() - part) / (whole.sum() - whole)
    error = np.sqrt((len(part) - 1) / len(part) * ((left_out - found.value) ** 2).sum())
    reach = stats.t.ppf((1 + LEVEL) / 2, len(part) - 1) * error
    return {
        CHOSEN: ratio_interval(found, LEVEL),
        "jackknife": (found.value - reach, found.value + reach),
        "bootstrap-t": _bootstrap_t(part, whole, seed),
        **_bootstrap(lambda a, b, axis=-1: a.sum(axis) / b.sum(axis), (part, whole), seed),
    }


def paired(old: Sums, new: Sums, seed: int) -> dict[str, Ends]:
    """The interval of the difference between two ratios over the same groups."""

    def change(a: Floats, b: Floats, c: Floats, d: Floats, axis: int = -1) -> Floats:
        return np.asarray(c.sum(axis) / d.sum(axis) - a.sum(axis) / b.sum(axis))

    counted = (old[1] > 0) | (new[1] > 0)
    four = tuple(one[counted] for one in (*old, *new))
    return {CHOSEN: difference_interval(difference(old, new), LEVEL), **_bootstrap(change, four, seed)}


def _bootstrap(statistic: Any, samples: tuple[Floats, ...], seed: int) -> dict[str, Ends]:
    """SciPy's, both from the same draws of groups."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = stats.bootstrap(
            samples,
            statistic,
            paired=True,
            vectorized=True,
            n_resamples=RESAMPLES,
            confidence_level=LEVEL,
            method="BCa",
            rng=np.random.default_rng(seed),
        )
    values = found.bootstrap_distribution
    low, high = np.nanquantile(values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return {
        "BCa bootstrap": (float(found.confidence_interval.low), float(found.confidence_interval.high)),
        BEFORE: (float(low), float(high)),
    }


def _bootstrap_t(part: Floats, whole: Floats, seed: int) -> Ends:
    """Bootstrap-t on log-odds (Efron and Tibshirani 1993, section 12.5), with the linearized error."""
    number = len(part)
    often = np.random.default_rng(seed).multinomial(number, np.full(number, 1 / number), RESAMPLES).astype(float)
    weights = np.vstack([np.ones(number), often])
    with np.errstate(all="ignore"):
        totals = weights @ whole
        values = weights @ part / totals
        residuals = weights @ part**2 - 2 * values * (weights @ (part * whole)) + values**2 * (weights @ whole**2)
        errors = np.sqrt(np.maximum(residuals, 0)) / totals / (values * (1 - values))
        odds = special.logit(values)
        t = (odds[1:] - odds[0]) / errors[1:]
    t = t[np.isfinite(t)]
    if not t.size:
        return np.nan, np.nan
    high, low = np.quantile(t, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(special.expit(odds[0] - low * errors[0])), float(special.expit(odds[0] - high * errors[0]))


def page(text: str) -> str:
    """The page with the table of docs/results/intervals.json."""
    return fill(text, "coverage", f"`{COMMAND}`", table(json.loads(RESULTS.read_text(encoding="utf-8"))))


def table(values: dict[str, Any]) -> str:
    """A row a figure and number of groups: coverage of each method, the lowest and the highest over the kinds."""
    methods = list(dict.fromkeys(row["method"] for row in values["rows"]))
    rows = list(_rows(values["rows"], methods))
    kinds = ", ".join(values["kinds"])
    return (
        f"{markdown(['figure', 'groups', *methods], rows, '---:')}\n"
        f"Share of {values['sets']:,} made test sets, in %, whose {100 * values['level']:.0f} % interval holds the "
        f"truth: the lowest and the highest over the kinds of sets ({kinds}). Bootstraps draw "
        f"{values['resamples']:,} times.\n"
    )


def _rows(rows: Sequence[dict[str, Any]], methods: Sequence[str]) -> Iterator[list[object]]:
    for figure, groups in dict.fromkeys((row["figure"], row["groups"]) for row in rows):
        cells: list[object] = [figure.replace("_", " "), groups]
        for method in methods:
            own = [
                100 * row["coverage"]
                for row in rows
                if (row["figure"], row["groups"], row["method"]) == (figure, groups, method)
                and row["coverage"] is not None
            ]
            cells.append(f"{min(own):.1f} to {max(own):.1f}" if own else None)
        yield cells


if __name__ == "__main__":
    sys.exit(main())
