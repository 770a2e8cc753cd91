"""What an engine is, and how work on many items is handed to one."""

import itertools
import os
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from typing import Generic, NamedTuple, Protocol, TypeVar

import cv2

from crackflow.errors import CrackflowError

Item = TypeVar("Item")
Result = TypeVar("Result")

# Shards handed out per worker ahead of what was taken: enough that no worker waits, few enough that memory stays flat.
AHEAD = 4
# How often an item is tried whose worker dies.
ATTEMPTS = 3
# What a shard should take, s. A batch of a network takes longer and is a shard: else one worker would have them all.
_SHARD_S = 0.5
# Items that a message names.
_NAMED = 3


class ShardError(CrackflowError):
    """Some work could not be carried out, since its workers died or can't be reached."""


class Done(NamedTuple, Generic[Result]):
    """What a worker made of one shard."""

    results: list[Result]
    worker: str
    """its name: host and process number, or `threads`"""
    seconds: float


class Lost(NamedTuple):
    """A shard whose worker died: one of several items soon, one of a single item when each try of it alone failed."""

    reason: str


class Engine(Protocol):
    """Carries out shards, several at a time.

    Attributes:
        shard_size: the most items in a shard. What goes to another process is worth it only for several items at once,
            unless each takes long.
    """

    shard_size: int

    def run(
        self, work: Callable[[Sequence[Item]], Done[Result]], shards: Iterable[Sequence[Item]]
    ) -> Iterator[Done[Result] | Lost]:
        """Call `work` with each shard.

        Args:
            work: called on several workers at once. Where these are processes, it must be known by its module's name.
            shards: taken a few ahead of what the caller has taken of the results.

        Yields:
            What came of each shard, in their order. What `work` raises is raised here, and queued work is dropped. No
            shard is under way when one is Lost: what is tried next is alone.

        Raises:
            ShardError: when no worker can be reached.
        """


class WorkerTimes:
    """Seconds and shards of each worker: where a run spends its time, and which worker is slow."""

    def __init__(self) -> None:
        self._by_worker: dict[str, list[float]] = {}

    def add(self, worker: str, seconds: float) -> None:
        """Take the time of one shard."""
        self._by_worker.setdefault(worker, []).append(seconds)

    def rows(self) -> list[dict[str, str | int | float]]:
        """A row a worker, the slowest first: its name, shards, seconds in all, and the seconds of its slowest shard."""
        rows: list[dict[str, str | int | float]] = [
            {
                "worker": worker,
                "shards": len(seconds),
                "seconds": round(sum(seconds), 2),
                "slowest_shard_s": round(max(seconds), 3),
            }
            for worker, seconds in self._by_worker.items()
        ]
        return sorted(rows, key=lambda row: (-float(row["seconds"]), str(row["worker"])))


def fan_out(
    engine: Engine,
    function: Callable[[Item], Result],
    items: Iterable[Item],
    *,
    name: Callable[[Item], str] = str,
    times: WorkerTimes | None = None,
    lost: Callable[[Item, str], Result] | None = None,
) -> Generator[Result, None, None]:
    """Call `function` on each item.

    Args:
        engine: that carries it out.
        function: called on several workers at once. Where these are processes, it is a module's function, or a
            functools.partial of one, and can be called again for an item that it has already worked on.
        items: taken a few ahead of what the caller has taken of the results.
        name: what a message calls an item.
        times: takes the seconds of each worker.
        lost: gives the result of an item whose workers died each time, by the item and how they died; None raises
            ShardError.

    Yields:
        The results in the order of the items. What `function` raises is raised here, and queued work is dropped.

    Raises:
        ShardError: after all other items are done, when the workers of some died each time that they were tried; at
            once when no worker can be reached.
    """
    handed: dict[int, Sequence[Item]] = {}
    size = 1

    def shards() -> Iterator[Sequence[Item]]:
        rest = iter(items)
        number = itertools.count()
        while shard := list(itertools.islice(rest, size)):
            handed[next(number)] = shard
            yield shard

    gone: list[str] = []
    done = _Work(function)
    for number, outcome in enumerate(engine.run(done, shards())):
        shard = handed.pop(number)
        # of a lost shard it is one item as a rule that ends its worker
        again = isinstance(outcome, Lost) and len(shard) > 1
        outcomes = engine.run(done, ([item] for item in shard)) if again else [outcome]
        for position, one in enumerate(outcomes):
            if isinstance(one, Lost) and lost:
                yield lost(shard[position], one.reason)
                continue
            if isinstance(one, Lost):
                gone.append(f"{name(shard[position])} ({one.reason})")
                continue
            if times:
                times.add(one.worker, one.seconds)
            if not again:
                size = max(1, min(engine.shard_size, round(len(shard) * _SHARD_S / max(one.seconds, 0.001))))
            yield from one.results
    if gone:
        more = f" and {len(gone) - _NAMED} more" if len(gone) > _NAMED else ""
        raise ShardError(
            f"no worker lived through {'; '.join(gone[:_NAMED])}{more}; all others are done; give the workers more "
            "memory, or take these files out, and run again"
        )


class _Work(Generic[Item, Result]):
    """`function` on each item of a shard, with OpenCV's own threads off: workers are as many as there are cores."""

    def __init__(self, function: Callable[[Item], Result]) -> None:
        self.function = function

    def __call__(self, shard: Sequence[Item]) -> Done[Result]:
        started = time.monotonic()
        cv2.setNumThreads(1)
        results = [self.function(item) for item in shard]
        return Done(results, worker_name(), time.monotonic() - started)


def worker_name() -> str:
    """Name this process on its machine: host and process number."""
    return f"{os.uname().nodename if hasattr(os, 'uname') else 'here'}:{os.getpid()}"
