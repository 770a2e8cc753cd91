"""The results of a `crackflow predict` in its folder: measure each photograph, write its files, and then those of all.

The record of a photograph is its last file. Where it is there and unchanged, all others of that photograph are too.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import NamedTuple, Self

from pydantic import JsonValue

from crackflow.errors import DataError, ImageError
from crackflow.geometry.cracks import GeometryOptions, measure
from crackflow.geometry.scale import BOUNDS_MM, Scale
from crackflow.imaging.geotiff import Georeference
from crackflow.imaging.images import decode_stored_mask
from crackflow.imaging.photo_file import looks_like_mask
from crackflow.inference.operating_point import sha256
from crackflow.inference.photographs import Photograph
from crackflow.output.folder import OutputFolder
from crackflow.output.manifest import source_of
from crackflow.results.record import PhotoRecord, from_bytes, key, record, to_bytes
from crackflow.results.run import Run, Skipped
from crackflow.safe_text import printable
from crackflow.sources.layouts import shown
from crackflow.work_folder import PREFIX
from pipelines.commands.marked_photo import MarkedPhoto
from pipelines.commands.prediction_outputs import MASKS, OUTPUTS, THUMBNAILS, Output, chosen


@dataclass(frozen=True)
class Measuring:
    """How cracks are measured.

    Attributes:
        options: bounds of the width classes in px hold where no scale is known.
        bounds_mm: those in mm, for photographs with a scale.
        scale: of photographs that `by_photo` does not name; None where it is not known.
        by_photo: scale of each photograph, by what tables call it.
        places: where photographs lie on the ground, likewise; of those that tell it.
    """

    options: GeometryOptions = field(default_factory=GeometryOptions)
    bounds_mm: tuple[float, float, float] = BOUNDS_MM
    scale: Scale | None = None
    by_photo: Mapping[str, Scale] = field(default_factory=dict)
    places: Mapping[str, Georeference] = field(default_factory=dict)

    def is_named(self, photo: Photograph) -> bool:
        """Whether `by_photo` has a scale of its own for a photograph."""
        return photo.shown in self.by_photo

    def scale_of(self, photo: Photograph) -> Scale | None:
        """Give the scale of a photograph; None where it is not known."""
        return self.by_photo.get(photo.shown, self.scale)

    def options_of(self, photo: Photograph) -> GeometryOptions:
        """Give the options for a photograph: with a scale, width classes are those in mm."""
        scale = self.scale_of(photo)
        return self.options if scale is None else replace(self.options, width_bounds_px=scale.to_px(self.bounds_mm))

    def only(self, photo: Photograph) -> Self:
        """Give what counts for one photograph."""
        own = {photo.shown}
        return replace(
            self,
            by_photo={one: self.by_photo[one] for one in own & self.by_photo.keys()},
            places={one: self.places[one] for one in own & self.places.keys()},
        )


class PhotoFile(NamedTuple):
    """A file of a photograph."""

    name: str
    content: bytes
    source: tuple[str, ...] | None = None
    """what it was made from, as crackflow.output.manifest.source_of gives it; of the record alone"""


@dataclass(frozen=True)
class Making:
    """All that the files of a photograph follow from, beside its pixels.

    Attributes:
        kinds: of output, by name, in the order of writing.
        settings: the model, its operating point and so on.
        measuring: how cracks are measured.
    """

    kinds: Mapping[str, Output]
    settings: Mapping[str, JsonValue]
    measuring: Measuring

    def only(self, photo: Photograph) -> Self:
        """Give what counts for one photograph: what a worker is sent."""
        return replace(self, measuring=self.measuring.only(photo))

    def files(self, marked: MarkedPhoto) -> Iterator[PhotoFile]:
        """Measure a photograph and give its files one after the other, its record last.

        Raises:
            ImageError: when the photograph's file is no longer there.
        """
        try:
            source = source_of(marked.source.path)
        except OSError as error:
            raise _gone(marked.source, error) from None
        found = measured(marked, self.measuring, self.key(marked.source))
        for kind in self.kinds.values():
            for name, content in kind.add(marked, found):
                yield PhotoFile(name, content)
        yield PhotoFile(_record(marked.source), to_bytes(found), source)

    def key(self, photo: Photograph) -> str:
        """Hash what the results of a photograph follow from.

        Raises:
            ImageError: when its file is no longer there.
        """
        measuring, scale = asdict(self.measuring.options_of(photo)), self.measuring.scale_of(photo)
        # a model is the same by whichever name it is called
        follows = {name: value for name, value in self.settings.items() if name != "model"}
        follows |= {
            "photo": printable(photo.shown),
            "geometry": measuring,
            "mm_per_px": None if scale is None else asdict(scale),
        }
        if place := self.measuring.places.get(photo.shown):
            follows["place"] = asdict(place)
        try:
            digest = sha256(photo.path)
        except OSError as error:
            raise _gone(photo, error) from None
        return key(digest, follows)


@dataclass(frozen=True)
class Results:
    """The folder, and all that its files follow from.

    Attributes:
        folder: claimed.
        making: how the files of a photograph are made.
        about: what results.json and the gallery say of the run.
        classes: names of the classes but the background.
    """

    folder: OutputFolder
    making: Making
    about: Mapping[str, JsonValue]
    classes: Sequence[str]

    @property
    def kinds(self) -> Mapping[str, Output]:
        """The kinds of output."""
        return self.making.kinds

    def done_before(self, photos: Iterable[Photograph]) -> list[Photograph]:
        """Give the photographs that an earlier run has marked with the same model and options.

        All their files are there, and unchanged. To be asked before `begin`.
        """
        return [photo for photo in photos if self._is_done(photo)]

    def reject_others(self, photos: Iterable[Photograph]) -> None:
        """Reject photographs that would replace the results of others that are called alike.

        Raises:
            DataError: with the first one's name.
        """
        called = {_record(photo): photo for photo in photos}
        if others := self.folder.of_others({name: (photo.path,) for name, photo in called.items()}):
            more = f" and {len(others) - 1} others" if others[1:] else ""
            raise DataError(
                f"{self.folder.path} holds results of another photograph called "
                f"{shown(called[others[0]].shown)}{more}; name another --out, or add --resume or --force to replace "
                "them"
            )

    def begin(self, photos: Sequence[Photograph], model_sha256: str, done: Iterable[Photograph]) -> None:
        """Begin to write.

        The files of `done` stay as they are. What earlier runs wrote of the other photographs, and of all together, is
        removed, also of kinds that this run does not write: it would stand beside figures that it does not agree with,
        and a later run would take it for its own.
        """
        done, every = list(done), chosen(OUTPUTS)
        reuse = [name for photo in done for name in photo_names(self.kinds, photo)]
        valid = {name for photo in done for name in photo_names(every, photo)}
        outdated = set(all_names(every, photos)) - valid
        options: dict[str, JsonValue] = {**self.making.settings, "outputs": [*self.kinds]}
        names = all_names(self.kinds, photos)
        self.folder.begin(names, model_sha256, options, keep_others=True, reuse=reuse, outdated=outdated)

    def add(self, files: Iterable[PhotoFile]) -> None:
        """Write the files of a photograph, as Making.files gives them.

        Raises:
            OSError: when a file can't be written.
        """
        for name, content, source in files:
            self.folder.write(name, content, source)

    def withdraw(self, photo: Photograph) -> None:
        """Remove the files of a photograph that `add` could not write whole."""
        self.folder.withdraw(photo_names(self.kinds, photo))

    def finish(self, photos: Sequence[Photograph], skipped: Sequence[Skipped]) -> None:
        """Write the files of the whole run.

        Args:
            photos: those that are marked, in order.
            skipped: the others.
        """
        paths = {photo.name: photo.path for photo in photos}
        run = Run(
            about=self.about,
            classes=self.classes,
            read=lambda: self.records(photos),
            mask=lambda found: decode_stored_mask(
                self.folder.read(f"{MASKS}/{found.name}.png"), found.num_classes, found.photo
            ),
            thumbnail=lambda found: self.folder.read(f"{THUMBNAILS}/{found.name}.jpg"),
            photo_path=lambda found: _file(paths[found.name]),
            folder=self.folder.path,
            photographs=len(photos),
            skipped=skipped,
        )
        for kind in self.kinds.values():
            for name, content in kind.finish(run):
                self.folder.write(name, content)
        self.folder.finish()

    def records(self, photos: Iterable[Photograph]) -> Iterator[PhotoRecord]:
        """Read the records of photographs that are marked."""
        for photo in photos:
            name = _record(photo)
            yield from_bytes(self.folder.read(name), name)

    def _is_done(self, photo: Photograph) -> bool:
        if not all(self.folder.holds(name) for name in photo_names(self.kinds, photo)):
            return False
        try:
            found = from_bytes(self.folder.read(_record(photo)), _record(photo))
            return found.key == self.making.key(photo)
        except DataError:  # of another version, or the photograph is gone
            return False


def measured(marked: MarkedPhoto, measuring: Measuring, made_from: str) -> PhotoRecord:
    """Measure the cracks of a photograph.

    Args:
        marked: the photograph.
        measuring: how.
        made_from: what its results follow from, as crackflow.results.record.key gives it.
    """
    photo = marked.source
    network = measure(marked.classes, marked.grey(), marked.probability, measuring.options_of(photo))
    like_mask = looks_like_mask(marked.photo)
    marked.release()
    return record(
        made_from,
        photo.shown,
        photo.name,
        marked.classes,
        network,
        measuring.scale_of(photo),
        marked.num_classes,
        measuring.places.get(photo.shown),
        mask_like=like_mask,
    )


def photo_names(kinds: Mapping[str, Output], photo: Photograph) -> list[str]:
    """Give the names of a photograph's own files, its record last."""
    return [*(name for kind in kinds.values() for name in kind.names(photo)), _record(photo)]


def all_names(kinds: Mapping[str, Output], photos: Sequence[Photograph]) -> list[str]:
    """Give every name that a run may write."""
    own = [name for photo in photos for name in photo_names(kinds, photo)]
    return [*own, *(name for kind in kinds.values() for name in kind.run_names(photos))]


def _record(photo: Photograph) -> str:
    return f"records/{photo.name}.json"


def _gone(photo: Photograph, error: OSError) -> ImageError:
    return ImageError(f"{shown(photo.shown)} can't be opened any more: {error.strerror}")


def _file(path: Path) -> Path | None:
    """A photograph's path; None for one from a zip, whose unpacked copy goes with the run."""
    return None if any(part.startswith(PREFIX) for part in path.parts) else path
