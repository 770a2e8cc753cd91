"""`crackflow predict`: marks the cracks in photographs, by a model at its operating point."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import JsonValue

from crackflow.errors import DataError, ImageError
from crackflow.imaging.fit import Mode
from crackflow.imaging.photo_file import read_photograph
from crackflow.inference.inputs import Found
from crackflow.inference.operating_point import OperatingPoint, as_json, sha256
from crackflow.inference.packaged_weights import Weights
from crackflow.inference.photographs import Photograph, Scale, predict_photo
from crackflow.keras_import import import_keras
from crackflow.output.claim import claim, reject_overlap
from crackflow.output.folder import OutputFolder
from crackflow.progress import track
from pipelines.commands.prediction_outputs import LAST, OUTPUTS, MarkedPhoto

if TYPE_CHECKING:
    # takes seconds
    import keras


# GiB that a photograph may take by itself.
MAX_MEMORY = 1.5
# What each of its pixels takes, measured at 15 megapixels: 13 to read and mark it, 36 with the overlay and its PNG.
BYTES_A_PIXEL = 40


@dataclass(frozen=True)
class Outcome:
    """What became of the photographs.

    Attributes:
        predicted: how many were marked.
        cracked: how many of those have at least one crack pixel.
        skipped: why each of the others was not, in one line.
        passed_over: how many files and folders beside them are none of the formats that are read.
    """

    predicted: int
    cracked: int
    skipped: tuple[str, ...]
    passed_over: int


def predict(
    weights: Weights,
    found: Found,
    out: Path,
    *,
    force: bool = False,
    outputs: Iterable[str] | None = None,
    scale: Scale = "auto",
    flips: bool | None = None,
    max_memory: float = MAX_MEMORY,
) -> Outcome:
    """Mark the cracks in photographs and write each kind of output.

    The summary of an earlier run is removed first, then its files that this run replaces. The summary of this run comes
    last, so where there is one, everything that it tells of is there too. Results of photographs that are not among
    these stay.

    Args:
        weights: as pipelines.commands.model_choice.choose gives them; photographs are resized as their training
            pairs were.
        found: the photographs, as crackflow.inference.inputs.find gives them.
        out: the folder to write to; see crackflow.output.claim.
        force: whether files of the user in `out` may be replaced where they have the names of results.
        outputs: names of OUTPUTS; None for all.
        scale: at which photographs are looked at, as crackflow.inference.photographs.predict_photo takes it.
        flips: whether probabilities are the mean over four flips; None as the operating point says.
        max_memory: GiB that a photograph may take above what the program takes without one. One that needs more is
            skipped.

    Returns:
        How many were done, and what was wrong with the others.

    Raises:
        DataError: when there is no photograph, none can be read, or `out` can't be written without a loss.
        ModelError: when the model or its operating point is absent or can't be used.
        OSError: when a file can't be written; what was written before stays, and the manifest lists it.
    """
    files = found.photos
    chosen = list(OUTPUTS) if outputs is None else list(outputs)
    kinds = {name: OUTPUTS[name]() for name in sorted(chosen, key=lambda name: name == LAST)}
    names = [name for kind in kinds.values() for name in kind.names(files)]
    for place in found.places[1:]:
        reject_overlap(out, place, "predict")
    with claim(out, found.places[0], names, command="predict", force=force) as folder:
        point = weights.point() if flips is None else replace(weights.point(), flips=flips)
        import_keras()
        from crackflow.inference.predictor import load_model

        model, mode = load_model(weights.model), weights.params.resize.mode
        options: dict[str, JsonValue] = {
            "model": weights.name,
            "operating_point": as_json(point),
            "resize_mode": mode,
            "scale": scale,
            "outputs": list(kinds),
        }
        predicted = cracked = 0
        skipped = list(found.skipped)
        try:
            for marked in _marked(model, files, (point, mode, scale), int(max_memory * 2**30 / BYTES_A_PIXEL), skipped):
                if not folder.begun:
                    folder.begin(names, sha256(weights.model), options, keep_others=True)
                _write(folder, (kind.add(marked) for kind in kinds.values()))
                predicted += 1
                cracked += bool((marked.classes > 0).any())
        except KeyboardInterrupt as stop:
            stop.add_note(f"{predicted} of {len(files)} photographs are marked in {out}, without a summary")
            raise
        if not predicted:
            raise DataError(f"none of {len(files)} photographs can be read; the first: {skipped[0]}")
        _write(folder, (kind.finish() for kind in kinds.values()))
        folder.finish()
    return Outcome(predicted, cracked, tuple(skipped), found.passed_over)


def _marked(
    model: "keras.Model",
    files: Sequence[Photograph],
    how: tuple[OperatingPoint, Mode, Scale],
    most_pixels: int,
    skipped: list[str],
) -> Iterator[MarkedPhoto]:
    """Mark one photograph after the other; why one can't be read is added to `skipped`."""
    for source in track(files, "predict", unit="photo"):
        try:
            photo = read_photograph(source.path, most_pixels)
        except ImageError as error:
            skipped.append(str(error))
        else:
            seen = predict_photo(model, photo, *how)
            yield MarkedPhoto(source, photo, seen.probability, seen.classes, int(model.output_shape[-1]))


def _write(folder: OutputFolder, results: Iterable[Iterable[tuple[str, bytes]]]) -> None:
    for files in results:
        for name, content in files:
            folder.write(name, content)
