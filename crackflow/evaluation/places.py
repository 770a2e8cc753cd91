"""Judge a choice on two kinds of places at once: known ones (valid) and ones never seen (foreign_valid)."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from crackflow.evaluation.metrics import Counts, Figures


@dataclass(frozen=True)
class Places:
    """Which images are of places never seen.

    Attributes:
        foreign: bool (N,).
        weight: 0..1, how much the foreign ones count, and the others the rest.
    """

    foreign: NDArray[np.bool_]
    weight: float

    def mean(self, figure: Callable[[Counts], Figures], at: Counts) -> Figures:
        """Average a figure over both kinds of places.

        Args:
            figure: computes it from counts of shape (N, K), to (K,).
            at: counts of shape (N, K), of all images.

        Returns:
            float64 (K,): the weighted mean of the figure of either kind. Where it is undefined on one of them, or there
            is but one, it is that of the other.
        """
        if self.foreign.all() or not self.foreign.any():
            return figure(at)
        home, abroad = figure(at.select(~self.foreign)), figure(at.select(self.foreign))
        both = (1 - self.weight) * home + self.weight * abroad
        return np.asarray(np.where(np.isnan(home), abroad, np.where(np.isnan(abroad), home, both)))


EVERY = Places(np.zeros(0, bool), 0.0)
"""Images of one kind."""
