import json

import pytest
import yaml

from benchmarks.soak import nightly
from benchmarks.soak.sandbox import SMALL, Place
from crackflow.params import Params, dump, parse, render
from pipelines.git import git

RUNS = [
    {"start": "2026-01-01T00:00:02Z", "seconds": 61.2, "state": "Completed", "message": "8 of 8", "gate": "Promoted"},
    {"start": "2026-01-01T00:01:01Z", "seconds": 0.4, "state": "AlreadyRunning", "message": "at work", "gate": ""},
    {"start": "2026-01-01T00:02:03Z", "seconds": 30, "state": "Rejected", "message": "4 of 8", "gate": "Rejected"},
]
REVISIONS = ["aaa", "", "bbb"]


def test_every_run_is_a_row_by_the_minute():
    runs = [{**run, "revision": revision} for run, revision in zip(RUNS, REVISIONS, strict=True)]
    assert nightly.table({"runs": runs, "changed": "bbb"}).splitlines()[2:] == [
        "| 0 | 61 | Completed | 8 of 8; gate: Promoted |  |",
        "| 1 | 0 | AlreadyRunning | at work |  |",
        "| 2 | 30 | Rejected | 4 of 8; gate: Rejected | after a commit of params |",
    ]


@pytest.fixture
def place(tmp_path, under_git):
    """The committed prefect.yaml and the soak's params, under git."""
    root = tmp_path / "checkout"
    root.mkdir()
    (root / "prefect.yaml").write_bytes((nightly.ROOT / "prefect.yaml").read_bytes())
    values = dump(Params())
    for block, changes in SMALL.items():
        values[block] |= changes
    (root / "params.yaml").write_text(render(parse(values)))
    under_git(root)
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "-m", "start")
    return Place(root, "")


def test_the_schedule_and_the_params_are_committed_as_somebody_would(place):
    nightly.every_minute(place)
    deployments = {one["name"]: one for one in yaml.safe_load((place.root / "prefect.yaml").read_text())["deployments"]}
    assert deployments["nightly"]["schedules"] == [{"cron": "* * * * *", "timezone": "UTC"}]
    assert deployments["nightly"]["parameters"]["commit"] is True
    assert nightly.change(place) == git(place.root, "rev-parse", "--short=12", "HEAD")
    assert yaml.safe_load((place.root / "params.yaml").read_text())["train"]["epochs"] == SMALL["train"]["epochs"] + 1
    assert git(place.root, "status", "--porcelain") == ""


def test_what_is_not_there_to_be_changed_is_named(place):
    (place.root / "prefect.yaml").write_text("deployments: []\n")
    with pytest.raises(RuntimeError, match="cron: 0 2"):
        nightly.every_minute(place)
    (place.root / "params.yaml").write_text("train:\n")
    with pytest.raises(RuntimeError, match="epochs: 3"):
        nightly.change(place)


@pytest.mark.skipif(not nightly.RESULTS.exists(), reason="not run yet")
def test_the_page_is_that_of_the_results():
    text = nightly.PAGE.read_text(encoding="utf-8")
    assert nightly.page(text) == text
    assert len(json.loads(nightly.RESULTS.read_text())["runs"]) >= 3
