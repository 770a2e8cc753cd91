"""The ways to split: grouped, which leaks nothing, and those of other work, to compare figures with.

All are pure functions of the pairs, the seed and the parameters. The order of the pairs does not matter.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from crackflow.errors import DataError
from crackflow.params import SplitParams
from crackflow.rejections import Rejection
from crackflow.splitting.foreign import divide
from crackflow.splitting.grouping import SUBSETS, assign_subsets, group_pairs
from crackflow.splitting.incremental import join_previous
from crackflow.splitting.leakage import count_leaks

LEAKY = {
    "official": "leaky: the subsets that the data came with",
    "random": "leaky: by pair at random, as the original",
}
"""Protocols that may put one photograph into two subsets, and what to call them."""


@dataclass(frozen=True)
class Pairs:
    """What is known of the pairs, each by stem.

    Attributes:
        sources: where the pair comes from.
        parents: the photograph that it was cut from.
        empty: whether it has no crack.
        given: the subset that it came with; "" where it came with none.
        duplicates: pairs of stems that are near-duplicates.
    """

    sources: Mapping[str, str]
    parents: Mapping[str, str]
    empty: Mapping[str, bool]
    given: Mapping[str, str]
    duplicates: tuple[tuple[str, str], ...]

    def groups(self, stems: Mapping[str, object]) -> dict[str, str]:
        """Group by stem of some of the pairs, joined by their own parents and near-duplicates only."""
        joined = [pair for pair in self.duplicates if pair[0] in stems and pair[1] in stems]
        return group_pairs({stem: self.parents[stem] for stem in stems}, joined)

    def only(self, stems: Iterable[str]) -> "Pairs":
        """Some of the pairs, and nothing of the others."""
        wanted = set(stems)
        return Pairs(
            {stem: self.sources[stem] for stem in wanted},
            {stem: self.parents[stem] for stem in wanted},
            {stem: self.empty[stem] for stem in wanted},
            {stem: self.given[stem] for stem in wanted},
            tuple(pair for pair in self.duplicates if wanted.issuperset(pair)),
        )


@dataclass(frozen=True)
class Split:
    """Subset by stem, the pairs that got none, and what is to be said of how it came about."""

    subsets: dict[str, str]
    set_aside: tuple[Rejection, ...] = ()
    note: str = ""


def split_pairs(pairs: Pairs, previous: Mapping[str, str], params: SplitParams) -> Split:
    """Split by the protocol that `params` names.

    Args:
        pairs: all usable pairs.
        previous: subset by stem of an earlier split; what `split.previous` holds.
        params: protocol, seed and shares are read.

    Returns:
        The split, in the order of the stems.

    Raises:
        DataError: when the protocol needs what is not there (subsets given, an earlier split), can't use what is
            there, or leaves a subset empty or without cracks; or when a foreign source is none of these pairs'.
    """
    if params.protocol in LEAKY and previous:
        raise DataError(
            f"split.protocol {params.protocol} does not keep an earlier split, but split.previous {params.previous} "
            f"holds {len(previous)} pairs; set split.previous to data/previous.csv, or split.protocol to grouped"
        )
    by_source = divide(pairs.sources, pairs.groups, params)
    home = pairs.only(by_source.home)
    by_protocol = {"grouped": _grouped, "auto": _auto, "official": _official, "file": _from_file, "random": _random}
    split = by_protocol[params.protocol](home, previous, params)
    split = Split(split.subsets | by_source.subsets, split.set_aside + by_source.set_aside, split.note)
    empty = [subset for subset in SUBSETS if subset not in split.subsets.values()]
    if empty:
        raise DataError(
            f"split.protocol {params.protocol} leaves {' and '.join(empty)} without a pair; "
            "add pairs, or use split.protocol grouped"
        )
    _check_cracks(split.subsets, pairs, params)
    return Split(dict(sorted(split.subsets.items())), split.set_aside, split.note)


def _check_cracks(subsets: Mapping[str, str], pairs: Pairs, params: SplitParams) -> None:
    """Stop before hours of training that evaluation could not make use of.

    Raises:
        DataError: when a subset has no pair with cracks.
    """
    cracked = [stem for stem in subsets if not pairs.empty[stem]]
    without = [subset for subset in SUBSETS if subset not in {subsets[stem] for stem in cracked}]
    if without:
        photographs = len(set(pairs.groups(dict.fromkeys(cracked)).values()))
        advice = "" if params.protocol in ("grouped", "auto") else ", or use split.protocol grouped"
        raise DataError(
            f"split.protocol {params.protocol} leaves {' and '.join(without)} without a pair that has cracks: "
            f"{len(cracked)} of {len(subsets)} pairs have any, from {photographs} photographs; expected at least one "
            f"photograph with cracks for each of {', '.join(SUBSETS)}: add photographs{advice}"
        )


def split_at_random(stems: Mapping[str, object], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Split pair by pair, whatever belongs together: what the original experiment did.

    Args:
        stems: the pairs.
        shares: share of the pairs by subset, adding to 1.
        seed: decides; not negative.

    Returns:
        Subset by stem, of counts that are the shares rounded.
    """
    order = np.random.default_rng(seed).permutation(sorted(stems)).tolist()
    ends = np.round(np.cumsum(list(shares.values())) * len(order)).astype(int)
    places = np.searchsorted(ends, np.arange(len(order)), side="right")
    return {stem: list(shares)[place] for stem, place in zip(order, places, strict=True)}


def _random(pairs: Pairs, _: Mapping[str, str], params: SplitParams) -> Split:
    """By pair at random."""
    return Split(split_at_random(pairs.sources, params.shares.model_dump(), params.seed))


def _grouped(pairs: Pairs, previous: Mapping[str, str], params: SplitParams) -> Split:
    """By whole groups; old pairs keep their subset, and the shares are those of the new ones."""
    # what was foreign is now assigned as if it were new
    previous = {stem: subset for stem, subset in previous.items() if subset in SUBSETS}
    joined = join_previous(pairs.parents, pairs.duplicates, previous)
    followed = {stem: subset for stem, subset in joined.subsets.items() if stem not in previous}
    assigned = assign_subsets(
        joined.free,
        pairs.sources,
        pairs.empty,
        params.shares.model_dump(),
        params.seed,
        followed,
        {stem: subset for stem, subset in joined.subsets.items() if stem in previous},
        group_share=params.group_share,
    )
    return Split(joined.subsets | assigned, joined.set_aside)


def _auto(pairs: Pairs, previous: Mapping[str, str], params: SplitParams) -> Split:
    """As given where that leaks nothing and each subset has cracks; else by whole groups."""
    if not any(pairs.given.values()):
        return _grouped(pairs, previous, params)
    if previous or not all(pairs.given.values()):
        why = "an earlier split is kept" if previous else "some of the pairs came without subsets"
        return replace(_grouped(pairs, previous, params), note=f"assigned anew: {why}")
    given = _official(pairs, previous, params)
    leaks = count_leaks(given.subsets, pairs.parents, pairs.duplicates)
    cracked = {subset for stem, subset in given.subsets.items() if not pairs.empty[stem]}
    if leaks.parents_across or leaks.duplicates_across:
        why = (
            f"{leaks.test_leaked} of {leaks.test_pairs} test pairs leak as given; {leaks.parents_across} photographs "
            f"and {leaks.duplicates_across} near-duplicates are in several subsets"
        )
    elif missing := [subset for subset in SUBSETS if subset not in cracked]:
        why = f"{' and '.join(missing)} had no cracks as given"
    else:
        return replace(given, note="as given, which leaks nothing")
    return replace(_grouped(pairs, previous, params), note=f"assigned anew: {why}")


def _official(pairs: Pairs, _: Mapping[str, str], params: SplitParams) -> Split:
    """As given; where no pair is given to valid, valid is taken out of train by groups."""
    given = {stem: subset for stem, subset in pairs.given.items() if subset}
    if not given:
        raise DataError(
            "split.protocol official needs pairs that came in train/ and test/, but none of "
            f"{len(pairs.given)} did; use split.protocol grouped"
        )
    aside = tuple(
        Rejection(stem, "came without a subset, which split.protocol official needs")
        for stem in sorted(pairs.given)
        if stem not in given
    )
    train = {stem: subset for stem, subset in given.items() if subset == "train"}
    if train and "valid" not in given.values():
        whole = params.shares.train + params.shares.valid
        shares = {"train": params.shares.train / whole, "valid": params.shares.valid / whole}
        given |= assign_subsets(
            pairs.groups(train), pairs.sources, pairs.empty, shares, params.seed, group_share=params.group_share
        )
    return Split(given, aside)


def _from_file(pairs: Pairs, previous: Mapping[str, str], params: SplitParams) -> Split:
    """Exactly as split.previous says."""
    if not previous:
        raise DataError(
            f"split.protocol file needs an earlier split, but split.previous {params.previous} holds none of these "
            f"{len(pairs.sources)} pairs; "
            "name a CSV with the columns stem,subset"
        )
    aside = tuple(
        Rejection(stem, "is not in split.previous, which split.protocol file follows")
        for stem in sorted(pairs.sources)
        if stem not in previous
    )
    return Split({stem: previous[stem] for stem in pairs.sources if stem in previous}, aside)
