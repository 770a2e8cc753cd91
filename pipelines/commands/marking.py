"""Mark photographs, or say in one line why one can't be marked: in this process, or by workers.

Workers write files into a folder of the run, and this process alone takes them into the results, in the order of the
photographs. So the results are the same bytes whoever works, and a worker that dies loses what is under way alone.
"""

import contextlib
import shutil
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

from crackflow.errors import ImageError, is_shortage, shortage_line
from crackflow.imaging.fit import ResizeMode
from crackflow.imaging.on_disk import arrays_on_disk
from crackflow.imaging.photo_file import read_photograph
from crackflow.inference.network import Network
from crackflow.inference.operating_point import OperatingPoint
from crackflow.inference.photographs import Photograph, Scale, predict_photo, side_of
from crackflow.parallel.engine import fan_out
from crackflow.params.compute import ComputeParams
from crackflow.progress import track
from crackflow.runtimes.choice import Runtime, digest, load
from crackflow.sources.layouts import shown
from crackflow.work_folder import work_folder
from pipelines.commands.marked_photo import MarkedPhoto
from pipelines.commands.prediction_folder import Making, PhotoFile
from pipelines.memory import MAX_MEMORY, Space
from tasks.code_closure import loaded_fingerprint
from tasks.engine import started

Marked = tuple[Photograph, str]
"""A photograph, and why it can't be marked, in one line; "" where its files are written."""


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


@dataclass(frozen=True)
class Job:
    """What is done with every photograph of a run alike.

    Attributes:
        model: the file.
        model_sha256: of it; a worker that outlives a run loads another model anew.
        runtime: as crackflow.runtimes.choice.choose_runtime gives it.
        classes: how many the model must tell apart, the background included.
        how: photographs are looked at.
        most: pixels of one, for each worker.
    """

    model: Path
    model_sha256: str
    runtime: Runtime
    classes: int
    how: How
    most: Most

    def marker(self, cores: int = 0) -> Marker:
        """Load the model, which uses so many cores; 0 for all of them."""
        return Marker(load(self.model, self.runtime, self.classes, cores), self.how, self.most)


class _Item(NamedTuple):
    """A photograph, as a worker gets it."""

    source: Photograph
    making: Making


class _Made(NamedTuple):
    """What a worker made of a photograph."""

    files: tuple[tuple[Path, str, tuple[str, ...] | None], ...]
    """where each lies, and its name and source as PhotoFile has them"""
    reason: str

    def taken(self) -> Iterator[PhotoFile]:
        """Give the files one after the other; each is removed then."""
        for path, name, source in self.files:
            yield PhotoFile(name, path.read_bytes(), source)
            path.unlink()


def mark_all(
    job: Job,
    making: Making,
    photos: Sequence[Photograph],
    compute: ComputeParams,
    folder: Path,
    add: Callable[[Iterable[PhotoFile]], None],
) -> Iterator[Marked]:
    """Mark photographs one after the other where threads are asked for, since a network uses all cores; or by workers.

    Args:
        job: what is done with each.
        making: how their files are made.
        photos: the photographs.
        compute: who works.
        folder: where workers may put files for a while; they must see it, the photographs and the model at the same
            paths.
        add: gets the files of a photograph, and writes them.

    Yields:
        Each photograph, in their order.

    Raises:
        ModelError: when the model can't be used.
        ParamsError: when Dask is asked for and not installed.
        ShardError: when no worker can be reached, or one has another model, other code or other folders.
        OSError: when a file can't be written.
    """
    if not photos:
        return
    if compute.engine == "threads":
        marker = job.marker()
        for source in track(photos, "predict", unit="photo"):
            yield source, marker.mark(source, lambda one: add(making.files(one)))
        return
    job = replace(job, model=job.model.absolute())
    items = [_Item(one._replace(path=one.path.absolute()), making.only(one)) for one in photos]
    with (
        work_folder(folder.absolute()) as part,
        started(compute, partial(_site, part, items[0].source.path, job)) as engine,
        # ends the work under way also where a file can't be written
        contextlib.closing(fan_out(engine, partial(_work, job, part), items, lost=_lost)) as found,
    ):
        for source, made in zip(photos, track(found, "predict", len(photos), unit="photo"), strict=True):
            if not made.reason:
                add(made.taken())
            yield source, made.reason


def _work(job: Job, part: Path, item: _Item) -> _Made:
    """Mark a photograph in a worker; each try has a folder of its own, so that two never write the same file."""
    place = Path(tempfile.mkdtemp(dir=part))
    files: list[tuple[Path, str, tuple[str, ...] | None]] = []

    def keep(one: MarkedPhoto) -> None:
        for name, content, source in item.making.files(one):
            path = place / str(len(files))
            path.write_bytes(content)
            files.append((path, name, source))

    reason = _marker(job).mark(item.source, keep)
    if reason:
        shutil.rmtree(place)
    return _Made(() if reason else tuple(files), reason)


# A network may be asked by one thread at a time.
_LOADED = threading.local()


def _marker(job: Job) -> Marker:
    """Give what this thread of a worker has loaded, on one core: workers are as many as there are cores."""
    if getattr(_LOADED, "job", None) != job:
        _LOADED.job, _LOADED.marker = job, job.marker(cores=1)
    found: Marker = _LOADED.marker
    return found


def _lost(item: _Item, reason: str) -> _Made:
    return _Made(
        (),
        f"{shown(item.source.shown)}: no worker lived through it ({reason}); give the workers more memory, or take it "
        "out, and run again",
    )


def _site(part: Path, first: Path, job: Job) -> tuple[bool, bool, str, str]:
    """What must be the same here and on each worker: the folder, the photographs, the model and the code."""
    return part.is_dir(), first.is_file(), digest(job.model), loaded_fingerprint(__name__)
