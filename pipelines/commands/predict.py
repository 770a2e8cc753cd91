"""`crackflow predict`: masks and overlays of photographs, by a model at its operating point."""

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from crackflow.atomic import write_text
from crackflow.errors import DataError, ImageError
from crackflow.imaging.images import encode_classes, read_image, write_png
from crackflow.inference.packaged_weights import Weights
from crackflow.inference.photographs import photos_in, predict_photo
from crackflow.keras_import import import_keras
from crackflow.progress import track
from crackflow.visualization.overlays import overlay

FOLDERS = MASKS, OVERLAYS = "masks", "overlays"


@dataclass(frozen=True)
class Outcome:
    """What became of the photographs.

    Attributes:
        predicted: how many got a mask and an overlay.
        cracked: how many of those have at least one crack pixel.
        skipped: why each of the others did not, in one line.
        passed_over: how many files and folders beside them are none of the formats that are read.
    """

    predicted: int
    cracked: int
    skipped: tuple[str, ...]
    passed_over: int


def predict(weights: Weights, photos: Path, out: Path) -> Outcome:
    """Write OUT/masks/STEM.png and OUT/overlays/STEM.png, both of the photograph's own size, and OUT/summary.csv.

    Args:
        weights: as pipelines.commands.model_choice.choose gives them; photographs are resized as their training
            pairs were.
        photos: a photograph or a folder of them.
        out: the folder to write to; masks and overlays of the same names are replaced.

    Returns:
        How many were done, and what was wrong with the others.

    Raises:
        DataError: when there is no photograph, none can be read, or they would be written over.
        ModelError: when the model or its operating point is absent or can't be used.
    """
    files = photos_in(photos)
    folder = (photos.parent if photos.is_file() else photos).resolve()
    if folder in {(out / name).resolve() for name in FOLDERS}:
        raise DataError(f"{folder} is where predictions would be written over the photographs; name another --out")
    point = weights.point()

    import_keras()
    from crackflow.inference.predictor import load_model

    model = load_model(weights.model)
    classes = int(model.output_shape[-1])
    shares: dict[str, float] = {}
    skipped: list[str] = []
    for file in track(files, "predict", unit="photo"):
        try:
            photo = read_image(file)
        except ImageError as error:
            skipped.append(str(error))
            continue
        predicted = predict_photo(model, photo, point, weights.params.resize.mode)
        write_png(out / MASKS / f"{file.stem}.png", encode_classes(predicted, classes))
        write_png(out / OVERLAYS / f"{file.stem}.png", overlay(photo, None, predicted))
        shares[file.name] = float((predicted > 0).mean())
    if len(skipped) == len(files):
        raise DataError(f"none of {len(files)} photographs can be read; the first: {skipped[0]}")
    write_text(out / "summary.csv", _summary(shares))
    beside = [] if photos.is_file() else [path for path in photos.iterdir() if not path.name.startswith(".")]
    return Outcome(
        predicted=len(shares),
        cracked=sum(share > 0 for share in shares.values()),
        skipped=tuple(skipped),
        passed_over=max(0, len(beside) - len(files)),
    )


def _summary(shares: Mapping[str, float]) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(["photo", "crack_share"])
    rows.writerows([name, f"{share:.6f}"] for name, share in shares.items())
    return text.getvalue()
