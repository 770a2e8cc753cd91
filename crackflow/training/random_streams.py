"""Random numbers that follow from (seed, purpose, place) alone, so that no two purposes ever share a stream.

NumPy fills a short seed with zeros: (seed, epoch, batch) and (seed, 1, turn) would be one stream where the numbers
happen to agree. The purpose, in second place, keeps them apart.
"""

from enum import IntEnum

import numpy as np
import numpy.typing as npt


class Purpose(IntEnum):
    """What random numbers are drawn for. A number is never used again for another purpose."""

    CROPS = 1
    ORDER = 2
    DROPOUT = 3


def generator(seed: int, purpose: Purpose, *place: int) -> np.random.Generator:
    """A generator for one purpose at one place, for instance an epoch and a batch.

    Args:
        seed: of the training, 0 or more.
        purpose: what the numbers are for.
        place: one or two numbers of 0 or more; always as many for one purpose.
    """
    return np.random.default_rng([seed, purpose, *place])


def state(seed: int, purpose: Purpose, *place: int) -> npt.NDArray[np.uint32]:
    """Two words for a generator that is not NumPy's, by the same rule as `generator`.

    Returns:
        uint32 of shape (2,).
    """
    return np.random.SeedSequence([seed, purpose, *place]).generate_state(2).astype(np.uint32)
