"""Whether a model gives the same on two runtimes."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from crackflow.errors import ModelError
from crackflow.inference.network import Images, Network, predict
from crackflow.inference.operating_point import crack_probability

# Beyond these a conversion is rejected. In float32 the runtimes differ by some 1e-6; in bfloat16, which is too coarse,
# by some 1e-2.
MOST_DIFFERENCE = 1e-3
MOST_CHANGED = 1e-3


@dataclass(frozen=True)
class Parity:
    """How far two runtimes agree.

    Attributes:
        pictures: how many were compared.
        largest, mean: difference of a pixel's crack probability.
        marked: pixels that either calls crack at the threshold.
        changed: those of them that the other does not.
    """

    pictures: int
    largest: float
    mean: float
    marked: int
    changed: int

    @property
    def changed_share(self) -> float:
        """Changed pixels as a share of the marked ones; 0 where none is marked."""
        return self.changed / self.marked if self.marked else 0.0

    def words(self) -> str:
        """Say it in one line."""
        return (
            f"{self.pictures} pictures; difference of probability: largest {self.largest:.1e}, mean {self.mean:.1e}; "
            f"mask pixels that change: {self.changed} of {self.marked} ({100 * self.changed_share:.3f} %)"
        )

    def check(self, name: str) -> None:
        """Reject a conversion that does not agree.

        Args:
            name: of the runtime, for the message.

        Raises:
            ModelError: when a bound is exceeded.
        """
        if not (self.largest <= MOST_DIFFERENCE and self.changed_share <= MOST_CHANGED):
            raise ModelError(
                f"{name} does not agree with Keras ({self.words()}), expected at most {MOST_DIFFERENCE:g} and "
                f"{100 * MOST_CHANGED:g} %; predict with --runtime keras, and report this"
            )


def compare(one: Network, other: Network, pictures: Iterable[Images], threshold: float) -> Parity:
    """Compare two runtimes on pictures.

    Args:
        one: the model on the first.
        other: the model on the second.
        pictures: each uint8 RGB (H, W, 3) of the model's size; at least one.
        threshold: 0..1; a pixel is marked above it.

    Returns:
        How far they agree.
    """
    number = marked = changed = 0
    largest = total = 0.0
    for picture in pictures:
        first, second = (crack_probability(predict(network, picture[None])[0]) for network in (one, other))
        difference = np.abs(first.astype(np.float64) - second)
        masks = first > threshold, second > threshold
        largest, total = max(largest, float(difference.max())), total + float(difference.mean())
        marked += int(np.count_nonzero(masks[0] | masks[1]))
        changed += int(np.count_nonzero(masks[0] ^ masks[1]))
        number += 1
    return Parity(number, largest, total / number, marked, changed)
