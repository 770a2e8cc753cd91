"""What training keeps on disk, so that a run that was killed goes on where it was and ends as if it had not been.

state.npz is the only thing that is believed. It holds all of it, from the weights to the rows of the finished epochs,
and is replaced as a whole: there is no moment at which one half is newer than the other. Arrays and JSON, no pickle.
"""

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

EVERY_S = 30.0
SHARE = 1 / 30  # of the time that goes into keeping, where a large network takes long to write

Row = dict[str, float]


class Place(NamedTuple):
    """How far a training has come.

    Attributes:
        history: the rows of the finished epochs, oldest first.
        batch: batches of the epoch after them that are done.
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
        """The rows of the finished epochs, oldest first; empty when nothing is kept."""
        return self._read()[0].history

    def restore(self, model: keras.Model) -> Place:
        """Bring a compiled model to where training was: weights, optimizer, averages, step counter and dropout's seeds.

        Args:
            model: freshly built and compiled with the same parameters.

        Returns:
            How far that is; nothing done when nothing is kept, and `model` is as it was.

        Raises:
            TrainingError: when what is kept can't be read or is of another network, or `best` is gone.
        """
        place, values = self._read()
        if place.history and not self.best.is_file():
            # Somebody took it away; where no later epoch is better, a whole training would end without a model.
            raise self._damaged(f"{self.best.name} of its finished epochs is no longer beside it")
        if values:
            # slots such as Adam's moments must exist before they can be filled
            model.optimizer.build(model.trainable_variables)
            variables = _variables(model)
            if [tuple(variable.shape) for variable in variables] != [value.shape for value in values]:
                raise self._damaged("it is of another network")
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        return place

    def due(self) -> bool:
        """Whether it is time to keep what an unfinished epoch has done."""
        return time.monotonic() >= self._due

    def save(self, model: keras.Model, history: list[Row], batch: int = 0) -> None:
        """Keep a training.

        Args:
            model: as the last batch left it.
            history: the rows of the finished epochs.
            batch: batches of the next epoch that are done.
        """
        started = time.monotonic()
        sums = model.metrics_variables if batch else []
        self._write(history, batch, variable=_variables(model), sum=sums)
        ended = time.monotonic()
        self._due = ended + max(EVERY_S, (ended - started) / SHARE)

    def save_best(self, model: keras.Model) -> None:
        """Keep the best model so far; to be called before `save`, which makes its epoch count."""
        save_model(model, self.best)

    def finish(self, history: list[Row]) -> None:
        """Keep the rows alone: a finished training goes on from nothing, and its weights are in `best`."""
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

    def _read(self) -> tuple[Place, list[npt.NDArray[Any]]]:
        try:
            with np.load(self._state, allow_pickle=False) as kept:
                history, batch = json.loads(str(kept["place"]))
                values = [kept[name] for name in sorted(kept) if name.startswith("variable")]
                sums = tuple(kept[name] for name in sorted(kept) if name.startswith("sum"))
                return Place(history, batch, sums), values
        except FileNotFoundError:
            return Place([]), []
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
            raise self._damaged(error) from None

    def _damaged(self, why: object) -> TrainingError:
        return TrainingError(f"{self._state} can't be used ({why}); delete it, and training starts anew")


def _variables(model: keras.Model) -> list[Any]:
    """All that a step changes, less the metrics: weights, moving statistics, dropout's seeds, the optimizer's own."""
    return [*model.variables, *model.optimizer.variables]
