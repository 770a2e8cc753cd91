"""The machine that work runs on: its cores, and how much memory this process took."""

import os
import sys
from pathlib import Path


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
