"""What `crackflow predict` writes: one class for each kind of output, all in OUTPUTS."""

from collections.abc import Iterable, Iterator, Sequence

from crackflow.errors import DataError
from crackflow.imaging.images import Pixels, encode_classes
from crackflow.imaging.png_strips import png_of, strips_of
from crackflow.inference.photographs import Photograph
from crackflow.results import coco, cvat, gallery, geojson, labelme, results_json, tables
from crackflow.results.annotated_overlay import annotated, thumbnail
from crackflow.results.record import PhotoRecord
from crackflow.results.run import Run
from pipelines.commands.marked_photo import MarkedPhoto

# Its file says that the folder is complete, so it is written after those of all others.
LAST = "summary"
MASKS, THUMBNAILS = "masks", "thumbnails"


class Output:
    """One kind of output. It gives names and contents, and writes nothing itself.

    Names are below --out, with forward slashes. An object of it keeps nothing of the photographs: those that an earlier
    run has marked are not shown to `add` again.

    Attributes:
        on_request: whether it is written only where its name is given.
    """

    on_request = False

    def names(self, photo: Photograph) -> Iterable[str]:
        """Give every name that `add` may use for this photograph, before the work begins."""
        del photo
        return ()

    def run_names(self, photos: Sequence[Photograph]) -> Iterable[str]:
        """Give every name that `finish` may use, before the work begins."""
        del photos
        return ()

    def add(self, marked: MarkedPhoto, record: PhotoRecord) -> Iterable[tuple[str, bytes]]:
        """Give the files of one photograph; `record` has what was measured on it."""
        del marked, record
        return ()

    def finish(self, run: Run) -> Iterable[tuple[str, bytes]]:
        """Give the files of the whole run, after the last photograph."""
        del run
        return ()


class _Picture(Output):
    """A picture for each photograph, FOLDER/NAME.ENDING."""

    folder: str
    ending = "png"

    def names(self, photo: Photograph) -> Iterable[str]:
        """Give the picture's name."""
        return [f"{self.folder}/{photo.name}.{self.ending}"]

    def add(self, marked: MarkedPhoto, record: PhotoRecord) -> Iterable[tuple[str, bytes]]:
        """Give the picture."""
        return [(f"{self.folder}/{marked.source.name}.{self.ending}", self.picture(marked, record))]

    def picture(self, marked: MarkedPhoto, record: PhotoRecord) -> bytes:
        """Give the picture's file."""
        raise NotImplementedError


class Masks(_Picture):
    """masks/NAME.png: grey, of the photograph's own size, class k of C as level 255 * k // (C - 1)."""

    folder = MASKS

    def picture(self, marked: MarkedPhoto, record: PhotoRecord) -> bytes:
        """Give the classes as levels."""
        del record
        classes = marked.classes
        strips = (encode_classes(classes[rows], marked.num_classes) for rows in strips_of(*classes.shape))
        return png_of(strips, *classes.shape)


class Overlays(_Picture):
    """overlays/NAME.png: the photograph with the foreground painted on it, and what its widest cracks measure."""

    folder = "overlays"

    def picture(self, marked: MarkedPhoto, record: PhotoRecord) -> bytes:
        """Give the painted photograph."""
        return png_of(self._strips(marked, record), *marked.classes.shape)

    def _strips(self, marked: MarkedPhoto, record: PhotoRecord) -> Iterator[Pixels]:
        for strip in annotated(marked.photo, marked.classes, record):
            yield strip
            marked.release()


class Probabilities(_Picture):
    """probability/NAME.png: 16-bit grey; level k stands for the crack probability k / 65536."""

    folder = "probability"
    on_request = True

    def picture(self, marked: MarkedPhoto, record: PhotoRecord) -> bytes:
        """Give the levels."""
        del record
        levels = marked.probability
        return png_of((levels[rows] for rows in strips_of(*levels.shape)), *levels.shape)


class Thumbnails(_Picture):
    """thumbnails/NAME.jpg: small pictures for the gallery."""

    folder = THUMBNAILS
    ending = "jpg"

    def picture(self, marked: MarkedPhoto, record: PhotoRecord) -> bytes:
        """Give the small picture."""
        del record
        return thumbnail(marked.photo, marked.classes)


class _OneFile(Output):
    """One file for the whole run."""

    file: str

    def run_names(self, photos: Sequence[Photograph]) -> Iterable[str]:
        """Give the one name, whatever the photographs."""
        del photos
        return [self.file]

    def finish(self, run: Run) -> Iterable[tuple[str, bytes]]:
        """Give the file."""
        return [(self.file, self.content(run))]

    def content(self, run: Run) -> bytes:
        """Give what is in the file."""
        raise NotImplementedError


class Cracks(_OneFile):
    """cracks.csv: a row for each crack."""

    file = tables.CRACKS

    def content(self, run: Run) -> bytes:
        """Give the table."""
        return tables.cracks(run)


class ResultsJson(_OneFile):
    """results.json: all that the tables hold, for programs."""

    file = results_json.FILE

    def content(self, run: Run) -> bytes:
        """Give the JSON."""
        return results_json.results_json(run)


class Gallery(_OneFile):
    """index.html: all photographs, to look through."""

    file = gallery.FILE

    def content(self, run: Run) -> bytes:
        """Give the page."""
        return gallery.gallery(run)


class Coco(_OneFile):
    """coco.json: labels of all photographs, as COCO has them."""

    file = coco.FILE
    on_request = True

    def content(self, run: Run) -> bytes:
        """Give the labels."""
        return coco.coco(run)


class Cvat(_OneFile):
    """cvat.xml: labels of all photographs, as CVAT for images 1.1 has them."""

    file = cvat.FILE
    on_request = True

    def content(self, run: Run) -> bytes:
        """Give the labels."""
        return cvat.cvat(run)


class Labelme(Output):
    """labelme/NAME.json: labels of each photograph."""

    on_request = True

    def run_names(self, photos: Sequence[Photograph]) -> Iterable[str]:
        """Give a name for each photograph."""
        return [labelme.file_of(photo.name) for photo in photos]

    def finish(self, run: Run) -> Iterable[tuple[str, bytes]]:
        """Give the files one after the other."""
        return ((labelme.file_of(record.name), labelme.labelme(run, record)) for record in run.read())


class Geojson(Output):
    """geojson/NAME.geojson: cracks of each photograph as lines and areas."""

    on_request = True

    def run_names(self, photos: Sequence[Photograph]) -> Iterable[str]:
        """Give a name for each photograph."""
        return [geojson.file_of(photo.name) for photo in photos]

    def finish(self, run: Run) -> Iterable[tuple[str, bytes]]:
        """Give the files one after the other."""
        return ((geojson.file_of(record.name), geojson.geojson(run, record)) for record in run.read())


class Summary(_OneFile):
    """summary.csv: a row for each photograph."""

    file = tables.SUMMARY

    def content(self, run: Run) -> bytes:
        """Give the table."""
        return tables.summary(run)


# Add a kind of output here; docs/how-to/extend.md shows one.
OUTPUTS: dict[str, type[Output]] = {
    MASKS: Masks,
    "overlays": Overlays,
    "probability": Probabilities,
    THUMBNAILS: Thumbnails,
    "cracks": Cracks,
    "results": ResultsJson,
    "geojson": Geojson,
    "coco": Coco,
    "labelme": Labelme,
    "cvat": Cvat,
    "gallery": Gallery,
    LAST: Summary,
}
# Files that other tools read, which `--format` names.
FORMATS = ("geojson", "coco", "labelme", "cvat")


def chosen(names: Iterable[str] | None) -> dict[str, Output]:
    """Make an object of each kind of output that is wanted, LAST at the end.

    Args:
        names: of OUTPUTS; None for all that need no request. Masks are always among them: labels follow from them.
    """
    wanted = {MASKS, *(names if names is not None else (name for name in OUTPUTS if not OUTPUTS[name].on_request))}
    return {name: OUTPUTS[name]() for name in sorted(OUTPUTS, key=lambda name: name == LAST) if name in wanted}


def requested(formats: str, *, probability: bool) -> list[str]:
    """Give the names of all outputs that are wanted.

    Args:
        formats: of FORMATS, with commas between them; empty for none.
        probability: whether the probabilities are wanted too.

    Raises:
        DataError: when one is none of FORMATS.
    """
    asked = [name for name in (part.strip().lower() for part in formats.split(",")) if name]
    if unknown := [name for name in asked if name not in FORMATS]:
        raise DataError(f"--format {unknown[0]}, expected one or more of {', '.join(FORMATS)}; correct it")
    always = [name for name, kind in OUTPUTS.items() if not kind.on_request]
    return [*always, *asked, *(["probability"] if probability else [])]
