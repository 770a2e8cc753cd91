"""Mark photographs one after the other: small ones several at once, while those before them are measured and written.

Two things run side by side, and no more: the network on the next small photographs, and what is done with the last
ones. A large photograph has the machine to itself.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import NamedTuple, Self

from crackflow.errors import ImageError, is_shortage, shortage_line
from crackflow.imaging.fit import ResizeMode
from crackflow.imaging.images import Pixels
from crackflow.imaging.on_disk import OnDisk, arrays_on_disk
from crackflow.imaging.photo_file import read_photograph
from crackflow.inference.batches import Small, look_together, mark_small, small
from crackflow.inference.network import Network
from crackflow.inference.operating_point import OperatingPoint
from crackflow.inference.photographs import Photograph, Prediction, Scale, predict_photo, side_of
from crackflow.inference.tiling import Values
from crackflow.progress import track
from crackflow.sources.layouts import shown
from pipelines.commands.marked_photo import MarkedPhoto
from pipelines.memory import MAX_MEMORY, Space

# Squares that the network gets at once, as of a large photograph (crackflow.inference.tiling.stitched).
AT_ONCE = 4


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


@dataclass
class Marker:
    """Marks photographs, within a `with`; `keep` or `fail` gets each of them once. What `keep` gets is in their order.

    Attributes:
        network: of any runtime.
        how: how they are looked at.
        most: pixels of one.
        keep: gets a photograph that is marked.
        fail: gets a photograph that can't be marked, or that `keep` can't take, and the reason in one line.
        at_once: how many small photographs the network gets at once, 1 or more.
    """

    network: Network
    how: How
    most: Most
    keep: Callable[[MarkedPhoto], None]
    fail: Callable[[Photograph, str], None]
    at_once: int = AT_ONCE
    _waiting: list[tuple[Photograph, Small]] = field(default_factory=list, init=False)
    _looked_at: tuple[list[tuple[Photograph, Small]], "Future[Values]"] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._side = side_of(self.network)
        # as many small ones again lie in memory while they are measured
        self.at_once = min(self.at_once, max(1, self.most.in_memory // (2 * self._side**2)))
        self._thread = ThreadPoolExecutor(1, "network")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._thread.shutdown(cancel_futures=True)

    @property
    def classes(self) -> int:
        """How many classes masks have, the background included."""
        return max(2, self.network.output_shape[-1] or 0)

    def all(self, sources: Sequence[Photograph]) -> None:
        """Mark photographs, with a progress bar."""
        for number, source in enumerate(track(sources, "predict", unit="photo"), start=1):
            self.take(source)
            if number == len(sources):  # before the bar says that all is done
                self.rest()

    def take(self, source: Photograph) -> None:
        """Mark a photograph, now or with the next ones."""
        self._try(source, partial(self._read, source))
        if len(self._waiting) >= self.at_once:
            self._look()

    def rest(self) -> None:
        """Mark all that wait."""
        if self._waiting:
            self._look()
        self._finish()

    def _read(self, source: Photograph) -> None:
        with arrays_on_disk(source.path.name) as disk:
            photo = read_photograph(source.path, self.most.in_memory, disk, self.most.on_disk)
            one = None if disk.used else small(photo, self._side, self.how.mode, self.how.scale)
            if one is not None:
                self._waiting.append((source, one))
                return
            height, width = photo.shape[:2]
            self.most.space.check_squares(source.path.name, height, width, self._side, self.how.mode)
            self.rest()
            seen = predict_photo(self.network, photo, *self.how, disk if disk.used else None)
            disk.release()
            found = self._marked(source, photo, seen, disk)
            del photo, seen
            self.keep(found)

    def _look(self) -> None:
        """Give those that wait to the network, and do the rest of the work on those before meanwhile."""
        group, self._waiting = self._waiting, []
        job = self._thread.submit(look_together, self.network, [one for _, one in group], self.how.views)
        self._finish()
        self._looked_at = group, job

    def _finish(self) -> None:
        if self._looked_at is None:
            return
        (group, job), self._looked_at = self._looked_at, None
        try:
            values: Values | None = job.result()
        except Exception as error:
            if not is_shortage(error):
                raise
            values = None  # there may be room for one
        for number, (source, one) in enumerate(group):
            self._try(source, partial(self._keep_small, source, one, None if values is None else values[number]))

    def _keep_small(self, source: Photograph, one: Small, values: Values | None) -> None:
        if values is None:
            seen = predict_photo(self.network, one.photo, *self.how)
        else:
            seen = mark_small(one, values, self.how.point, self.how.mode, self.how.scale)
        self.keep(self._marked(source, one.photo, seen))

    def _marked(self, source: Photograph, photo: Pixels, seen: Prediction, disk: OnDisk | None = None) -> MarkedPhoto:
        release = (lambda: None) if disk is None else disk.release
        return MarkedPhoto(source, photo, seen.probability, seen.classes, self.classes, release)

    def _try(self, source: Photograph, work: Callable[[], None]) -> None:
        try:
            work()
        except ImageError as error:
            reason = str(error)
        except Exception as error:
            if not is_shortage(error):
                raise
            reason = f"{shown(source.shown)}: {shortage_line(error)}"
        else:
            return
        # the error is gone, and with it what the photograph took
        self.fail(source, reason)
