"""Which photographs may show the same pavement: those whose local features have many words in common, turned alike.

A descriptor's word is the pair of code words that are nearest to its two halves (the inverted multi-index of Babenko
and Lempitsky, CVPR 2012). A photograph votes for those that have its words. As in Jegou, Douze and Schmid (ECCV 2008),
votes count together only where the features are turned by about the same angle, since a photograph is turned as a
whole. The code words are those of noise, so that a photograph's words do not depend on the rest of the set.
"""

import functools
from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from crackflow.parallel.engine import fan_out
from crackflow.parallel.threads import Threads
from crackflow.progress import track
from crackflow.splitting.features.local_features import SIDE, Features, local_features

CANDIDATES = 10
"""Photographs that are compared with one, those with most votes."""

_CODE_WORDS = 1024
_NOISES = 16
_HALF = 64
_ANGLES = 12
# Photographs that ask at once: at most so many, and so many that their votes take 32 MiB.
_CHUNK = 16
_VOTES = 2**22


class Words(NamedTuple):
    """What is known of a photograph's features to find others like it.

    Attributes:
        words: int32 (N, 4), the nearest word first, 0 <= word < 1024**2.
        angles: uint8 (N,), the twelfth of a circle that the feature points to.
    """

    words: NDArray[np.int32]
    angles: NDArray[np.uint8]


class Candidate(NamedTuple):
    """Two photographs to compare, by their places; `one` is the smaller."""

    one: int
    other: int
    mirrored: bool


def words(features: Features) -> Words:
    """Find the words of a photograph's features."""
    descriptors, angles = features.descriptors, (features.angles * _ANGLES / 360).astype(np.uint8) % _ANGLES
    if not len(descriptors):
        return Words(np.zeros((0, 4), np.int32), angles)
    nearest = [
        cv2.batchDistance(np.ascontiguousarray(half), code, cv2.CV_32S, normType=cv2.NORM_L2SQR, K=2)[1]
        for half, code in zip((descriptors[:, :_HALF], descriptors[:, _HALF:]), _code_words(), strict=True)
    ]
    both = nearest[0][:, :, None] * _CODE_WORDS + nearest[1][:, None, :]
    return Words(both.reshape(-1, 4).astype(np.int32), angles)


@functools.cache
def _code_words() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """The code words of the two halves, uint8 (1024, 64) each: descriptors of fine to coarse noise."""
    random = np.random.default_rng(0)
    waves = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE))
    waves[0, 0] = 1
    found = []
    for slope in np.linspace(0.5, 1.5, _NOISES):
        noise = np.fft.irfft2(np.fft.rfft2(random.normal(size=(SIDE, SIDE))) / waves**slope, s=(SIDE, SIDE))
        grey = 128 + 40 * (noise - noise.mean()) / noise.std()
        found.append(local_features(np.clip(grey, 0, 255).astype(np.uint8)).descriptors)
    descriptors = np.concatenate(found)
    first, second = (random.choice(descriptors, _CODE_WORDS, replace=False) for _ in range(2))
    return np.ascontiguousarray(first[:, :_HALF]), np.ascontiguousarray(second[:, _HALF:])


def candidates(
    upright: Sequence[Words], mirrored: Sequence[Words], groups: NDArray[np.intp], count: int = CANDIDATES
) -> list[Candidate]:
    """Find the photographs that may show the same.

    Args:
        upright: words of each photograph.
        mirrored: words of each photograph when it is mirrored.
        groups: (N,) photographs of one group are known to belong together, and are not compared.
        count: how many are found for each photograph, at most.

    Returns:
        Sorted, each pair once for each way it may lie.
    """
    if len(upright) < 2:
        return []
    index = _Index.of(upright)
    chunk = max(1, min(_CHUNK, _VOTES // (_ANGLES * len(upright))))

    def below(start: int) -> list[Candidate]:
        rows = range(start, min(start + chunk, len(upright)))
        votes = np.array([index.votes([of[row] for row in rows]) for of in (upright, mirrored)])
        flipped, best = votes.argmax(axis=0), votes.max(axis=0)
        best[groups[list(rows)][:, None] == groups] = 0
        top = np.argpartition(-best, min(count, len(upright)) - 1, axis=1)[:, :count]
        return [
            Candidate(min(row, other), max(row, other), bool(flipped[place, other]))
            for place, row in enumerate(rows)
            for other in top[place].tolist()
            if best[place, other] > 0
        ]

    # threads share the index, and NumPy lets go of the interpreter for a part of the work
    starts = range(0, len(upright), chunk)
    return sorted(
        set(chain.from_iterable(track(fan_out(Threads(), below, starts), "votes", len(starts), unit="batch")))
    )


class _Index(NamedTuple):
    """Which photographs have a word, and in which direction.

    Attributes:
        starts: (1024**2 + 1,) where the entries of a word start.
        images, angles: of each entry.
        weights: (1024**2,) of a word: the rarer, the more.
        norms: (N,) root of the sum of the squared weights of a photograph's words.
    """

    starts: NDArray[np.int64]
    images: NDArray[np.int64]
    angles: NDArray[np.int64]
    weights: NDArray[np.float64]
    norms: NDArray[np.float64]

    @classmethod
    def of(cls, all_words: Sequence[Words]) -> "_Index":
        images = np.repeat(np.arange(len(all_words)), [len(one.words) for one in all_words])
        found = np.concatenate([one.words[:, 0] for one in all_words]).astype(np.int64)
        angles = np.concatenate([one.angles for one in all_words]).astype(np.int64)
        # a regular texture has one word many times; it counts once in each direction
        entries = np.unique((found * len(all_words) + images) * _ANGLES + angles)
        entries, angles = np.divmod(entries, _ANGLES)
        found, images = np.divmod(entries, len(all_words))
        first = np.unique(entries) // len(all_words)
        spread = np.bincount(first, minlength=_CODE_WORDS**2)
        weights = np.log(np.maximum(len(all_words) / np.maximum(spread, 1), 1))
        norms = np.sqrt(np.bincount(images, weights[found] ** 2, minlength=len(all_words)))
        # of few features one alike by chance would count too much
        norms = np.maximum(norms, max(float(np.median(norms)), 1e-9))
        starts = np.searchsorted(found, np.arange(_CODE_WORDS**2 + 1))
        return cls(starts, images, angles, weights, norms)

    def votes(self, asking: Sequence[Words]) -> NDArray[np.float64]:
        """Votes (Q, N) of photographs for all others, in the turn that has most of them."""
        shape = (len(asking), _ANGLES, len(self.norms))
        asker = np.repeat(np.arange(len(asking)), [one.words.size for one in asking])
        found = np.concatenate([one.words.reshape(-1) for one in asking]).astype(np.int64)
        angle = np.concatenate([np.repeat(one.angles, one.words.shape[1]) for one in asking]).astype(np.int64)
        asker, rest = np.divmod(np.unique((asker * _CODE_WORDS**2 + found) * _ANGLES + angle), _CODE_WORDS**2 * _ANGLES)
        found, angle = np.divmod(rest, _ANGLES)
        lengths = self.starts[found + 1] - self.starts[found]
        # entry numbers start, start + 1, ... of one word after the other
        entries = np.arange(lengths.sum()) + np.repeat(self.starts[found] - np.cumsum(lengths) + lengths, lengths)
        turn = (self.angles[entries] - np.repeat(angle, lengths)) % _ANGLES
        cell = (np.repeat(asker, lengths) * _ANGLES + turn) * shape[2] + self.images[entries]
        weight = np.repeat(self.weights[found] ** 2, lengths) / self.norms[self.images[entries]]
        counted = np.bincount(cell, weight, minlength=int(np.prod(shape))).reshape(shape)
        # a turn between two twelfths has its votes in both
        best: NDArray[np.float64] = (counted + np.roll(counted, -1, axis=1)).max(axis=1)
        return best
