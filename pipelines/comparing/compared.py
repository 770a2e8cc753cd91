"""Two sides compared: parameters, figures with intervals and a verdict, sources, and the images that changed most."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, get_args

import numpy as np
import pandas as pd

from crackflow.errors import DataError
from crackflow.evaluation import comparison
from crackflow.evaluation.headline import BY_NAME, figure_words
from crackflow.evaluation.intervals import LEVEL
from crackflow.evaluation.metrics import Counts, by_image, iou
from crackflow.evaluation.shared_images import LEAST_SHARE, Shared, shared_images
from pipelines.commands import profile
from pipelines.comparing import built
from pipelines.comparing.result import Compared, Figure, Image, Outcome, Source
from pipelines.comparing.side import FIGURES, PER_IMAGE, SPLIT, Side, uncommitted

# Where the gate is off, and in revisions that are older than it.
METRIC = "pooled_iou"
COUNTS = ("stem", "tp", "fp", "fn")
# Standard deviation of pooled IoU between seeds, as benchmarks/accuracy/seeds.py measures it.
SEED_SPREAD = 0.03
# Images shown, of those that got better and of those that got worse.
MOST_IMAGES = 6


@dataclass(frozen=True)
class _Tables:
    """The rows of both sides' per_image.csv that they share, in one order, with their groups."""

    shared: Shared
    old: pd.DataFrame = field(repr=False)
    new: pd.DataFrame = field(repr=False)
    groups: Sequence[str] | None
    seed_spread: float
    not_built: str = ""

    @property
    def judged(self) -> bool:
        """Whether a verdict is given."""
        return self.shared.enough and not self.not_built


def compare(
    old: Side,
    new: Side,
    metric: str | None = None,
    notes: Sequence[str] = (),
    seed_spread: float | None = None,
) -> Compared:
    """Compare two sides.

    Args:
        old: what is compared with.
        new: what changed.
        metric: the figure that decides, of crackflow.evaluation.comparison.COMPARABLE; None takes gate.metric.
        notes: sentences to add to the caveats.
        seed_spread: standard deviation of a figure between trainings that differ by their seed alone; 0 judges the
            models as they are. None is SEED_SPREAD where the models differ or are not known, and 0 of one model.

    Raises:
        CrackflowError: when `new` holds no figures, a file can't be used, or there is no such figure.
    """
    values = old.figures(), new.figures()
    if not values[1]:
        raise DataError(f"{new.name} holds no {FIGURES}; `dvc repro` makes it, then compare again")
    params = old.params(), new.params()
    # `crackflow score` writes no params.yaml
    changed = () if old.scored or new.scored else tuple(profile.changes(*params))
    chosen = deciding(params[1], metric)
    caveats = [*_caveats(old, new, *values), *notes]
    data = list(_data(old, new))
    try:
        tables = _tables(old, new, _seed_spread(old, new) if seed_spread is None else seed_spread)
    except DataError as error:
        plain = tuple(_plain(values[0], values[1]))
        why = _not_built(old, new)
        verdict = f"no verdict: {f'{why}; ' if why else ''}no comparison image by image: {error}"
        return Compared(old.name, new.name, tuple(data), "no verdict", verdict, chosen, tuple(caveats), changed, plain)
    if tables.shared.differs:
        data.insert(
            0, f"{tables.shared.words()}; what follows is of the {len(tables.shared.stems)} images that both have"
        )
        caveats = [one for one in caveats if not one.startswith("images ")]
    figures = tuple(_figures(tables, values[1].get("protocol", {})))
    outcome, verdict, groups = _verdict(tables, chosen)
    if outcome != "no verdict" and [one.key for one in changed] == ["train.seed"]:
        caveats.append("only train.seed differs: this is by how much a seed alone changes the figures")
    gained, lost = _images(tables)
    return Compared(
        old.name,
        new.name,
        tuple(data),
        outcome,
        verdict,
        chosen,
        tuple(caveats),
        changed,
        figures,
        tuple(_sources(tables, chosen)),
        gained,
        lost,
        len(tables.shared.stems),
        groups,
    )


def deciding(params: Mapping[str, Any], asked: str | None = None) -> str:
    """Name the figure that decides: the one asked for, else gate.metric of params.yaml, else pooled IoU.

    Raises:
        DataError: when the one asked for can't be compared.
    """
    if asked is not None:
        if asked not in comparison.COMPARABLE:
            raise DataError(f"received the figure {asked}, expected one of {', '.join(comparison.COMPARABLE)}")
        return asked
    gate = params.get("gate")
    metric = gate.get("metric") if isinstance(gate, Mapping) else None
    return next((name for name in get_args(comparison.ComparedFigure) if name == metric), METRIC)


def _caveats(old: Side, new: Side, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    yield from comparison.caveats(before, after)
    if uncommitted(new):
        yield (
            "dvc.lock as committed is not of these figures: they come from a rebuild that nobody has committed. "
            "Run `dvc repro`, then commit dvc.lock, metrics and reports/evaluation.csv"
        )
    for side in dict.fromkeys((old, new)):
        if foreign := built.foreign_files(side):
            yield (
                f"not as dvc.lock has it: {' and '.join(foreign)} of {side.name}. Somebody ran a stage by hand, "
                "or put another file there; run `dvc repro`, then compare again"
            )
    if not before:
        yield f"{old.name} holds no figures, so every figure is new"


def _data(old: Side, new: Side) -> Iterator[str]:
    raw, split = ([side.locked(name) for side in (old, new)] for name in ("data/raw", SPLIT))
    if _differ(*raw):
        yield f"the raw data differs: {raw[0].get('nfiles', '?')} files before, {raw[1].get('nfiles', '?')} after"
    if _differ(*split):
        yield "the split differs"


def _differ(before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    return bool(before.get("md5") and after.get("md5") and before["md5"] != after["md5"])


def _seed_spread(old: Side, new: Side) -> float:
    before, after = (built.model_of(side) for side in (old, new))
    return 0.0 if before and before == after else SEED_SPREAD


def _tables(old: Side, new: Side, seed_spread: float) -> _Tables:
    before, after = (side.table(PER_IMAGE, COUNTS, ("source", "tolerant_f1")) for side in (old, new))
    shared = shared_images(before, after)
    if not shared.stems:
        raise DataError(f"{shared.words()}; no image is in both with the same truth")
    rows = [table.set_index("stem").loc[list(shared.stems)].reset_index() for table in (before, after)]
    return _Tables(shared, rows[0], rows[1], _groups((new, old), shared.stems), seed_spread, _not_built(old, new))


def _not_built(old: Side, new: Side) -> str:
    before, after = (built.not_built_with(side) for side in (old, new))
    if before == after and before:
        return f"{old.name} and {new.name}: {before}" if old.name != new.name else f"{old.name}: {before}"
    return "; ".join(f"{side.name}: {one}" for side, one in ((old, before), (new, after)) if one)


def _groups(sides: Sequence[Side], stems: Sequence[str]) -> list[str] | None:
    """Give each image's group; None where neither side has a split that names them all."""
    for side in sides:
        try:
            split = side.table(SPLIT, ("stem", "group"))
        except DataError:
            continue
        known = dict(zip(split["stem"], split["group"], strict=True))
        if all(stem in known for stem in stems):
            return [known[stem] for stem in stems]
    return None


def _figures(tables: _Tables, protocol: Mapping[str, Any]) -> Iterator[Figure]:
    for name in comparison.COMPARABLE:
        words = figure_words(BY_NAME[name], protocol)
        if name == "tolerant_f1" and not all("tolerant_f1" in one for one in (tables.old, tables.new)):
            continue
        try:
            found = comparison.paired(tables.old, tables.new, name, tables.groups, tables.seed_spread)
        except DataError:
            continue
        if found.delta or (found.sure and found.low != found.high):
            yield _figure(found, words, tables.judged)


def _figure(found: comparison.Paired, words: str, judged: bool) -> Figure:
    return Figure(
        found.metric,
        words,
        found.old,
        found.new,
        found.low if found.sure else None,
        found.high if found.sure else None,
        found.verdict if found.sure and judged else None,
    )


def _plain(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Figure]:
    """Each side's own figures, where they differ."""
    for change in comparison.changes(before, after):
        name = change.figure.removeprefix("crack_")
        words = figure_words(BY_NAME[name], after.get("protocol", {})) if name in BY_NAME else change.figure
        yield Figure(change.figure, words, change.old, change.new)


def _verdict(tables: _Tables, metric: str) -> tuple[Outcome, str, int]:
    shared = tables.shared
    try:
        found = comparison.paired(tables.old, tables.new, metric, tables.groups, tables.seed_spread)
    except DataError as error:
        return "no verdict", f"no verdict: {error}", 0
    words = figure_words(BY_NAME[metric], {})
    figures = f"{words} {found.old:.3f} -> {found.new:.3f}, {found.delta:+.3f}"
    if tables.not_built:
        return "no verdict", f"no verdict: {tables.not_built}; {figures}", found.groups
    if not shared.enough:
        part = f"{100 * shared.share:.0f} % of the larger test set"
        why = f"they share {part}, expected at least {100 * LEAST_SHARE:.0f} %"
        return "no verdict", f"no verdict: {why}; {figures} on the {found.images} images shared", found.groups
    if not found.sure:
        return "no verdict", f"no verdict: all that counts is of one photograph; {figures}", found.groups
    units = "each taken as independent" if tables.groups is None else f"{found.groups} groups of photographs"
    seeds = f"; one training each, and seeds alone spread it by {tables.seed_spread:g}" if tables.seed_spread else ""
    interval = f"{100 * LEVEL:.0f} % interval {found.low:+.3f} to {found.high:+.3f}"
    return (
        found.verdict,
        f"{found.verdict}: {figures} ({interval}), from {found.images} images, {units}{seeds}",
        found.groups,
    )


def _sources(tables: _Tables, metric: str) -> Iterator[Source]:
    if "source" not in tables.new:
        return
    for source in sorted(set(tables.new["source"])):
        mine = (tables.new["source"] == source).to_numpy()
        groups = (
            None
            if tables.groups is None
            else [one for one, is_mine in zip(tables.groups, mine, strict=True) if is_mine]
        )
        try:
            found = comparison.paired(tables.old[mine], tables.new[mine], metric, groups, tables.seed_spread)
        except DataError:
            continue
        yield Source(source, found.images, found.groups, _figure(found, source, tables.judged))


def _images(tables: _Tables) -> tuple[tuple[Image, ...], tuple[Image, ...]]:
    """The images that got better, and those that got worse: by IoU, of equals the one with more pixels changed."""
    before, after = (_iou(table) for table in (tables.old, tables.new))
    wrong = [(table["fp"] + table["fn"]).to_numpy(np.int64) for table in (tables.old, tables.new)]
    sources = tables.new["source"] if "source" in tables.new else [""] * len(tables.new)
    all_of = zip(tables.shared.stems, sources, before, after, wrong[0] - wrong[1], strict=True)
    order = sorted(all_of, key=lambda one: (one[2] - one[3], -one[4], one[0]))
    images = [Image(stem, source, float(old), float(new)) for stem, source, old, new, _ in order]
    gained = tuple(one for one in images if one.new > one.old)[:MOST_IMAGES]
    lost = tuple(one for one in reversed(images) if one.new < one.old)[:MOST_IMAGES]
    return gained, lost


def _iou(table: pd.DataFrame) -> Any:
    tp, fp, fn = (table[name].to_numpy(np.int64) for name in ("tp", "fp", "fn"))
    return by_image(iou, Counts(tp, fp, fn, np.zeros_like(tp)))
