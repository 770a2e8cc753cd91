"""What data/split.json holds: what the split is, and what it and other splits of the same pairs leak."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from crackflow.params import SplitParams
from crackflow.splitting.foreign import FOREIGN
from crackflow.splitting.grouping import SUBSETS
from crackflow.splitting.leakage import count_leaks, mean_leaks
from crackflow.splitting.near_duplicates import NearDuplicate
from crackflow.splitting.previous import Matched
from crackflow.splitting.protocols import LEAKY, Pairs, Split, split_at_random
from crackflow.splitting.shares import BY_SOURCE, least_difference

RANDOM_SPLITS = 20
"""How many random splits the figures of one are the mean of."""


def describe(
    pairs: Pairs,
    split: Split,
    previous: Matched,
    duplicates: Sequence[NearDuplicate],
    params: SplitParams,
) -> dict[str, Any]:
    """Describe a split and what it leaks.

    Args:
        pairs: all usable pairs.
        split: what was made of them.
        previous: what an earlier split says of these pairs.
        duplicates: all near-duplicates found, including pairs that were set aside.
        params: what the split was made with.

    Returns:
        Plain values for JSON. `off` is the largest difference, in percentage points, between a subset's share
        of the new pairs and the one asked for. `nearest` is the least that a source's groups allow; it is there where
        `off` is above 5 points and the source has at most 2,000 pairs. `subset_groups` says of how many groups a
        source's pairs of a subset are, and which share of them the largest has.
    """
    subsets = split.subsets
    groups = pairs.groups(subsets)
    by_name = {*params.foreign.valid, *params.foreign.test, *params.train_only}
    kept = [stem for stem in subsets if stem in previous.subsets]
    # the pairs that were assigned by the shares
    new = {s: subset for s, subset in subsets.items() if s not in previous.subsets and pairs.sources[s] not in by_name}
    return {
        "protocol": params.protocol,
        "label": LEAKY.get(params.protocol, split.note),
        "pairs": len(subsets),
        "groups": len(set(groups.values())),
        "subsets": _counts(subsets.values()) | _foreign_counts(subsets.values()),
        "shares": {"asked": params.shares.model_dump(), "off": _off(_counts(new.values()), params)},
        "groups_by_source": _by_source(pairs, subsets, new, groups, params),
        "duplicate_distance": params.duplicate_distance,
        "duplicates": [
            {
                "one": found.one,
                "other": found.other,
                "bits": found.bits,
                "turn": found.turn,
                "places": found.places,
                "same_parent": pairs.parents[found.one] == pairs.parents[found.other],
                "subsets": [subsets.get(found.one, ""), subsets.get(found.other, "")],
            }
            for found in duplicates
        ],
        "leaks": _leaks(pairs, split, params),
        "previous": {
            "earlier": previous.earlier,
            "kept": len(kept),
            "renamed": sum(stem in previous.renamed for stem in kept),
            "gone": previous.gone,
            "new": len(new),
            "new_subsets": _counts(new.values()),
        }
        if previous.earlier
        else None,
        "set_aside": [rejection._asdict() for rejection in split.set_aside],
    }


def _by_source(
    pairs: Pairs, subsets: Mapping[str, str], new: Mapping[str, str], groups: Mapping[str, str], params: SplitParams
) -> dict[str, dict[str, Any]]:
    """Each source's pairs and groups, and how near it comes to the shares."""
    with_old = {groups[stem] for stem in subsets if stem not in new}
    members: dict[str, list[str]] = {}
    for stem in subsets:
        members.setdefault(pairs.sources[stem], []).append(stem)
    found = {}
    for source, stems in sorted(members.items()):
        sizes = Counter(groups[stem] for stem in stems)
        fresh = [stem for stem in stems if stem in new]
        off = _off(_counts(new[stem] for stem in fresh), params)
        allowed = None
        if off is not None and off > 100 * BY_SOURCE:
            free = Counter(groups[stem] for stem in fresh if groups[stem] not in with_old)
            followed = _counts(new[stem] for stem in fresh if groups[stem] in with_old)
            allowed = least_difference(
                list(free.values()), list(params.shares.model_dump().values()), [followed[name] for name in SUBSETS]
            )
        where = [subsets[stem] for stem in stems]
        found[source] = {
            "pairs": len(stems),
            "groups": len(sizes),
            "largest": max(sizes.values()),
            "subsets": _counts(where) | _foreign_counts(where),
            "subset_groups": {name: _groups_in(stems, subsets, groups, name) for name in sorted(set(where))},
            "off": off,
            "nearest": None if allowed is None else round(100 * allowed, 2),
        }
    return found


def _leaks(pairs: Pairs, split: Split, params: SplitParams) -> dict[str, Any]:
    """What this split leaks, what random ones leak, and what the subsets that the pairs came with leak."""
    shares = params.shares.model_dump()
    random = [
        count_leaks(split_at_random(pairs.sources, shares, seed), pairs.parents, pairs.duplicates)
        for seed in range(RANDOM_SPLITS)
    ]
    given = {stem: subset for stem, subset in pairs.given.items() if subset}
    return {
        "this": count_leaks(split.subsets, pairs.parents, pairs.duplicates).as_dict(),
        "random": mean_leaks(random).as_dict(),
        "official": count_leaks(given, pairs.parents, pairs.duplicates).as_dict() if given else None,
    }


def _counts(subsets: Iterable[str]) -> dict[str, int]:
    counted = Counter(subsets)
    return {subset: counted[subset] for subset in SUBSETS}


def _foreign_counts(subsets: Iterable[str]) -> dict[str, int]:
    """Pairs of each foreign subset that there is."""
    counted = Counter(subsets)
    return {subset: counted[subset] for subset in FOREIGN if counted[subset]}


def _groups_in(
    stems: Sequence[str], subsets: Mapping[str, str], groups: Mapping[str, str], subset: str
) -> dict[str, Any]:
    """How many groups these pairs of a subset are of, and the largest one's share of them, 0..1."""
    sizes = Counter(groups[stem] for stem in stems if subsets[stem] == subset)
    return {"groups": len(sizes), "largest_share": round(max(sizes.values()) / sizes.total(), 4)}


def _off(counts: Mapping[str, int], params: SplitParams) -> float | None:
    """Largest difference to a share, in points; None without a pair."""
    total = sum(counts.values())
    shares = params.shares.model_dump()
    return round(100 * max(abs(counts[name] / total - shares[name]) for name in SUBSETS), 2) if total else None
