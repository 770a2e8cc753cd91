"""The time of the flow beside that of `dvc repro`, in one run: with nothing to do, and with every stage.

`python -m benchmarks.speed.overhead` builds the small graph of the soak beside a Prefect server. Then `dvc repro` and
the flow take turns with nothing to do, and `dvc repro --force` and the flow with force. Medians go to
docs/results/overhead.json and from there to docs/explanation/reliability.md. `--tables` writes the page only.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.accuracy import real
from benchmarks.soak import sandbox
from benchmarks.soak.sandbox import ROOT, Place
from crackflow.atomic import write_text
from scripts.tables import fill, markdown
from tasks.__main__ import STAGES

RESULTS = ROOT / "docs/results/overhead.json"
PAGE = ROOT / "docs/explanation/reliability.md"
NOTHING, EVERYTHING = 5, 3  # turns
FLOW = (
    "from pipelines.flows.rebuild import rebuild; import sys; sys.exit(not rebuild({}return_state=True).is_completed())"
)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", action="store_true", help="write the page from docs/results/overhead.json")
    if not parser.parse_args().tables:
        write_text(RESULTS, json.dumps(measure(), indent=1) + "\n")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    return 0


def measure() -> dict[str, Any]:
    """Run both in turn, and give the seconds of each run."""
    with tempfile.TemporaryDirectory(prefix="overhead-") as name:
        folder = Path(name).resolve()
        with sandbox.server(folder) as api:
            place = sandbox.make(folder, api)
            nothing = turns(place, NOTHING, [], "")
            everything = turns(place, EVERYTHING, ["--force"], "force=True, ")
    return {
        "command": "python -m benchmarks.speed.overhead",
        "machine": real.machine(),
        "stages": len(STAGES),
        "nothing_to_do_s": nothing,
        "every_stage_s": everything,
    }


def turns(place: Place, number: int, options: list[str], parameters: str) -> dict[str, list[float]]:
    """Seconds of `dvc repro` and of the flow, in turn."""
    found: dict[str, list[float]] = {"dvc": [], "flow": []}
    for _ in range(number):
        for who, command in (("dvc", ["-m", "dvc", "repro", *options]), ("flow", ["-c", FLOW.format(parameters)])):
            begun = time.monotonic()
            process = place.start_python(*command)
            said, _ = process.communicate()
            if process.returncode:
                raise RuntimeError(f"{who} ended with exit code {process.returncode}: {said[-500:]}")
            found[who].append(round(time.monotonic() - begun, 2))
    return found


def page(text: str) -> str:
    """The page with the table of docs/results/overhead.json."""
    return fill(text, "overhead", "benchmarks.speed.overhead", table(json.loads(RESULTS.read_text(encoding="utf-8"))))


def table(values: dict[str, Any]) -> str:
    """Medians, and what the flow takes in addition, per run and per stage."""
    rows = []
    for words, key in (("nothing to do", "nothing_to_do_s"), ("every stage", "every_stage_s")):
        dvc, flow = (statistics.median(values[key][who]) for who in ("dvc", "flow"))
        rows.append(
            [words, f"{dvc:.1f}", f"{flow:.1f}", f"{flow - dvc:+.1f}", f"{(flow - dvc) / values['stages']:+.2f}"]
        )
    return markdown(["", "dvc repro, s", "flow, s", "more, s", "more a stage, s"], rows, "---:")


if __name__ == "__main__":
    sys.exit(main())
