"""Checkpoints: a training that was killed goes on from the last one and ends as if it had never stopped.

state.npz holds the whole state, from the weights to the rows of the finished epochs. The file is replaced in one step,
so its parts always belong together. It holds arrays and JSON, no pickle.
"""

import io
import json
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import numpy.typing as npt

from crackflow.atomic import replacing
from crackflow.errors import TrainingError
from crackflow.models.serialization import save_model

EVERY_S = 30.0  # between checkpoints within an epoch
SHARE = 1 / 30  # of the time may go into writing checkpoints, where a large network takes long

Row = dict[str, float]


class Place(NamedTuple):
    """How far a training has got.

    Attributes:
        history: the rows of the finished epochs, oldest first.
        batch: finished batches of the epoch after them.
        sums: what the metrics have counted in these batches; empty between epochs.
    """

    history: list[Row]
    batch: int = 0
    sums: Sequence[npt.NDArray[Any]] = ()


class Checkpoints:
    """The checkpoints of one training in `folder`, which is made when absent."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._due = time.monotonic() + EVERY_S

    @property
    def best(self) -> Path:
        """The model of the best epoch so far, as `keras.saving.load_model` opens it; absent before the first epoch."""
        return self.folder / "best.keras"

    def history(self) -> list[Row]:
        """The rows of the finished epochs, oldest first; empty without a checkpoint."""
        return self._read()[0].history

    def restore(self, model: keras.Model) -> Place:
        """Load the last checkpoint into a model: weights, optimizer, averages, step counter and dropout's seeds.

        Args:
            model: newly built, and compiled with the same parameters.

        Returns:
            How far the training has got. Without a checkpoint that is the beginning, and `model` is unchanged.

        Raises:
            TrainingError: when the checkpoint can't be read or is of another network, or `best` is absent.
        """
        place, values = self._read()
        if place.history and not self.best.is_file():
            # If no later epoch were better, a whole training would end without a model.
            raise self._damaged(f"{self.best.name} of its finished epochs is no longer beside it")
        self._load(model, values)
        return place

    def packed(self) -> bytes:
        """The last checkpoint as bytes, for a worker that has no files of its own; none without a checkpoint."""
        return self._state.read_bytes() if self._state.exists() else b""

    def restore_from(self, packed: bytes, model: keras.Model) -> Place:
        """Load a checkpoint of another worker, as `packed` gives it there, in the way of `restore`."""
        place, values = self._read(io.BytesIO(packed)) if packed else (Place([]), [])
        self._load(model, values)
        return place

    def due(self) -> bool:
        """Whether it is time for a checkpoint within an epoch."""
        return time.monotonic() >= self._due

    def save(self, model: keras.Model, history: list[Row], batch: int = 0) -> None:
        """Write a checkpoint.

        Args:
            model: as the last batch left it.
            history: the rows of the finished epochs.
            batch: finished batches of the next epoch.
        """
        started = time.monotonic()
        sums = model.metrics_variables if batch else []
        self._write(history, batch, variable=_variables(model), sum=sums)
        ended = time.monotonic()
        self._due = ended + max(EVERY_S, (ended - started) / SHARE)

    def save_best(self, model: keras.Model) -> None:
        """Write the best model so far. Call it before `save`, which records the epoch as finished."""
        save_model(model, self.best)

    def finish(self, history: list[Row]) -> None:
        """Keep only the rows: a finished training needs no weights to go on from, and the best ones are in `best`."""
        self._write(history, 0)

    @property
    def _state(self) -> Path:
        return self.folder / "state.npz"

    def _write(self, history: list[Row], batch: int, **groups: list[Any]) -> None:
        arrays = {
            f"{group}{number:05d}": keras.ops.convert_to_numpy(variable)
            for group, variables in groups.items()
            for number, variable in enumerate(variables)
        }
        with replacing(self._state, sync=True) as part, part.open("wb") as file:
            np.savez(file, place=np.array(json.dumps([history, batch])), **arrays)

    def _load(self, model: keras.Model, values: Sequence[npt.NDArray[Any]]) -> None:
        if not values:
            return
        # variables such as Adam's moments must exist before they can be loaded
        model.optimizer.build(model.trainable_variables)
        variables = _variables(model)
        if [tuple(variable.shape) for variable in variables] != [value.shape for value in values]:
            raise self._damaged("it is of another network")
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    def _read(self, packed: io.BytesIO | None = None) -> tuple[Place, list[npt.NDArray[Any]]]:
        try:
            with np.load(packed or self._state, allow_pickle=False) as kept:
                history, batch = json.loads(str(kept["place"]))
                values = [kept[name] for name in sorted(kept) if name.startswith("variable")]
                sums = tuple(kept[name] for name in sorted(kept) if name.startswith("sum"))
                return Place(history, batch, sums), values
        except FileNotFoundError:
            return Place([]), []
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise self._damaged(error) from None

    def _damaged(self, why: object) -> TrainingError:
        return TrainingError(f"{self._state} can't be used ({why}); delete it, and training starts from the beginning")


def _variables(model: keras.Model) -> list[Any]:
    """All that a step changes except the metrics: weights, moving averages, dropout's seeds, the optimizer's state."""
    return [*model.variables, *model.optimizer.variables]
