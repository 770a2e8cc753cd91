"""How far an assignment is off the shares asked for, by source and in total, and how near whole groups can come."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OVERALL = 0.01
"""How far the shares of all pairs may be off."""

BY_SOURCE = 0.05
"""How far the shares of one source may be off where its groups allow it."""

Counts = NDArray[np.float64]
Places = NDArray[np.intp]

_ROUNDING = 1e-9
# `least_difference` keeps a bit for each way to divide so many pairs, and goes over all of them once a group.
_EXACT_UP_TO = 2000


def least_difference(sizes: Sequence[int], shares: Sequence[float], assigned: Sequence[int] = ()) -> float | None:
    """Calculate how near to the shares a source can come with its groups whole.

    This is a subset-sum search over all divisions at once. Each bit of one large integer stands for a division, by the
    numbers of pairs in all subsets but the last.

    Args:
        sizes: pairs by group.
        shares: (K,) share of each subset, adding to 1.
        assigned: (K,) pairs that have their subset already; none when left out.

    Returns:
        The least possible value of the largest difference between a subset's share and the one asked for, 0..1; None
        where that takes too long to find out, above 2,000 pairs.
    """
    assigned = tuple(assigned) or (0,) * len(shares)
    total = sum(sizes) + sum(assigned)
    if not 0 < total <= _EXACT_UP_TO:
        return None
    strides = [(total + 1) ** place for place in range(len(shares) - 1)]
    reached = 1 << sum(count * stride for count, stride in zip(assigned, strides, strict=False))
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


@dataclass(frozen=True)
class Target:
    """The shares to come near to, of each source and in total, which is the last column throughout.

    Attributes:
        counts: float64 (G, sources + 1), pairs of each group.
        assigned: float64 (K, sources + 1), pairs that have their subset already.
        shares: (K,) asked for.
    """

    counts: Counts
    assigned: Counts
    shares: Counts

    def got(self, chosen: Places) -> Counts:
        """(K, sources + 1) pairs of each subset."""
        return (
            np.array([self.counts[chosen == subset].sum(axis=0) for subset in range(len(self.shares))]) + self.assigned
        )

    def off(self, got: Counts) -> Counts:
        """(K, sources + 1) differences to the shares; a source may have no pair left to assign."""
        off: Counts = got / np.maximum(got.sum(axis=0), 1) - self.shares[:, None]
        return off

    def beyond(self, got: Counts, bounds: Counts) -> Counts:
        """(sources + 1,) by how much the largest difference exceeds its bound; rounding does not count."""
        over = np.abs(self.off(got)).max(axis=0) - bounds
        return np.where(over > _ROUNDING, over, 0)

    def bounds(self) -> Counts:
        """(sources + 1,) how far the shares may be off."""
        return np.append(np.full(self.counts.shape[1] - 1, BY_SOURCE), OVERALL)

    def rank(self, chosen: Places) -> tuple[float, float, float]:
        """The total before the sources; where both are within their bounds, the squared error."""
        got = self.got(chosen)
        beyond = self.beyond(got, self.bounds())
        return float(beyond[-1]), float(beyond[:-1].sum()), float((self.off(got) ** 2).sum())
