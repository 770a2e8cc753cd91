"""Batches of resized pairs for Keras: PyDatasets over OpenCV that feed every backend.

A batch depends on (seed, epoch, index) only, not on the batches before it. A training that was killed and goes on at
epoch 7 therefore sees the same batches as one that was not. Files are read when needed, so memory does not grow with
the number of images.
"""

import math
from collections.abc import Mapping, Sequence

import keras
import numpy as np
import numpy.typing as npt

from crackflow.errors import DataError
from crackflow.imaging.images import Pixels
from crackflow.imaging.pairs import ResizedPairs
from crackflow.params import TrainParams
from crackflow.progress import track
from crackflow.training import augmentation
from crackflow.training.random_streams import Purpose, generator
from crackflow.training.workers import ALONE, Workers

Float32 = npt.NDArray[np.float32]


class WholeImages(keras.utils.PyDataset):  # type: ignore[misc]
    """Batches of whole, unchanged pairs in the given order: for validation.

    Args:
        folder: where the pairs are.
        stems: which of them.
        batch_size: pairs per batch; the last batch may have fewer.
    """

    def __init__(self, folder: ResizedPairs, stems: Sequence[str], batch_size: int) -> None:
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=4)
        self.folder = folder
        self.stems = list(stems)
        self.batch_size = batch_size

    def __len__(self) -> int:
        return math.ceil(len(self.stems) / self.batch_size)

    def __getitem__(self, index: int) -> tuple[Float32, Float32]:
        """Batch `index`: pixels (N, H, W, channels) in 0..255 and one-hot truth (N, H, W, C), float32."""
        stems = self.stems[index * self.batch_size : (index + 1) * self.batch_size]
        images, masks = (np.stack(side) for side in zip(*map(self.folder.pair, stems), strict=True))
        return images.astype(np.float32), one_hot(masks, self.folder.num_classes)


class TrainingCrops(keras.utils.PyDataset):  # type: ignore[misc]
    """One epoch of augmented crops in random order.

    Args:
        folder: where the pairs are.
        stems: the training pairs.
        params: crop, crack_crops, augment, batch_size, steps_per_epoch and seed are read.
        epoch: which epoch, from 0.
        start: batches at the beginning that are skipped, because an earlier run has finished them.
        often: how often each pair is drawn, as `frequencies` gives it; all equally when empty.
        workers: this one's part of each batch is given.
    """

    def __init__(
        self,
        folder: ResizedPairs,
        stems: Sequence[str],
        params: TrainParams,
        epoch: int,
        start: int = 0,
        often: Sequence[float] = (),
        workers: Workers = ALONE,
    ) -> None:
        # One loader thread: on two cores a second one would take time from the training step.
        super().__init__(workers=1, use_multiprocessing=False, max_queue_size=8)
        self.folder = folder
        self.params = params
        self.epoch = epoch
        self.start = start
        self.together = workers
        steps = steps_per_epoch(len(stems), params)
        whole = self.params.steps_per_epoch == 0
        count = len(stems) if whole else steps * params.batch_size
        self.stems = _order(stems, often or [1.0] * len(stems), count, params.seed, epoch)

    def __len__(self) -> int:
        return math.ceil(len(self.stems) / self.params.batch_size) - self.start

    def __getitem__(self, index: int) -> tuple[Float32, Float32]:
        """Batch `start + index`: pixels (N, H, W, channels) in 0..255 and one-hot truth (N, H, W, C), float32."""
        index += self.start
        rng = generator(self.params.seed, Purpose.CROPS, self.epoch, index)
        first = index * self.params.batch_size
        # All are drawn, since each draw moves the random numbers on: however many share a batch, it is the same.
        pairs = [self._draw(stem, rng) for stem in self.stems[first : first + self.params.batch_size]]
        images, masks = (np.stack(side)[self.together.share(len(pairs))] for side in zip(*pairs, strict=True))
        return images.astype(np.float32), one_hot(masks, self.folder.num_classes)

    def _draw(self, stem: str, rng: np.random.Generator) -> tuple[Pixels, Pixels]:
        image, mask = self.folder.pair(stem)
        params = self.params
        size = params.crop or mask.shape[0]
        crack_crops = params.crack_crops if params.crop else 0.0
        box = augmentation.crop_box(mask, params.crop, crack_crops, params.augment.scale, rng)
        image, mask = augmentation.geometry(image, mask, box, size, params.augment, rng)
        if params.augment.style and rng.random() < params.augment.style:
            other = self.folder.image(self.stems[rng.integers(len(self.stems))])
            image = augmentation.restyle(image, other, rng)
        return augmentation.light(image, params.augment, rng), mask


def spread(stems: Sequence[str], count: int) -> list[str]:
    """Pick at most `count` stems at equal distances in sorted order, so that every source keeps its share."""
    ordered = sorted(stems)
    if count >= len(ordered):
        return ordered
    return [ordered[i * len(ordered) // count] for i in range(count)]


def steps_per_epoch(images: int, params: TrainParams) -> int:
    """Number of batches per epoch for that many training images."""
    return params.steps_per_epoch or math.ceil(images / params.batch_size)


def smallest_batch(images: int, params: TrainParams) -> int:
    """Rows of an epoch's last batch, which may have fewer than the others where each image is taken once."""
    return params.batch_size if params.steps_per_epoch else images % params.batch_size or params.batch_size


def one_hot(masks: Pixels, num_classes: int) -> Float32:
    """Turn class indices (N, H, W) uint8 into one-hot (N, H, W, num_classes) float32."""
    return np.eye(num_classes, dtype=np.float32)[masks]


def frequencies(
    folder: ResizedPairs, stems: Sequence[str], params: TrainParams, sources: Mapping[str, str]
) -> tuple[float, ...]:
    """How often each pair is drawn, relative to the others.

    Args:
        folder: where the pairs are. Masks are read only where `crack_free` is not 1.
        stems: the training pairs.
        params: draw and crack_free are read.
        sources: source by stem; read where `draw` names any.

    Returns:
        One frequency per stem.

    Raises:
        DataError: when `draw` names a source that no training pair has, or nothing is left to draw.
    """
    found = [1.0] * len(stems)
    if params.draw:
        known = {sources[stem] for stem in stems}
        for unknown in sorted(set(params.draw) - known):
            raise DataError(
                f"train.draw names {unknown}, which no training pair comes from; expected some of "
                f"{', '.join(sorted(known))}"
            )
        found = [params.draw.get(sources[stem], 1.0) for stem in stems]
    if params.crack_free != 1:
        found = [
            figure if folder.mask(stem).any() else figure * params.crack_free
            for stem, figure in zip(track(stems, "train: masks", unit="mask"), found, strict=True)
        ]
    if not any(found):
        raise DataError("train.draw and train.crack_free leave no training pair to draw; raise one of them above 0")
    return tuple(found)


def _order(stems: Sequence[str], often: Sequence[float], count: int, seed: int, epoch: int) -> list[str]:
    """The `count` stems of an epoch: a stretch of an endless sequence of shuffled passes over all stems.

    An epoch that is shorter than a pass goes on where the last epoch stopped, so every image is drawn as often as its
    frequency says. The length of a pass is the sum of the frequencies.
    """
    edges = np.cumsum(often)
    length = max(1, round(float(edges[-1])))
    position = epoch * count
    order: list[str] = []
    while len(order) < count:
        turn, start = divmod(position + len(order), length)
        rng = generator(seed, Purpose.ORDER, turn)
        # Marks at equal distances: a frequency of 2 gets two marks per pass, one of 0.5 gets one every two passes.
        marks = (np.arange(length) + rng.random()) / length * edges[-1]
        drawn = np.searchsorted(edges, marks, side="right")
        shuffled = drawn[rng.permutation(length)]
        order += [stems[i] for i in shuffled[start : start + count - len(order)]]
    return order
