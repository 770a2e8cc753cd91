"""Three nights in some minutes: a server, a worker, and the deployment `nightly` with a cron of every minute.

`python -m benchmarks.soak.nightly` builds the soak's small graph from nothing: the first run builds it, the second
finds nothing to do, the third comes after a commit of params. What the server says of every run goes to
docs/results/nightly.json and from there to docs/how-to/schedule.md. With Chromium or Chrome on the PATH, pages of the
browser's interface are pictured into docs/images. `--tables` writes the page alone.
"""

import argparse
import datetime as dt
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from PIL import Image

from benchmarks.accuracy import real
from benchmarks.soak import sandbox
from benchmarks.soak.sandbox import ROOT, Place
from benchmarks.soak.surroundings import worker
from crackflow.atomic import write_text
from pipelines.git import git
from scripts.tables import fill, markdown
from tasks.__main__ import STAGES

RESULTS = ROOT / "docs/results/nightly.json"
PAGE = ROOT / "docs/how-to/schedule.md"
IMAGES = ROOT / "docs/images"
EPOCHS = ("  epochs: 3 ", "  epochs: 4 ")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
LIMIT_S = 900

Run = dict[str, Any]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", action="store_true", help="write the page from docs/results/nightly.json")
    if not parser.parse_args().tables:
        write_text(RESULTS, json.dumps(nights(), indent=1) + "\n")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
    return 0


def nights() -> dict[str, Any]:
    """Run the three, and give every run that the server has of them, with what was committed before."""
    with tempfile.TemporaryDirectory(prefix="nightly-") as name:
        folder = Path(name).resolve()
        with sandbox.server(folder) as api:
            place = sandbox.make(folder, api, built=False)
            every_minute(place)
            with worker(place):
                print(f"the first run comes within a minute; {api.removesuffix('/api')} shows it", flush=True)
                first = await_run(api, lambda run: _ran(run, len(STAGES)))
                await_run(api, lambda run: _ran(run, 0))
                changed = change(place)
                third = await_run(api, lambda run: run["revision"] == changed and not _ran(run, 0))
                seen = runs(api, third["start"])
            picture(api, first, third)
    return {"command": "python -m benchmarks.soak.nightly", "machine": real.machine(), "changed": changed, "runs": seen}


def every_minute(place: Place) -> None:
    """Edit prefect.yaml as somebody would, and commit it."""
    path = place.root / "prefect.yaml"
    text = path.read_text(encoding="utf-8")
    for old, new in (("cron: 0 2 * * *", 'cron: "* * * * *"'), ("commit: false", "commit: true")):
        if old not in text:
            raise RuntimeError(f"prefect.yaml has no `{old}`; say in benchmarks/soak/nightly.py what stands there now")
        text = text.replace(old, new)
    path.write_text(text, encoding="utf-8")
    git(place.root, "commit", "--quiet", "-am", "every minute")


def change(place: Place) -> str:
    """Commit another number of epochs; give the commit as runs name it."""
    path = place.root / "params.yaml"
    text = path.read_text(encoding="utf-8")
    if EPOCHS[0] not in text:
        raise RuntimeError(f"params.yaml has no `{EPOCHS[0]}`, which the soak's small graph should have set")
    path.write_text(text.replace(*EPOCHS), encoding="utf-8")
    git(place.root, "commit", "--quiet", "-am", "an epoch more")
    return git(place.root, "rev-parse", "--short=12", "HEAD")


def runs(api: str, until: str | None = None) -> list[Run]:
    """Every run that has ended, by its start, as the server has it."""
    body = {
        "sort": "START_TIME_ASC",
        "flow_runs": {"state": {"type": {"any_": ["COMPLETED", "FAILED", "CRASHED", "CANCELLED"]}}},
    }
    answer = httpx.post(f"{api}/flow_runs/filter", json=body, timeout=60)
    answer.raise_for_status()
    found = [
        {
            "id": run["id"],
            "start": run["start_time"],
            "seconds": round(run["total_run_time"], 1),
            "state": run["state"]["name"],
            "message": re.sub(r"; .*", "", run["state"]["message"] or ""),
            "gate": (re.findall(r"; (Promoted|Unchanged|Rejected): ", run["state"]["message"] or "") or [""])[0],
            "revision": _revision(api, run["id"]),
        }
        for run in answer.json()
        if run["start_time"]
    ]
    return [run for run in found if until is None or run["start"] <= until]


def _revision(api: str, run: str) -> str:
    """The commit that a run says it builds; nothing where it did not come so far."""
    body = {"logs": {"flow_run_id": {"any_": [run]}}, "limit": 200}
    answer = httpx.post(f"{api}/logs/filter", json=body, timeout=60)
    answer.raise_for_status()
    found = [re.search(r"building ([0-9a-f]{12})", line["message"]) for line in answer.json()]
    return next((one[1] for one in found if one), "")


def await_run(api: str, wanted: Callable[[Run], bool]) -> Run:
    """Wait until a run of a kind has ended."""
    deadline = time.monotonic() + LIMIT_S
    while True:
        ended = runs(api)
        if found := [run for run in ended if wanted(run)]:
            print(f"{found[0]['state']}, {found[0]['seconds']:.0f} s: {found[0]['message']}", flush=True)
            return found[0]
        if time.monotonic() > deadline:
            said = [f"{run['state']}: {run['message']}" for run in ended]
            raise RuntimeError(f"the run that is waited for did not come in {LIMIT_S} s; there were {said}")
        time.sleep(2)


def _ran(run: Run, number: int) -> bool:
    return bool(run["message"].startswith(f"{number} of {len(STAGES)} stages ran"))


def picture(api: str, first: Run, third: Run) -> None:
    """Picture what a person sees of it, where there is a browser."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print(f"no pictures: none of {', '.join(BROWSERS)} is on the PATH")
        return
    body = {"artifacts": {"flow_run_id": {"any_": [third["id"]]}}}
    answer = httpx.post(f"{api}/artifacts/filter", json=body, timeout=60)
    answer.raise_for_status()
    places = {one["key"]: f"artifacts/artifact/{one['id']}" for one in answer.json()}
    for name, place, height in (
        ("run", f"runs/flow-run/{first['id']}", 900),
        ("changes", places["changes"], 1000),
        ("look", places["look"], 1250),
    ):
        path = IMAGES / f"prefect-{name}.png"
        with tempfile.TemporaryDirectory() as profile:
            options = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
            # of the page's own clock, for what it fetches and draws after it was loaded
            options += ["--virtual-time-budget=20000", f"--user-data-dir={profile}", f"--window-size=1400,{height}"]
            command = [browser, *options, f"--screenshot={path}", f"{api.removesuffix('/api')}/{place}"]
            subprocess.run(command, check=True, capture_output=True, timeout=120)
        with Image.open(path) as image:
            # a third of the bytes; of the ways to choose colours the one that keeps rare ones, which have a meaning
            few = image.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
        few.save(path, optimize=True)


def page(text: str) -> str:
    """The page with what docs/results/nightly.json has."""
    return fill(text, "nightly", "benchmarks.soak.nightly", table(json.loads(RESULTS.read_text(encoding="utf-8"))))


def table(values: dict[str, Any]) -> str:
    """A row a run: when it started after the first, how long it took, how it ended."""
    begun = dt.datetime.fromisoformat(values["runs"][0]["start"])
    rows = []
    for run in values["runs"]:
        after = round((dt.datetime.fromisoformat(run["start"]) - begun).total_seconds() / 60)
        commit = "after a commit of params" if run["revision"] == values["changed"] else ""
        said = run["message"] + (f"; gate: {run['gate']}" if run["gate"] else "")
        rows.append([after, f"{run['seconds']:.0f}", run["state"], said, commit])
    return markdown(["minute", "seconds", "state", "message", ""], rows)


if __name__ == "__main__":
    sys.exit(main())
