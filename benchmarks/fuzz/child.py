"""One run on one kind of file, in a process of its own: what a file does to it, a crash too, ends nothing else.

`python -m benchmarks.fuzz.child KIND TOOL SECONDS SEED FOLDER`. Counts, and the shortest file with each fault, are
written to FOLDER as they come, and the file being read to FOLDER/now.
"""

import contextlib
import json
import os
import random
import resource
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any

# What one file may take before it counts as a hang, or as a lack of memory.
MOST_S, MOST_BYTES = 120, 12 * 2**30
AT_A_TIME = 200
_SMALL, _LARGEST = 2**13, 2**16
# Modules whose branches lead atheris: ours, and what they parse with that is written in Python.
_WATCHED = ["crackflow", "zipfile", "yaml", "tifffile", "PIL", "xml", "json", "csv"]


def main() -> None:
    kind, tool, seconds, seed, folder = sys.argv[1:]
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    warnings.simplefilter("ignore")
    {"hypothesis": by_hypothesis, "atheris": by_atheris}[tool](kind, float(seconds), int(seed), Path(folder))


def by_hypothesis(name: str, seconds: float, begin: int, folder: Path) -> None:
    """Try files that hypothesis damages, for so many seconds."""
    from hypothesis import HealthCheck, given, seed, settings

    from benchmarks.fuzz.contract import Tally

    if name == "command line":
        from benchmarks.fuzz import commands, options

        strategy, tried = options.strategy(), commands.Tries(folder / "now")
    else:
        from benchmarks.fuzz.damage import damaged
        from benchmarks.fuzz.kinds import KINDS

        kind = KINDS[name]
        strategy, tried = damaged(kind.wholes()), lambda content: kind.try_in(folder / "now", content)
    tally = Tally(folder)
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:

        @seed(begin)
        @settings(max_examples=AT_A_TIME, deadline=None, database=None, suppress_health_check=list(HealthCheck))
        @given(strategy)
        def one(content: Any) -> None:
            if time.monotonic() < ends:
                # ends the process, though native code may be at work
                signal.alarm(MOST_S)
                _add(tally, content, tried)
                signal.alarm(0)

        one()
        begin += 1
    tally.write()


def by_atheris(name: str, seconds: float, seed: int, folder: Path) -> None:
    """Try files that atheris changes in the direction of branches that were not reached before."""
    import atheris

    with atheris.instrument_imports(include=_WATCHED):
        from benchmarks.fuzz.contract import Tally
        from benchmarks.fuzz.kinds import KINDS
    from benchmarks.fuzz.damage import changed

    kind, tally = KINDS[name], Tally(folder)
    wholes = folder / "wholes"
    wholes.mkdir(exist_ok=True)
    for number, content in enumerate(kind.wholes()):
        (wholes / str(number)).write_bytes(content)
    largest = min(_LARGEST, max(_SMALL, 2 * max(one.stat().st_size for one in wholes.iterdir())))

    def mutated(content: bytes, most: int, number: int) -> bytes:
        if content.startswith(b"{") and random.Random(number).random() < 0.5:  # noqa: S311
            return changed(content, number)[:most]
        return bytes(atheris.Mutate(content, len(content)) if len(content) >= most else atheris.Mutate(content, most))

    def one(content: bytes) -> None:
        _add(tally, content, lambda given: kind.try_in(folder / "now", given))

    flags = [f"-max_total_time={int(seconds)}", f"-max_len={largest}", f"-seed={seed}", "-rss_limit_mb=0"]
    flags += [f"-artifact_prefix={folder}/", f"-timeout={MOST_S}", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *flags, str(wholes)], one, custom_mutator=mutated)
    atheris.Fuzz()


def _add(tally: Any, content: Any, tried: Any) -> None:
    shown = content if isinstance(content, bytes) else json.dumps(content).encode()
    with contextlib.redirect_stdout(None):
        tally.add(shown, tried(content))


if __name__ == "__main__":
    main()
