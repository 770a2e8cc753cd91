"""The thread that marks photographs: one job at a time, as `crackflow predict` does it, and the others wait in line."""

import queue
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

from crackflow.errors import ImageError, is_shortage, one_line, shortage_line
from crackflow.imaging.on_disk import arrays_on_disk
from crackflow.imaging.photo_file import read_photograph
from crackflow.inference.network import Network, Probabilities
from crackflow.inference.photographs import Photograph
from pipelines.app.results import ResultFiles
from pipelines.app.shelf import Item, Shelf
from pipelines.commands.marked_photo import MarkedPhoto
from pipelines.commands.marking import How, Marker, Most
from tasks.endings import os_error_line


class StoppedError(Exception):
    """The program ends."""


class Counted:
    """A network that counts the squares it has looked at, and gives up when it is told to."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.input_shape, self.output_shape = network.input_shape, network.output_shape
        self.squares = 0
        self.stop = threading.Event()

    def predict_on_batch(self, x: Any) -> Probabilities:
        """Do as the network does.

        Raises:
            StoppedError: after `stop`.
        """
        if self.stop.is_set():
            raise StoppedError
        found = self._network.predict_on_batch(x)
        self.squares += len(x)
        return np.asarray(found, np.float32)


class Worker(threading.Thread):
    """Marks what is put in its line."""

    def __init__(self, load: Callable[[], Network], how: How, most: Most, shelf: Shelf, files: ResultFiles) -> None:
        super().__init__(name="worker", daemon=True)
        self._load, self._how, self._most = load, how, most
        self._shelf, self._files = shelf, files
        self._line: queue.SimpleQueue[Item | None] = queue.SimpleQueue()
        self._network: Counted | None = None
        self._stopped = threading.Event()

    @property
    def squares(self) -> int:
        """How many squares were looked at since the start."""
        return 0 if self._network is None else self._network.squares

    def put(self, item: Item) -> None:
        """Have a photograph marked, or measured again where it is marked already."""
        with self._shelf.lock:
            item.state = "waiting"
        self._line.put(item)

    def stop(self, seconds: float = 5.0) -> None:
        """End the work, after the squares that are looked at now; what was not measured is lost."""
        self._stopped.set()
        if self._network is not None:
            self._network.stop.set()
        self._line.put(None)
        self.join(seconds)

    def run(self) -> None:
        """Work until `stop`. A defect fails the photographs that it met, is printed, and does not end the thread."""
        while not self._stopped.is_set():
            try:
                self._network = self._network or Counted(self._load())
                self._work(Marker(self._network, self._how, self._most))
            except StoppedError:
                return
            except Exception as error:
                if not self._stopped.is_set():  # then the folder is gone
                    self._give_up(error)

    def _work(self, marker: Marker) -> None:
        while (item := self._line.get()) is not None:
            with self._shelf.lock:
                if self._shelf.get(item.number) is None or item.state != "waiting":
                    continue
                item.state = "working"
            if item.record is not None:
                self._again(item, marker.classes)
            elif reason := marker.mark(item.source, self._keep):
                self._fail(item.source, reason)

    def _again(self, item: Item, classes: int) -> None:
        try:
            with arrays_on_disk(item.path.name) as disk:
                photo = read_photograph(item.path, self._most.in_memory, disk, self._most.on_disk)
                self._keep(self._files.again(item, photo, classes))
        except ImageError as error:
            self._fail(item.source, str(error))
        except Exception as error:
            if not is_shortage(error):
                raise
            self._fail(item.source, f"{item.name}: {shortage_line(error)}")

    def _keep(self, marked: MarkedPhoto) -> None:
        item = self._shelf.get(int(marked.source.name))
        if item is None:  # removed meanwhile
            return
        scale = item.mm_per_px
        record = self._files.add(item, marked, scale)
        with self._shelf.lock:
            item.record, item.state = record, "done"
            if self._shelf.get(item.number) is None:
                self._files.remove(item)
            elif item.mm_per_px != scale:  # set meanwhile
                self.put(item)

    def _fail(self, source: Photograph, reason: str) -> None:
        item = self._shelf.get(int(source.name))
        if item is not None:
            with self._shelf.lock:
                item.state, item.reason, item.record = "failed", reason, None
            self._files.remove(item)

    def _give_up(self, error: Exception) -> None:
        reason = os_error_line(error) if isinstance(error, OSError) else f"crackflow failed: {one_line(error)}"
        if not isinstance(error, OSError):
            traceback.print_exception(error, file=sys.stderr)
        for item in self._shelf:
            if item.state == "working":
                self._fail(item.source, reason)
