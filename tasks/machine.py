"""The machine that a stage runs on: work on all of its cores, and how much memory the stage took.

Threads in one process are enough: OpenCV, NumPy and zlib let go of the interpreter while they compute.
"""

import os
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import cv2

Item = TypeVar("Item")
Result = TypeVar("Result")

# Items handed out per thread ahead of what was taken: enough that no thread waits, few enough that memory stays flat.
AHEAD = 4


def on_all_cores(function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """Call `function` on each item, a thread per core, with OpenCV's own threads switched off meanwhile.

    Args:
        function: called from several threads at once.
        items: taken a few ahead of what the caller has taken of the results.

    Yields:
        The results in the order of the items; what `function` raises is raised here, and queued work is dropped.
    """
    threads = cores()
    own = cv2.getNumThreads()
    cv2.setNumThreads(1)
    pool = ThreadPoolExecutor(threads)
    try:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) > AHEAD * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
        cv2.setNumThreads(own)


def cores() -> int:
    """Cores that this process may run on; a container's quota of time on them is not seen."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def peak_mib() -> int | None:
    """The most memory that this process has held, in MiB; None where the system does not tell.

    Of Linux's two figures the kernel's high-water mark is taken: ru_maxrss starts at what the parent held.
    """
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    text = status.read_text(encoding="utf-8", errors="replace")
    lines = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    # some sandboxes have the file and not the line
    return round(int(lines["VmHWM"].split()[0]) / 1024) if "VmHWM" in lines else None
