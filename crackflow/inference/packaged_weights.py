"""Weights that are ready to use: a folder with a model and all that its user must know.

`crackflow/weights` is such a folder and comes with the package.
"""

from dataclasses import dataclass
from pathlib import Path

from crackflow.errors import ModelError
from crackflow.inference import operating_point_file
from crackflow.inference.card import Use, read_card
from crackflow.inference.operating_point import OperatingPoint
from crackflow.models import seen_pairs
from crackflow.params import EvaluateParams, Params

FOLDER = Path(__file__).parents[1] / "weights"
MODEL = "flexunet.keras"
POINT = "operating_point.json"
TRAINED_ON = "trained_on.txt"
CHOSEN_ON = "chosen_on.txt"
PAGE = "MODEL_CARD.md"
LICENSE = "LICENSE-WEIGHTS.md"
_CHOSEN_HEADER = "# Pairs that this model's operating point was chosen on, hashed as in trained_on.txt.\n"


@dataclass(frozen=True)
class Weights:
    """A model, and how it is used.

    Attributes:
        name: what it is called in messages.
        model: a .keras file.
        point_file: where its operating point lies; None where none was chosen.
        params: parameters; `classes`, `resize` and `evaluate.tolerance_px` are those of its training and evaluation.
        lists: the folder with its trained_on.txt and chosen_on.txt; None where there are none.
        use: what the terms of the data that it was trained on allow; None where that is not known.
        known_point: its operating point, where that is in no file of its own.
    """

    name: str
    model: Path
    point_file: Path | None
    params: Params
    lists: Path | None = None
    use: Use | None = None
    known_point: OperatingPoint | None = None

    def terms(self) -> str:
        """Say what the terms of its data mean for who uses it; "" where they allow any use, or are not known."""
        folder = self.model.parent
        says = {
            "research": f"these weights are for research only, since some of their data are: {folder / LICENSE}",
            "unstated": f"the terms of some data that these weights were trained on are not stated: {folder / LICENSE}",
        }
        return says.get(self.use or "", "")

    def point(self) -> OperatingPoint:
        """Read the operating point; 0.5, without a component filter, where none was chosen.

        Raises:
            ModelError: when the file is absent or can't be used.
        """
        if self.point_file is None:
            return self.known_point or OperatingPoint(0.5)
        return operating_point_file.read_operating_point(self.point_file, self.params.resize.size)


@dataclass(frozen=True)
class Seen:
    """Hashes (crackflow.models.seen_pairs.stem_hash) of the pairs that a model must not be scored on.

    Attributes:
        trained_on: those whose pixels the weights were fitted to.
        chosen_on: those that epoch and operating point were chosen on.
    """

    trained_on: frozenset[str]
    chosen_on: frozenset[str]


def open_folder(folder: Path, name: str) -> Weights:
    """Find the weights in a folder.

    Args:
        folder: laid out as crackflow/weights.
        name: what they are called in messages; the revision that they were trained at is added.

    Returns:
        The weights; the model itself is not opened.

    Raises:
        ModelError: when the folder holds no card, one that can't be used, or an operating point of another model.
    """
    card = read_card(folder)
    params = Params().model_copy(
        update={
            "classes": card.classes,
            "resize": card.resize,
            "evaluate": EvaluateParams(tolerance_px=card.figures.protocol.tolerance_px),
        }
    )
    if (folder / MODEL).is_file() and not operating_point_file.was_chosen_for(folder / POINT, folder / MODEL):
        raise ModelError(
            f"{folder / POINT} was chosen for another model than {MODEL} beside it; put back the model whose SHA-256 "
            "it names, or use the new model from another folder"
        )
    return Weights(f"{name} ({card.revision})", folder / MODEL, folder / POINT, params, folder, card.use)


def seen(folder: Path) -> Seen:
    """Read which pairs the weights of a folder must not be scored on.

    Raises:
        ModelError: when a list is absent or can't be used.
    """
    return Seen(seen_pairs.read_hashes(folder / TRAINED_ON), seen_pairs.read_hashes(folder / CHOSEN_ON))


def chosen_on_text(stems: list[str]) -> str:
    """Give the text of chosen_on.txt, for the pairs that epoch and operating point were chosen on."""
    return seen_pairs.render(stems, _CHOSEN_HEADER)
