"""What training keeps on disk after each epoch, so that a killed run goes on where it was.

history.json is the only thing that is believed: it names the weights file that belongs to it and is replaced last and
at once. Whatever a killed run left half-written has another name and is cleared by the next save.
"""

import json
import os
from pathlib import Path

import keras

Row = dict[str, float]


class Checkpoints:
    """The checkpoints of one training in `folder`.

    Attributes:
        folder: where they lie; made when absent.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def best(self) -> Path:
        """Weights of the best epoch so far."""
        return self.folder / "best.weights.h5"

    def history(self) -> list[Row]:
        """The rows of the finished epochs, oldest first; empty when nothing is kept."""
        path = self.folder / "history.json"
        return list(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else []

    def restore(self, model: keras.Model) -> list[Row]:
        """Bring a compiled model to where the last finished epoch left it: weights, optimizer and step counter.

        Args:
            model: freshly built and compiled with the same parameters.

        Returns:
            The history; empty when there is nothing to go on from, and `model` is as it was.
        """
        history = self.history()
        if history:
            # slots such as Adam's moments must exist before they can be filled
            model.optimizer.build(model.trainable_variables)
            model.load_weights(self._weights(len(history)))
        return history

    def save_best(self, model: keras.Model) -> None:
        """Keep the weights as the best so far; to be called before `save`, which makes them count."""
        _save_weights(model, self.best)

    def save(self, model: keras.Model, history: list[Row]) -> None:
        """Keep a finished epoch.

        Args:
            model: as the epoch left it; `save_weights` takes the optimizer along.
            history: the rows so far, this epoch's last.
        """
        current = self._weights(len(history))
        _save_weights(model, current)
        part = self.folder / ".history.part"
        part.write_text(json.dumps(history, indent=1) + "\n", encoding="utf-8")
        os.replace(part, self.folder / "history.json")
        for old in self.folder.glob("epoch-*.weights.h5"):
            if old != current:
                old.unlink()

    def _weights(self, epochs: int) -> Path:
        return self.folder / f"epoch-{epochs:04d}.weights.h5"


def _save_weights(model: keras.Model, path: Path) -> None:
    part = path.with_name(f"part-{path.name}")
    model.save_weights(part)
    os.replace(part, path)
