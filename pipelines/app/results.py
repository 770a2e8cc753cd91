"""The files of marked photographs, and what the page downloads: the same files that `crackflow predict` writes."""

import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from pydantic import JsonValue

from crackflow.atomic import write_bytes
from crackflow.errors import ImageError
from crackflow.geometry.scale import Scale
from crackflow.imaging.images import Pixels, decode_stored, decode_stored_mask
from crackflow.inference.operating_point import sha256
from crackflow.inference.photographs import Photograph
from crackflow.results.annotated_overlay import thumbnail
from crackflow.results.record import PhotoRecord
from crackflow.results.run import Run, Skipped
from pipelines.app.shelf import Item
from pipelines.commands.marked_photo import MarkedPhoto
from pipelines.commands.prediction_folder import Measuring, measured
from pipelines.commands.prediction_outputs import MASKS, OUTPUTS, THUMBNAILS, Output

# Of the longer side of the pictures that the page shows, px.
VIEW_PX = 1600
PLAIN, PAINTED, PROBABILITY = "plain", "painted", "probability"
# As IMREAD_UNCHANGED of OpenCV.
_AS_STORED = -1


@dataclass(frozen=True)
class ResultFiles:
    """Files of photographs by their numbers, in a folder.

    Attributes:
        folder: empty at first.
        classes: names of the classes but the background.
        about: what results.json and the gallery say of how they were made.
    """

    folder: Path
    classes: Sequence[str]
    about: Mapping[str, JsonValue]
    kinds: Mapping[str, Output] = field(
        default_factory=lambda: {name: kind() for name, kind in OUTPUTS.items() if not kind.on_request}
    )

    def add(self, item: Item, marked: MarkedPhoto, mm_per_px: float | None) -> PhotoRecord:
        """Measure a photograph and write its files.

        Raises:
            OSError: when a file can't be written.
        """
        scale = None if mm_per_px is None else Scale(mm_per_px, "as set in the page")
        found = measured(marked, Measuring(scale=scale), sha256(item.path))
        for kind in [*self.kinds.values(), OUTPUTS[PROBABILITY]()]:
            for name, content in kind.add(marked, found):
                self._write(name, content)
        # a mask of nothing paints nothing
        for view, mask in ((PLAIN, np.zeros_like(marked.classes)), (PAINTED, marked.classes)):
            self._write(f"{view}/{item.number}.jpg", thumbnail(marked.photo, mask, VIEW_PX))
        return found

    def again(self, item: Item, photo: Pixels, classes: int) -> MarkedPhoto:
        """Give a photograph as it was marked, to be measured anew.

        Args:
            item: the photograph.
            photo: uint8 RGB (H, W, 3), read anew.
            classes: how many, the background included.

        Raises:
            ImageError: when its files can't be read.
        """
        mask, stored = (self.path(item, kind, "png").read_bytes() for kind in (MASKS, PROBABILITY))
        probability = decode_stored(stored, _AS_STORED, item.name)
        if probability.dtype != np.uint16 or probability.shape != photo.shape[:2]:
            raise ImageError(f"{item.name} was changed meanwhile; send it again")
        levels = np.asarray(probability, np.uint16)
        return MarkedPhoto(item.source, photo, levels, decode_stored_mask(mask, classes, item.name), classes)

    def path(self, item: Item, kind: str, ending: str) -> Path:
        """Say where a picture of a photograph lies."""
        return self.folder / kind / f"{item.number}.{ending}"

    def remove(self, item: Item) -> None:
        """Remove all files of a photograph."""
        for path in self.folder.glob(f"*/{item.number}.*"):
            path.unlink(missing_ok=True)

    def run(self, items: Iterable[Item]) -> Run:
        """Give what the files of all photographs are made from; they are called by their labels."""
        items = list(items)
        done = [(item, item.record) for item in items if item.record is not None]
        by_label = {item.label: item for item, _ in done}
        return Run(
            about=self.about,
            classes=self.classes,
            read=lambda: [record.model_copy(update={"name": item.label}) for item, record in done],
            mask=lambda found: decode_stored_mask(
                self.path(by_label[found.name], MASKS, "png").read_bytes(), found.num_classes, found.photo
            ),
            thumbnail=lambda found: self.path(by_label[found.name], THUMBNAILS, "jpg").read_bytes(),
            photo_path=lambda _: None,
            folder=self.folder,
            photographs=len(done),
            skipped=[Skipped(item.name, item.reason) for item in items if item.state == "failed"],
        )

    def write_zip(self, items: Iterable[Item], path: Path) -> None:
        """Write all files as `crackflow predict` lays them out."""
        items = list(items)
        with zipfile.ZipFile(path, "w") as archive:
            for item in items:
                for inside, name in self._names(item):
                    archive.write(self.folder / name, inside)
            run = self.run(items)
            for kind in self.kinds.values():
                for name, content in kind.finish(run):
                    archive.writestr(name, content)

    def _write(self, name: str, content: bytes) -> None:
        path = self.folder / name
        path.parent.mkdir(exist_ok=True)
        # a download may read the one before
        write_bytes(path, content)

    def _names(self, item: Item) -> Iterator[tuple[str, str]]:
        """Of each file of a photograph: its name in a download, and below the folder."""
        if item.record is not None:
            by_label = Photograph(item.path, item.label, item.name)
            for kind in self.kinds.values():
                yield from zip(kind.names(by_label), kind.names(item.source), strict=True)
