"""Work in threads of this process, one per core: the default.

Threads are enough where the time goes into OpenCV, NumPy and zlib: these let go of the interpreter while they compute.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

import cv2

from crackflow.parallel.engine import AHEAD, Done, Item, Lost, Result
from crackflow.parallel.machine import cores


class Threads:
    """Threads. Functions may be closures, since nothing leaves the process."""

    shard_size = 1

    def __init__(self, workers: int = 0) -> None:
        """Take a number of threads.

        Args:
            workers: how many; 0 for one per core.
        """
        self.workers = workers or cores()

    def run(
        self, work: Callable[[Sequence[Item]], Done[Result]], shards: Iterable[Sequence[Item]]
    ) -> Iterator[Done[Result] | Lost]:
        """See Engine. OpenCV's own threads are off meanwhile."""
        own = cv2.getNumThreads()
        cv2.setNumThreads(1)
        pool = ThreadPoolExecutor(self.workers)
        try:
            waiting: deque[Future[Done[Result]]] = deque()
            for shard in shards:
                waiting.append(pool.submit(work, shard))
                if len(waiting) > AHEAD * self.workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
            cv2.setNumThreads(own)
