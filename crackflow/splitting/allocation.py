"""Assign whole groups to subsets so that every source, and all pairs together, come near to the shares.

The largest group goes first. Each goes to the subset where it adds least to the squared error of the counts per stratum
and in total, divided by the share asked for. Dividing by the share spreads photographs with many crops over all subsets
alike; without it a group of train has twice the pairs of one of test. Of several attempts, in which groups of equal
size come in another order, the nearest is kept.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from crackflow.splitting.shares import Counts, Places, Target

Flags = NDArray[np.bool_]

_ATTEMPTS = 16
# How much the total counts beside one stratum, in turn: small sets need much of it, large ones fit better with little.
_TOTAL_WEIGHTS = (0.3, 1.0)


class Need(NamedTuple):
    """What each subset must have one group of.

    Attributes:
        groups: bool (G,), which groups are of the kind that is needed.
        met: bool (K,), which subsets have one already, or may stay without.
    """

    groups: Flags
    met: Flags


def assign_groups(
    counts: Counts,
    sources: int,
    shares: Sequence[float],
    seed: int,
    assigned: Counts,
    needs: Sequence[Need],
    avoided: Flags | None = None,
) -> Places:
    """Choose a subset for each group.

    Args:
        counts: float64 (G, S), how many pairs of a group are in each stratum. The first `sources` strata hold each pair
            once; further ones hold parts of them.
        sources: how many of the strata must come near to the shares.
        shares: (K,) share of each subset, adding to 1.
        seed: decides between groups of equal size; not negative.
        assigned: float64 (K, S), pairs that have their subset already and count to the shares.
        needs: are met before the shares, as far as there are groups for them.
        avoided: bool (G, K), where a group goes only if a need leaves no other subset; None avoids none.

    Returns:
        (G,) subset of each group, 0 to K - 1. All pairs together are within `OVERALL` of the shares and each source
        within `BY_SOURCE` (both of crackflow.splitting.shares), or as near as its groups allow, where that is found;
        the total goes before a source.
    """
    wanted = np.array(shares)
    attempts = []
    kept_from = np.zeros((len(counts), len(wanted)), bool) if avoided is None else avoided
    for attempt in range(_ATTEMPTS):
        weight = _TOTAL_WEIGHTS[attempt % len(_TOTAL_WEIGHTS)]
        strata, taken = _with_total(counts, sources, weight), _with_total(assigned, sources, weight)
        attempts.append(_attempt(strata, taken, wanted, needs, kept_from, np.random.default_rng([seed, attempt])))
    target = Target(_with_total(counts[:, :sources], sources), _with_total(assigned[:, :sources], sources), wanted)
    return min(attempts, key=target.rank)


def _with_total(counts: Counts, sources: int, weight: float = 1.0) -> Counts:
    """Counts with one more stratum that holds every pair, weighed."""
    return np.column_stack([counts, np.sqrt(weight) * counts[:, :sources].sum(axis=1)])


def _attempt(
    counts: Counts,
    assigned: Counts,
    shares: Counts,
    needs: Sequence[Need],
    avoided: Flags,
    random: np.random.Generator,
) -> Places:
    """Assign each group, the largest first, to the subset where the squared error over its share grows least."""
    order = random.permutation(len(counts))
    order = order[np.argsort(-counts[order, -1], kind="stable")]
    missing = shares[:, None] * (counts.sum(axis=0) + assigned.sum(axis=0)) - assigned
    chosen = np.zeros(len(counts), dtype=np.intp)
    left = [np.count_nonzero(need.groups) for need in needs]
    met = [need.met.copy() for need in needs]
    for group in order:
        growth = (counts[group] * (counts[group] - 2 * missing)).sum(axis=1) / shares
        concerned = [place for place, need in enumerate(needs) if need.groups[group]]
        for place in concerned:
            if left[place] <= np.count_nonzero(~met[place]):
                growth[met[place]] = np.inf
            left[place] -= 1
        elsewhere = np.where(avoided[group], np.inf, growth)
        chosen[group] = np.argmin(elsewhere if np.isfinite(elsewhere).any() else growth)
        for place in concerned:
            met[place][chosen[group]] = True
        missing[chosen[group]] -= counts[group]
    return chosen
