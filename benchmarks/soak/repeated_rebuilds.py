"""Soak: fifty rebuilds in a row in one process. What grows with each would fill a machine that rebuilds every night.

`python -m benchmarks.soak.repeated_rebuilds`, in a checkout, does the rebuilds and prints a line of JSON after each.
"""

import json
import os
import sys
from pathlib import Path

import psutil

from benchmarks.soak.sandbox import Case, Found, Place

ROUNDS = 50
# The first ones fill caches of their own accord.
SETTLED = 10
# Of memory, for what the allocator keeps.
SLACK = 1.05


def repeats() -> dict[tuple[str, str], Case]:
    """The one case."""
    return {(f"{ROUNDS} rebuilds in a row", "report"): many}


def many(place: Place, _: Path) -> Found:
    """Rebuild the last stage again and again; look at memory, open files, processes and DVC's temporary files."""
    wanted = place.outputs()
    process = place.start("benchmarks.soak.repeated_rebuilds")
    said, _ = process.communicate(timeout=3600)
    seen = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    if process.returncode or len(seen) != ROUNDS:
        return Found(f"exit code {process.returncode} after {len(seen)} rebuilds", "-", good=False)
    first, last = seen[SETTLED], seen[-1]
    alike = all(last[what] <= first[what] for what in ("files", "processes", "temporary"))
    good = alike and last["memory_mib"] <= SLACK * first["memory_mib"] and place.gone() and place.outputs() == wanted
    happened = "; ".join(f"{what.replace('_', ' ')}: {first[what]}, then {last[what]}" for what in first)
    return Found(f"after {SETTLED + 1} and after {ROUNDS}: {happened}", "the outputs are the same", good)


def main() -> int:
    from pipelines.flows.rebuild import rebuild

    place = Place(Path.cwd(), os.environ["PREFECT_API_URL"])
    process = psutil.Process()
    for _ in range(ROUNDS):
        place.forget(["report"])
        state = rebuild(return_state=True)
        if not state.is_completed():
            print(state.message, file=sys.stderr)
            return 1
        found = {
            "memory_mib": round(process.memory_info().rss / 2**20),
            "files": process.num_fds(),
            "processes": len(process.children(recursive=True)),
            "temporary": sum(len(names) for _, _, names in os.walk(place.root / ".dvc/tmp")),
        }
        print(json.dumps(found), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
