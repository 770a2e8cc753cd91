"""Keep one photograph from being most of a source's valid or test pairs: crops of it are hardly more than one look."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from crackflow.splitting.shares import Counts


def too_large(
    counts: Counts, assigned: Counts, shares: Sequence[float], held_back: Sequence[bool], limit: float
) -> NDArray[np.bool_]:
    """Find the subsets that a group is too large for.

    A group is too large for a subset where it would be more than `limit` of a source's pairs in it, if the source came
    to its share there. That does not count for a source whose small groups are too few to fill what is held back.

    Args:
        counts: float64 (G, S), pairs of each group by source.
        assigned: float64 (K, S), pairs that have their subset already.
        shares: (K,) share of each subset, adding to 1.
        held_back: (K,) which subsets are not trained on; the others take any group.
        limit: 0..1; 1 finds nothing.

    Returns:
        bool (G, K).
    """
    found = np.zeros((len(counts), len(shares)), bool)
    if limit >= 1:
        return found
    expected = np.outer(shares, counts.sum(axis=0) + assigned.sum(axis=0))
    missing = np.maximum(expected - assigned, 0)
    for subset in np.flatnonzero(held_back):
        large = counts > limit * expected[subset]
        small = np.where(large, 0, counts).sum(axis=0)
        # the small groups of the smallest subset fit the larger ones too, and must do for all that are held back
        others = [other for other in np.flatnonzero(held_back) if expected[other].sum() <= expected[subset].sum()]
        enough = small >= missing[others].sum(axis=0)
        found[:, subset] = (large & enough).any(axis=1)
    return found
