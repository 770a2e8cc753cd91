"""Predict resized pairs batch by batch; each worker makes of a prediction what is to be kept."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np
import pandas as pd

from crackflow.imaging.pairs import ResizedPairs
from crackflow.inference.components import ClassMask
from crackflow.inference.network import Network, predict, predict_views
from crackflow.inference.operating_point import Probabilities
from crackflow.parallel.engine import Engine, fan_out
from crackflow.parallel.threads import Threads
from crackflow.progress import track

Made = TypeVar("Made")
_Names = tuple[str, str, str]
"""stem, source, group"""


class Prediction(NamedTuple):
    """What a model predicts for one pair, beside its truth."""

    stem: str
    source: str
    group: str
    probabilities: dict[bool, Probabilities]
    """float32 (H, W, C), by whether they are averaged over flips"""
    truth: ClassMask


class Workers(NamedTuple):
    """Who predicts.

    Attributes:
        engine: that carries it out.
        network: gives each worker its network. Where workers are processes, it is known by its module's name, and keeps
            what it has loaded.
    """

    engine: Engine
    network: Callable[[], Network]


def in_this_process(model: Network) -> Workers:
    """One batch after the other: a network uses all cores by itself."""
    return Workers(Threads(1), lambda: model)


def each_prediction(
    workers: Workers,
    pairs: ResizedPairs,
    rows: pd.DataFrame,
    flips: Sequence[bool],
    batch_size: int,
    make: Callable[[Prediction], Made],
) -> Iterator[Made]:
    """Predict pairs in batches, and call `make` with each prediction where it was made.

    Args:
        workers: who predicts. A worker holds one batch in memory at a time.
        pairs: the resized pairs.
        rows: of split.csv, at least one: stem, source, group and subset are read.
        flips: for which probabilities are wanted: False as the image is, True averaged over flips.
        batch_size: images in a batch. Probabilities may depend on it in their last bits, and on nothing else here.
        make: what is wanted of a prediction; sent to the workers.

    Yields:
        What `make` gives for each row, in their order.

    Raises:
        ImageError: when a pair can't be read.
        ModelError: when the model does not fit.
        ShardError: when workers died.
    """
    named: list[_Names] = [*zip(rows["stem"], rows["source"], rows["group"], strict=True)]
    batches = [named[start : start + batch_size] for start in range(0, len(named), batch_size)]
    work = _Work(workers.network, pairs, tuple(flips), make)
    found = fan_out(workers.engine, work, batches, name=lambda batch: ", ".join(row[0] for row in batch))
    for made in track(found, f"evaluate: {rows['subset'].iloc[0]}", len(batches), unit="batch"):
        yield from made


@dataclass(frozen=True)
class _Work(Generic[Made]):
    """What a worker does with one batch."""

    network: Callable[[], Network]
    pairs: ResizedPairs
    flips: tuple[bool, ...]
    make: Callable[[Prediction], Made]

    def __call__(self, batch: Sequence[_Names]) -> list[Made]:
        read, truths = zip(*(self.pairs.pair(stem) for stem, _, _ in batch), strict=True)
        images, model = np.stack(read), self.network()
        if any(self.flips):
            found = dict(zip((False, True), predict_views(model, images), strict=True))
        else:
            found = {False: predict(model, images)}
        return [
            self.make(Prediction(stem, source, group, {one: found[one][index] for one in self.flips}, truths[index]))
            for index, (stem, source, group) in enumerate(batch)
        ]
