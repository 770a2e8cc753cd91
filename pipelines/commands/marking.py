"""Mark a photograph, or say in one line why that can't be."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from crackflow.errors import ImageError, is_shortage, shortage_line
from crackflow.imaging.fit import ResizeMode
from crackflow.imaging.on_disk import arrays_on_disk
from crackflow.imaging.photo_file import read_photograph
from crackflow.inference.network import Network
from crackflow.inference.operating_point import OperatingPoint
from crackflow.inference.photographs import Photograph, Scale, predict_photo, side_of
from crackflow.sources.layouts import shown
from pipelines.commands.marked_photo import MarkedPhoto
from pipelines.memory import MAX_MEMORY, Space


class How(NamedTuple):
    """How photographs are looked at, as crackflow.inference.photographs.predict_photo takes it."""

    point: OperatingPoint
    mode: ResizeMode
    scale: Scale
    views: int


class Most(NamedTuple):
    """How many pixels a photograph may have."""

    in_memory: int
    on_disk: int
    """of a TIFF whose arrays lie on the disk"""
    space: Space = Space(MAX_MEMORY)
    """what it may take besides, by its shape"""


@dataclass(frozen=True)
class Marker:
    """Marks photographs.

    Attributes:
        network: of any runtime.
        how: how they are looked at.
        most: pixels of one.
    """

    network: Network
    how: How
    most: Most

    @property
    def classes(self) -> int:
        """How many classes masks have, the background included."""
        return max(2, self.network.output_shape[-1] or 0)

    def mark(self, source: Photograph, keep: Callable[[MarkedPhoto], None]) -> str:
        """Mark a photograph.

        Args:
            source: the photograph.
            keep: gets it. Its arrays may be gone from memory and disk afterwards.

        Returns:
            Why it can't be marked, or `keep` can't take it, in one line; "" where it is kept.
        """
        try:
            self._mark(source, keep)
        except ImageError as error:
            return str(error)
        except Exception as error:
            if not is_shortage(error):
                raise
            return f"{shown(source.shown)}: {shortage_line(error)}"
        return ""

    def _mark(self, source: Photograph, keep: Callable[[MarkedPhoto], None]) -> None:
        with arrays_on_disk(source.path.name) as disk:
            photo = read_photograph(source.path, self.most.in_memory, disk, self.most.on_disk)
            height, width = photo.shape[:2]
            self.most.space.check_squares(source.path.name, height, width, side_of(self.network), self.how.mode)
            seen = predict_photo(self.network, photo, *self.how, disk if disk.used else None)
            disk.release()
            one = MarkedPhoto(source, photo, seen.probability, seen.classes, self.classes, disk.release)
            del photo, seen
            keep(one)
