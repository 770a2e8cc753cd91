"""What a pixel of each photograph measures, as the user says it: one number, a CSV, or a distance."""

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from crackflow.errors import DataError, ImageError
from crackflow.geometry.camera import from_photograph
from crackflow.geometry.scale import BOUNDS_MM, LARGEST_MM, SMALLEST_MM, Row, Scale, read_bounds, read_scales
from crackflow.imaging.geotiff import NEEDED, Georeference, has_place, place_of
from crackflow.imaging.heif import is_heif, teach_pillow
from crackflow.inference.inputs import Found
from crackflow.inference.photographs import Photograph
from crackflow.safe_text import cell, printable
from pipelines.commands.prediction_folder import Measuring

# A pixel that measures more shows no crack that is narrower than a finger.
_COARSE_MM = 20
_NO_SQUARES = "its coordinate system does not make its pixels squares of one size on the ground"


@dataclass(frozen=True)
class Given:
    """What the user said.

    Attributes:
        scale: of all photographs that `rows` do not name.
        rows: scales of single photographs.
        file: that `rows` were read from.
        distance_m: from the lens to the surface, of the photographs that `rows` do not name.
        sensor_width_mm: the sensor's longer side; None where EXIF tells it.
        bounds_mm: from which width on a crack is fine, medium and wide; None where the user did not say.
    """

    scale: Scale | None = None
    rows: Sequence[Row] = ()
    file: Path | None = None
    distance_m: float | None = None
    sensor_width_mm: float | None = None
    bounds_mm: tuple[float, float, float] | None = None

    @classmethod
    def of(
        cls,
        mm_per_px: float | None,
        file: Path | None,
        distance_m: float | None,
        sensor_width_mm: float | None,
        width_classes_mm: str = "",
    ) -> "Given":
        """Read the options of the command line.

        Raises:
            DataError: when two of them contradict each other, or a value can't be used.
        """
        if mm_per_px is not None and distance_m is not None:
            raise DataError("both --mm-per-px and --distance-m are given, expected one of them; leave one out")
        if sensor_width_mm is not None and distance_m is None:
            raise DataError("--sensor-width-mm is given without --distance-m, which it belongs to; add the distance")
        scale = None if mm_per_px is None else Scale(mm_per_px)
        bounds = read_bounds(width_classes_mm) if width_classes_mm else None
        return cls(scale, () if file is None else read_scales(file), file, distance_m, sensor_width_mm, bounds)

    def measuring(self, found: Found, places: Mapping[str, Georeference]) -> tuple[Found, Measuring]:
        """Find the scale of each photograph.

        Args:
            found: the photographs.
            places: where they lie on the ground, of those that tell it. That gives a scale where the user names none
                for the photograph or for all.

        Returns:
            The photographs, without those whose EXIF lacks what the distance needs: they are skipped, with the reason.
            And how cracks are measured on them.

        Raises:
            DataError: when the CSV names none of the photographs, or one of several by a name that they share, the
                EXIF of none has what it takes, or there are width classes in mm and no scale.
        """
        by_rows = self._by_photo(found.photos)
        if self.file is not None and not by_rows:
            first = found.photos[0].shown
            raise DataError(f"{self.file} names none of the photographs, such as {first}; correct its first column")
        named = Measuring(scale=self.scale, bounds_mm=self.bounds_mm or BOUNDS_MM, by_photo=by_rows, places=places)
        by_photo = by_rows | ({} if self.scale else _of_places(found, named))
        named = replace(named, by_photo=by_photo)
        if self.bounds_mm and not (self.scale or by_photo or self.distance_m):
            raise DataError(
                "--width-classes-mm is given, but no photograph has a scale, so no width is known in mm; add "
                "--mm-per-px, --mm-per-px-file or --distance-m"
            )
        if self.distance_m is None:
            return found, named
        lacking: dict[Photograph, str] = {}
        for photo in found.photos:
            if not named.is_named(photo):
                try:
                    if is_heif(photo.path):
                        teach_pillow(photo.shown)
                    by_photo[photo.shown] = from_photograph(photo.path, self.distance_m, self.sensor_width_mm)
                except DataError as error:
                    lacking[photo] = str(error)
        left = tuple(photo for photo in found.photos if photo not in lacking)
        if not left:
            first = next(iter(lacking.values()))
            raise DataError(f"--distance-m gives none of {len(lacking)} photographs a scale; the first: {first}")
        skipped = (*found.skipped, *lacking.values())
        return found._replace(photos=left, skipped=skipped), replace(named, by_photo=by_photo)

    def _by_photo(self, photos: Sequence[Photograph]) -> dict[str, Scale]:
        """The scales of the rows, by what tables call the photographs.

        A row names a photograph as tables do, with the folders before it, or by the name of its file where no other
        photograph has the same.
        """
        called = _called(photos)
        found: dict[str, Row] = {}
        for row in self.rows:
            names = _meant(row, called)
            if len(names) > 1:
                first, second = sorted(names)[:2]
                raise DataError(
                    f"{self.file}, line {row.line}: {row.photograph} can be {first} or {second}; write which, with the "
                    "folders before the name"
                )
            for name in names:
                if name in found:
                    raise DataError(
                        f"{self.file}, lines {found[name].line} and {row.line} both name {name}; remove one of the two"
                    )
                found[name] = row
        return {name: row.scale for name, row in found.items()}

    def notes(self, found: Found, measuring: Measuring) -> list[str]:
        """Say, a line each, which rows name no photograph, and which photographs lack a scale that was to be had."""
        lines = []
        called = _called(found.photos)
        if idle := [row for row in self.rows if not _meant(row, called)]:
            lines.append(
                f"{len(idle)} of {len(self.rows)} rows of {self.file} name none of the photographs; the first, line "
                f"{idle[0].line}: {idle[0].photograph[:80]}"
            )
        lines += self._too_far(found, measuring)
        without = [
            photo
            for photo in found.photos
            if measuring.scale_of(photo) is None and (self.file is not None or photo.shown in measuring.places)
        ]
        if without:
            place = measuring.places.get(without[0].shown)
            reason = f"{self.file} does not name it" if place is None else f"{_NO_SQUARES}, {place.crs[:80]}"
            lines.append(
                f"{len(without)} of {len(found.photos)} photographs have no scale, their lengths are in px alone; the "
                f"first, {without[0].shown}: {reason}"
            )
        return lines

    def _too_far(self, found: Found, measuring: Measuring) -> list[str]:
        """Say where the distance makes pixels so large that it can hardly be in metres."""
        scales = {photo: measuring.scale_of(photo) for photo in found.photos if self.distance_m is not None}
        far = [(photo, scale.mm_per_px) for photo, scale in scales.items() if scale and scale.mm_per_px > _COARSE_MM]
        if not far:
            return []
        first, size = far[0]
        which = f"{len(far)} of {len(found.photos)} photographs, the first {first.shown},"
        return [f"{which} have pixels of more than {_COARSE_MM} mm, as {size:.4g}; is --distance-m in metres?"]

    def words(self, found: Found, measuring: Measuring) -> str:
        """Say in one line which scales follow from the distance or from GeoTIFFs; empty where none does."""
        if self.distance_m is None and not measuring.places:
            return ""
        scales = [scale for photo in found.photos if (scale := measuring.scale_of(photo)) is not None]
        if not scales:
            return ""
        sizes = sorted({f"{scale.mm_per_px:.4g}" for scale in scales}, key=float)
        several = f"{sizes[0]} to {sizes[-1]}" if len(sizes) > 1 else sizes[0]
        first = next(photo for photo in found.photos if measuring.scale_of(photo) is not None)
        return f"scale: {several} mm per px; {first.shown}: {scales[0].origin}"


def _called(photos: Sequence[Photograph]) -> list[dict[str, set[str]]]:
    """What tables call the photographs, by what a row may call them; those that go before others first."""
    exact, whole, file = called = [dict[str, set[str]]() for _ in range(3)]
    for photo in photos:
        exact[photo.shown] = {photo.shown}
        for names, text in ((whole, photo.shown), (file, photo.path.name)):
            # as it is, and as summary.csv has it
            for name in (text, cell(printable(text))):
                names.setdefault(_composed(name), set()).add(photo.shown)
    return called


def _meant(row: Row, called: Sequence[Mapping[str, set[str]]]) -> set[str]:
    """The photographs that a row can mean."""
    exact, *others = called
    ways = [exact.get(row.photograph), *(names.get(_composed(row.photograph)) for names in others)]
    return next(filter(None, ways), set())


def _composed(name: str) -> str:
    """One spelling of a name: macOS writes an accent after its letter, others write both as one character."""
    return unicodedata.normalize("NFC", name)


def _of_places(found: Found, named: Measuring) -> dict[str, Scale]:
    """The scales of photographs that tell where they lie, and that the user names none for."""
    scales = {}
    for photo in found.photos:
        place = named.places.get(photo.shown)
        if place is None or place.mm_per_px is None or named.is_named(photo):
            continue
        if SMALLEST_MM <= place.mm_per_px <= LARGEST_MM:
            scales[photo.shown] = Scale(
                place.mm_per_px, f"transform of the GeoTIFF, {place.crs[:80]}, as it is on the ground"
            )
    return scales


def places_of(found: Found) -> tuple[dict[str, Georeference], str]:
    """Find where photographs lie on the ground.

    Returns:
        The place of each that tells it, by what tables call it. And one line for the user where that can't be read.
    """
    placed: dict[str, Georeference] = {}
    unread: list[tuple[str, str]] = []
    for photo in found.photos:
        if has_place(photo.path):
            try:
                place = place_of(photo.path)
            except ModuleNotFoundError:
                unread.append((photo.shown, NEEDED))
            except ImageError as error:
                unread.append((photo.shown, str(error)))
            else:
                placed |= {} if place is None else {photo.shown: place}
    if not unread:
        return placed, ""
    name, reason = unread[0]
    return placed, f"where {len(unread)} photographs lie on the ground is not read; the first, {name}: {reason}"
