"""Find photographs that show the same pavement after a small turn, zoom or shear, or of which one is a crop.

In three steps: the features of each photograph, kept by content; the few others that each may show, by their votes; a
geometric check of those. Time grows with the number of photographs, but for the votes, which are the least part
(docs/explanation/duplicates.md).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from crackflow.imaging.pairs import IMAGES, ResizedPairs
from crackflow.parallel.engine import Engine, WorkerTimes, fan_out
from crackflow.parallel.kept import Kept, content_key
from crackflow.progress import track
from crackflow.splitting.features.local_features import Features, at_side, local_features, unpack
from crackflow.splitting.features.overlaps import AGREEMENT, agreement, overlap
from crackflow.splitting.features.visual_words import Candidate, Words, candidates, words


class SamePavement(NamedTuple):
    """Two pairs whose photographs show the same pavement."""

    one: str
    other: str
    # how many places of the one were found in the other
    places: int
    # what turns the one into the other
    turn: str
    # correlation of the grey levels of the one, laid over the other
    agreement: float


class Described(NamedTuple):
    """What is known of a photograph."""

    stem: str
    # of its content: the name of its features in what is kept
    key: str
    upright: Words
    # what its words are when it is mirrored
    mirrored: Words


@dataclass(frozen=True)
class _Describe:
    """Finds the features of a photograph, unless that has been done; it is sent to workers in other processes."""

    pairs: ResizedPairs
    kept: Kept

    def __call__(self, stem: str) -> Described:
        try:
            key = content_key(self.pairs.path(IMAGES, stem))
        except FileNotFoundError:
            self.pairs.grey(stem)  # which says what is missing
            raise
        features = self.held(key)
        if features is None:
            features = local_features(self.pairs.grey(stem))
            self.kept.put(key, features.packed())
        return Described(stem, key, words(features), words(features.mirrored()))

    def held(self, key: str) -> Features | None:
        packed = self.kept.get(key)
        return None if packed is None else unpack(packed)


class _Asked(NamedTuple):
    """Two photographs to compare, by stem and key."""

    one: str
    one_key: str
    other: str
    other_key: str
    mirrored: bool


@dataclass(frozen=True)
class _Compare:
    """Checks whether two photographs show the same; it is sent to workers in other processes."""

    describe: _Describe

    def __call__(self, asked: _Asked) -> SamePavement | None:
        left, right = self._features(asked.one, asked.one_key), self._features(asked.other, asked.other_key)
        found = overlap(left.mirrored() if asked.mirrored else left, right)
        if found is None:
            return None
        one, other = (at_side(self.describe.pairs.grey(stem)) for stem in (asked.one, asked.other))
        agreed = agreement(one[:, ::-1] if asked.mirrored else one, other, found.affine)
        if agreed < AGREEMENT:
            return None
        turn = f"{'mirrored, ' if asked.mirrored else ''}{found.words}"
        return SamePavement(asked.one, asked.other, found.matches, turn, round(agreed, 2))

    def _features(self, stem: str, key: str) -> Features:
        held = self.describe.held(key)
        return local_features(self.describe.pairs.grey(stem)) if held is None else held


def same_pavement(
    engine: Engine, pairs: ResizedPairs, kept: Kept, groups: Mapping[str, str], times: WorkerTimes | None = None
) -> list[SamePavement]:
    """Find all pairs whose photographs show the same.

    Args:
        engine: that carries it out.
        pairs: the resized pairs.
        kept: features by content; what is there of other photographs is deleted.
        groups: by stem, what is known to belong together, and is not compared.
        times: takes the seconds of each worker.

    Returns:
        Each pair once, sorted; the same for any engine.

    Raises:
        ImageError: when a photograph can't be read.
        ShardError: as `fan_out`.
    """
    described = describe(engine, pairs, kept, list(groups), times)
    kept.keep_only({one.key for one in described})
    return compare(engine, pairs, kept, described, candidates_of(described, groups), times)


def describe(
    engine: Engine, pairs: ResizedPairs, kept: Kept, stems: Sequence[str], times: WorkerTimes | None = None
) -> list[Described]:
    """Find the features of photographs; see `same_pavement`."""
    found = fan_out(engine, _Describe(pairs, kept), stems, times=times)
    return list(track(found, "features", len(stems), unit="image"))


def candidates_of(described: Sequence[Described], groups: Mapping[str, str]) -> list[Candidate]:
    """Find which photographs may show the same, by their places in `described`; see `same_pavement`."""
    names = {name: number for number, name in enumerate(sorted(set(groups.values())))}
    numbers = np.array([names[groups[one.stem]] for one in described], np.intp)
    return candidates([one.upright for one in described], [one.mirrored for one in described], numbers)


def compare(
    engine: Engine,
    pairs: ResizedPairs,
    kept: Kept,
    described: Sequence[Described],
    among: Sequence[Candidate],
    times: WorkerTimes | None = None,
) -> list[SamePavement]:
    """Check which candidates show the same; see `same_pavement`."""
    asked = [
        _Asked(described[one].stem, described[one].key, described[other].stem, described[other].key, mirrored)
        for one, other, mirrored in among
    ]
    checked = fan_out(engine, _Compare(_Describe(pairs, kept)), asked, name=_named, times=times)
    best: dict[tuple[str, str], SamePavement] = {}
    for found in track(checked, "comparisons", len(asked), unit="pair"):
        # a symmetric crack may lie both ways
        if found:
            known = best.setdefault((found.one, found.other), found)
            best[found.one, found.other] = max(known, found, key=lambda one: one.places)
    return [best[pair] for pair in sorted(best)]


def _named(asked: _Asked) -> str:
    return f"{asked.one} and {asked.other}"
