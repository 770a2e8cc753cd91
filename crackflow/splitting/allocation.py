"""Deal whole groups out to subsets so that every source, and all together, come near to the shares.

First greedily, the largest group first, each to the subset where it adds least to the squared error of the counts per
stratum and in total, divided by the share asked for. Dividing by the share deals photographs with many crops to all
subsets alike; without it a group of train has twice the pairs of one of test. Of several attempts, in which groups of
equal size come in another order, the nearest is kept. Where that leaves a source further off than its groups require,
groups change places at random as long as that makes nothing worse.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

OVERALL = 0.01
"""How far the shares of all pairs may be off."""

BY_SOURCE = 0.05
"""How far the shares of one source may be off where its groups allow it."""

Counts = NDArray[np.float64]
Places = NDArray[np.intp]

_ATTEMPTS = 16
# How much the total counts beside one stratum, in turn: small sets need much of it, large ones fit better with little.
_TOTAL_WEIGHTS = (0.3, 1.0)
# Changes without a gain before it is given up. Of 60 made sets with 452 sources, of which greed left 37 off without
# need, that mended all but one.
_PATIENCE = 2000
_GAIN = 1e-9
_GROUPS_AT_ONCE = 4
_OF_THE_SOURCE = 0.7
# Beside one source; the total comes first.
_TOTAL_FIRST = 20.0
# `nearest` keeps a bit for each way to divide so many pairs, and goes over all of them once a group.
_EXACT_UP_TO = 2000


def deal(
    counts: Counts, sources: int, shares: Sequence[float], seed: int, dealt: Counts, filled: Sequence[bool]
) -> Places:
    """Choose a subset for each group.

    Args:
        counts: float64 (G, S), how many pairs of a group are in each stratum. The first `sources` strata hold each pair
            once; further ones hold parts of them.
        sources: how many of the strata must come near to the shares.
        shares: (K,) share of each subset, adding to 1.
        seed: decides between groups of equal size; not negative.
        dealt: float64 (K, S), pairs that have their subset already and count to the shares.
        filled: (K,) whether a subset may stay without a group; the others get one at least.

    Returns:
        (G,) subset of each group, 0 to K - 1. All pairs together are within `OVERALL` of the shares and each source
        within `BY_SOURCE`, or as near as its groups allow, where that is found; the total goes before a source.
    """
    wanted = np.array(shares)
    off = _Off(counts[:, :sources], wanted, dealt[:, :sources])
    attempts = [
        _attempt(
            _with_total(counts, sources, _TOTAL_WEIGHTS[attempt % len(_TOTAL_WEIGHTS)]),
            _with_total(dealt, sources, _TOTAL_WEIGHTS[attempt % len(_TOTAL_WEIGHTS)]),
            wanted,
            np.array(filled),
            np.random.default_rng([seed, attempt]),
        )
        for attempt in range(_ATTEMPTS)
    ]
    best = min(attempts, key=off.rank)
    return _mend(best, off, np.array(filled), np.random.default_rng([seed, _ATTEMPTS]))


def nearest(sizes: Sequence[int], shares: Sequence[float], dealt: Sequence[int] = ()) -> float | None:
    """Say how near to the shares a source can come with its groups whole.

    All ways to divide the groups are followed at once: a bit stands for the pairs that each subset but the last has.

    Args:
        sizes: pairs by group.
        shares: (K,) share of each subset, adding to 1.
        dealt: (K,) pairs that have their subset already; none when left out.

    Returns:
        The least possible value of the largest difference between a subset's share and the one asked for, 0..1; None
        where that takes too long to find out, above 2,000 pairs.
    """
    dealt = tuple(dealt) or (0,) * len(shares)
    total = sum(sizes) + sum(dealt)
    if not 0 < total <= _EXACT_UP_TO:
        return None
    strides = [(total + 1) ** place for place in range(len(shares) - 1)]
    reached = 1 << sum(count * stride for count, stride in zip(dealt, strides, strict=False))
    for size in sizes:
        further = reached
        for stride in strides:
            further |= reached << size * stride
        reached = further
    bits = np.frombuffer(reached.to_bytes(reached.bit_length() // 8 + 1, "little"), np.uint8)
    ways = np.flatnonzero(np.unpackbits(bits, bitorder="little"))
    got = np.array([ways // stride % (total + 1) for stride in strides])
    got = np.vstack([got, total - got.sum(axis=0)])
    return float(np.abs(got / total - np.array(shares)[:, None]).max(axis=0).min())


class _Off:
    """How far a choice is off the shares, by source and in total."""

    def __init__(self, counts: Counts, shares: NDArray[np.float64], dealt: Counts) -> None:
        self.counts = _with_total(counts, counts.shape[1])
        self.dealt = _with_total(dealt, counts.shape[1])
        self.shares = shares
        # a source may have no pair left to deal
        self.total = np.maximum(self.counts.sum(axis=0) + self.dealt.sum(axis=0), 1)
        self.bounds = np.append(np.full(counts.shape[1], BY_SOURCE), OVERALL)

    def got(self, chosen: Places) -> Counts:
        """(K, sources + 1) pairs of each subset, the total last."""
        return np.array([self.counts[chosen == subset].sum(axis=0) for subset in range(len(self.shares))]) + self.dealt

    def by_source(self, got: Counts) -> NDArray[np.float64]:
        """(sources + 1,) the largest difference to a share."""
        largest: NDArray[np.float64] = np.abs(got / self.total - self.shares[:, None]).max(axis=0)
        return largest

    def beyond(self, got: Counts) -> NDArray[np.float64]:
        """(sources + 1,) how far the bounds are exceeded; what is no more than rounding is not."""
        over = self.by_source(got) - self.bounds
        return np.where(over > 1e-9, over, 0)

    def rank(self, chosen: Places) -> tuple[float, float, float]:
        """The total before the sources; where both are in their bounds, the squared error by source."""
        got = self.got(chosen)
        beyond = self.beyond(got)
        return (
            float(beyond[-1]),
            float(beyond[:-1].sum()),
            float(((got / self.total - self.shares[:, None]) ** 2).sum()),
        )

    def bind_to_what_groups_allow(self, got: Counts) -> None:
        """Widen bounds that can't be met; with fewer groups than subsets there is nothing to mend."""
        for place in np.flatnonzero(self.beyond(got)):
            sizes = self.counts[:, place].astype(int)
            sizes = sizes[sizes > 0]
            allowed = nearest(sizes.tolist(), self.shares.tolist(), self.dealt[:, place].astype(int).tolist())
            self.bounds[place] = 1 if len(sizes) < len(self.shares) else max(self.bounds[place], allowed or 0)


def _with_total(counts: Counts, sources: int, weight: float = 1.0) -> Counts:
    """Counts with one more stratum that holds every pair, weighed."""
    return np.column_stack([counts, np.sqrt(weight) * counts[:, :sources].sum(axis=1)])


def _attempt(
    counts: Counts,
    dealt: Counts,
    shares: NDArray[np.float64],
    filled: NDArray[np.bool_],
    random: np.random.Generator,
) -> Places:
    """Deal each group, the largest first, to the subset where the squared error over its share grows least."""
    order = random.permutation(len(counts))
    order = order[np.argsort(-counts[order, -1], kind="stable")]
    missing = shares[:, None] * (counts.sum(axis=0) + dealt.sum(axis=0)) - dealt
    chosen = np.zeros(len(counts), dtype=np.intp)
    filled = filled.copy()
    for place, group in enumerate(order):
        growth = (counts[group] * (counts[group] - 2 * missing)).sum(axis=1) / shares
        if len(order) - place <= np.count_nonzero(~filled):
            growth[filled] = np.inf
        chosen[group] = np.argmin(growth)
        filled[chosen[group]] = True
        missing[chosen[group]] -= counts[group]
    return chosen


def _mend(chosen: Places, off: _Off, filled: NDArray[np.bool_], random: np.random.Generator) -> Places:
    """Let up to four groups at a time change places while a source, or the total, is off without need."""
    got = off.got(chosen)
    off.bind_to_what_groups_allow(got)
    weights = np.append(np.ones(len(off.bounds) - 1), _TOTAL_FIRST)
    members = [np.flatnonzero(column) for column in off.counts.T]
    beyond = off.beyond(got)
    held = np.bincount(chosen, minlength=len(off.shares))
    kept = 0
    while beyond.any() and kept < _PATIENCE:
        kept += 1
        concerned = members[np.flatnonzero(beyond)[random.integers(np.count_nonzero(beyond))]]
        new, number, changed = got.copy(), held.copy(), {}
        for near in random.random(random.integers(1, _GROUPS_AT_ONCE + 1)) < _OF_THE_SOURCE:
            group = int(concerned[random.integers(len(concerned))] if near else random.integers(len(chosen)))
            if group in changed:
                continue
            before = chosen[group]
            after = changed[group] = (before + random.integers(1, len(off.shares))) % len(off.shares)
            new[before] -= off.counts[group]
            new[after] += off.counts[group]
            number[before] -= 1
            number[after] += 1
        then = off.beyond(new)
        gain = weights @ (beyond - then)
        if gain >= 0 and (filled | (number > 0)).all():
            for group, subset in changed.items():
                chosen[group] = subset
            got, beyond, held = new, then, number
            kept = 0 if gain > _GAIN else kept
    return chosen
