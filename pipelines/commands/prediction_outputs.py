"""What `crackflow predict` writes: one class for each kind of output, all in OUTPUTS."""

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from crackflow.imaging.images import Pixels, encode_classes, png_bytes
from crackflow.inference.components import Levels
from crackflow.inference.photographs import Photograph
from crackflow.visualization.overlays import overlay

# Its file says that the folder is complete, so it is written after those of all others.
LAST = "summary"


@dataclass(frozen=True)
class MarkedPhoto:
    """A photograph and what the model found on it.

    All arrays have the photograph's own size.

    Attributes:
        source: its file, what its results are called (`name`), and what tables call it (`shown`).
        photo: uint8 RGB (H, W, 3).
        probability: uint16 (H, W): level k stands for the crack probability k / 65536.
        classes: uint8 (H, W), class numbers; 0 is the background.
        num_classes: number of classes, the background included.
    """

    source: Photograph
    photo: Pixels
    probability: Levels
    classes: Pixels
    num_classes: int


class Output:
    """One kind of output. A run makes one object of it, which sees every photograph that can be read, in order.

    It gives names and contents, and writes nothing itself: names are below --out, with forward slashes.
    """

    def names(self, photos: Sequence[Photograph]) -> Iterable[str]:
        """Give every name that the other two methods may use, before the work begins."""
        raise NotImplementedError

    def add(self, marked: MarkedPhoto) -> Iterable[tuple[str, bytes]]:
        """Give the files of one photograph, or take note of it for `finish`."""
        del marked
        return ()

    def finish(self) -> Iterable[tuple[str, bytes]]:
        """Give the files of the whole run, after the last photograph."""
        return ()


class _Picture(Output):
    """A PNG for each photograph, FOLDER/NAME.png."""

    folder: str

    def names(self, photos: Sequence[Photograph]) -> Iterable[str]:
        """Give a name for each photograph."""
        return [self._name(photo) for photo in photos]

    def add(self, marked: MarkedPhoto) -> Iterable[tuple[str, bytes]]:
        """Give the photograph's picture."""
        return [(self._name(marked.source), png_bytes(self.draw(marked)))]

    def draw(self, marked: MarkedPhoto) -> Pixels:
        """Give the picture, uint8 grey (H, W) or RGB (H, W, 3)."""
        raise NotImplementedError

    def _name(self, photo: Photograph) -> str:
        return f"{self.folder}/{photo.name}.png"


class Masks(_Picture):
    """masks/NAME.png: grey, of the photograph's own size, class k of C as level 255 * k // (C - 1)."""

    folder = "masks"

    def draw(self, marked: MarkedPhoto) -> Pixels:
        """Give the classes as levels."""
        return encode_classes(marked.classes, marked.num_classes)


class Overlays(_Picture):
    """overlays/NAME.png: the photograph with the foreground painted on it."""

    folder = "overlays"

    def draw(self, marked: MarkedPhoto) -> Pixels:
        """Give the painted photograph."""
        return overlay(marked.photo, None, marked.classes)


class Summary(Output):
    """summary.csv: a row for each photograph, with the share of its area that is crack."""

    file = "summary.csv"

    def __init__(self) -> None:
        self._rows: list[tuple[str, str]] = []

    def names(self, photos: Sequence[Photograph]) -> Iterable[str]:
        """Give the one name, whatever the photographs."""
        del photos
        return [self.file]

    def add(self, marked: MarkedPhoto) -> Iterable[tuple[str, bytes]]:
        """Take note of the photograph's row."""
        self._rows.append((marked.source.shown, f"{(marked.classes > 0).mean():.6f}"))
        return ()

    def finish(self) -> Iterable[tuple[str, bytes]]:
        """Give the table."""
        text = io.StringIO()
        rows = csv.writer(text, lineterminator="\n")
        rows.writerow(["photo", "crack_share"])
        rows.writerows(self._rows)
        return [(self.file, text.getvalue().encode())]


# Add a kind of output here; docs/how-to/extend.md shows one.
OUTPUTS: dict[str, type[Output]] = {"masks": Masks, "overlays": Overlays, LAST: Summary}
