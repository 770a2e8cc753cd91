"""Work in processes of this machine: a file that kills its decoder costs a shard, not the run."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool

from crackflow.parallel.engine import AHEAD, ATTEMPTS, Done, Item, Lost, Result
from crackflow.parallel.machine import cores


class Processes:
    """A pool of processes, started anew (spawn): a fork of a process that has threads may hang."""

    shard_size = 16

    def __init__(self, workers: int = 0) -> None:
        """Take a number of processes; they are started by `run`.

        Args:
            workers: how many; 0 for one per core.
        """
        self.workers = workers or cores()

    def run(
        self, work: Callable[[Sequence[Item]], Done[Result]], shards: Iterable[Sequence[Item]]
    ) -> Iterator[Done[Result] | Lost]:
        """See Engine. Where a process dies, the shards that were under way are tried again one by one."""
        rest = iter(shards)
        pool = _pool(self.workers)
        waiting: deque[tuple[Sequence[Item], Future[Done[Result]]]] = deque()
        try:
            while True:
                for shard in rest:
                    try:
                        future = pool.submit(work, shard)
                    except BrokenProcessPool as error:  # it broke while the caller was busy
                        future = Future()
                        future.set_exception(error)
                    waiting.append((shard, future))
                    if len(waiting) > AHEAD * self.workers:
                        break
                if not waiting:
                    return
                shard, future = waiting.popleft()
                try:
                    yield future.result()
                except BrokenProcessPool:
                    # one of those under way ended its process; all that were handed out fail with it
                    pool.shutdown(cancel_futures=True)
                    for one, found in [(shard, future), *waiting]:
                        yield found.result() if _is_done(found) else _alone(work, one)
                    waiting.clear()
                    pool = _pool(self.workers)
        finally:
            pool.shutdown(cancel_futures=True)


def _is_done(future: "Future[Done[Result]]") -> bool:
    return future.done() and not future.cancelled() and not isinstance(future.exception(), BrokenProcessPool)


def _alone(work: Callable[[Sequence[Item]], Done[Result]], shard: Sequence[Item]) -> Done[Result] | Lost:
    """Try a shard in a process of its own, so that it is known which one ends it."""
    attempts = ATTEMPTS if len(shard) == 1 else 1
    for _ in range(attempts):
        with _pool(1) as pool:
            try:
                return pool.submit(work, shard).result()
            except BrokenProcessPool:
                continue
    return Lost(f"the process died {attempts} times")


def _pool(workers: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), _begin)


def _begin() -> None:
    """Leave Ctrl-C to the parent, and end with it: a pool's processes outlive a parent that was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
        os._exit(1)
