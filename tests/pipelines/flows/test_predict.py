"""pipelines/flows/predict.py, with real Prefect and a model that calls every dark pixel a crack."""

import csv
import json
import time
import zipfile
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest

from crackflow.output.claim import claim
from crackflow.params import Params, render
from pipelines.flows.limits import Limits
from tasks.environment import HomeError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("server")]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A trained model, and five photographs: two cracked, one of these in a folder of its own."""
    pixels = keras.Input((16, 16, 3))
    layer = keras.layers.Conv2D(2, 1, activation="softmax")
    model = keras.Model(pixels, layer(pixels))
    layer.set_weights([np.array([0, -0.1 / 3] * 3, np.float32).reshape(1, 1, 3, 2), np.array([0, 10], np.float32)])
    for folder in ("models", "photos/deck"):
        (tmp_path / folder).mkdir(parents=True)
    model.save(tmp_path / "models/flexunet.keras")
    (tmp_path / "models/operating_point.json").write_text(json.dumps({"threshold": 0.5}))
    (tmp_path / "params.yaml").write_text(render(Params()))
    for number, name in enumerate(("a", "b", "c", "d", "deck/e")):
        photo = np.full((40, 60, 3), 200, np.uint8)
        if name in ("b", "deck/e"):
            photo[10 : 12 + number] = 0
        cv2.imwrite(str(tmp_path / f"photos/{name}.png"), photo)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def predict(*photographs, **options):
    from pipelines.flows.predict import predict as flow

    asked = {"out": "out", "model": "trained", "shard": 2, **options}
    return flow(list(photographs) or ["photos"], **asked, return_state=True)


def found(state, key):
    from prefect import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterKey

    run = ArtifactFilterFlowRunId(any_=[state.state_details.flow_run_id])
    wanted = ArtifactFilter(key=ArtifactFilterKey(any_=[key]), flow_run_id=run)
    with get_client(sync_client=True) as client:
        (artifact,) = client.read_artifacts(artifact_filter=wanted)
    return json.loads(artifact.data)


def shards(state, count):
    """Names of the task runs and of their states, as the server has them in the end."""
    from prefect import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    run = FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
    deadline = time.monotonic() + 30
    with get_client(sync_client=True) as client:
        while True:
            ended = {
                one.name: one.state.name for one in client.read_task_runs(flow_run_filter=run) if one.state.is_final()
            }
            if len(ended) == count:
                return ended
            assert time.monotonic() < deadline, ended
            time.sleep(0.2)


def test_each_shard_is_a_task_run_and_what_is_new_is_all_that_is_done_again(checkout):
    state = predict()
    assert state.is_completed(), state.message
    assert state.name == "Completed"
    assert state.message == ("photographs: 5 done; with cracks: 2; empty: 3; skipped: 0; see out/index.html")
    assert shards(state, 3) == {
        "shard 1: a.png to b.png": "Completed",
        "shard 2: c.png to d.png": "Completed",
        "shard 3: deck/e.png": "Completed",
    }
    rows = list(csv.DictReader(Path("out/summary.csv").read_text(encoding="utf-8").splitlines()))
    assert [row["photo"] for row in rows] == ["a.png", "b.png", "c.png", "d.png", "deck/e.png"]
    table = found(state, "photographs")
    # the widest first: rows 10 to 15, then 10 to 12
    assert [row["photo"] for row in table][:2] == ["deck/e.png", "b.png"]
    assert {row["status"] for row in table[2:]} == {"empty"}

    assert predict().name == "Cached"
    cv2.imwrite("photos/f.png", np.zeros((40, 60, 3), np.uint8))
    third = predict()
    assert third.name == "Completed"
    assert sorted(shards(third, 3).values()) == ["Cached", "Cached", "Completed"]


def test_photographs_that_can_not_be_read_end_no_run(checkout):
    for name in ("c", "d"):
        Path(f"photos/{name}.png").write_bytes(b"no photograph")
    state = predict()
    assert (state.type.value, state.name) == ("COMPLETED", "Skipped")
    assert "skipped: 2 (the first: c.png is truncated or not an image" in state.message
    assert shards(state, 3)["shard 2: c.png to d.png"] == "Fault"
    assert found(state, "photographs")[-1]["status"] == "skipped"


def test_a_folder_that_is_watched_may_be_empty(checkout):
    Path("empty").mkdir()
    assert predict("empty").name == "Cached"
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"shard": 0}, "shard 0, expected 1 or more photographs"),
        ({"out": "photos/out"}, "--out photos/out lies in the input photos"),
    ],
)
def test_what_can_not_be_is_one_line_and_nothing_is_written(checkout, options, words):
    state = predict(**options)
    said = state.message
    assert state.is_failed()
    assert words in said
    assert not Path(options.get("out", "out")).exists()


def test_a_folder_that_another_run_writes_to_is_left_to_it(checkout):
    with claim(Path("out"), Path("photos"), [], command="predict"):
        state = predict()
    assert (state.type.value, state.name) == ("CANCELLED", "AlreadyRunning")


def test_a_zip_elsewhere_is_not_read_by_a_link_whose_name_looks_like_a_pattern(checkout, monkeypatch):
    Path("elsewhere").mkdir()
    with zipfile.ZipFile("elsewhere/secret.zip", "w") as packed:
        packed.write("photos/a.png", "secret.png")
    Path("photos/[a]").symlink_to("../elsewhere")
    # as those of a run that a server started
    limits = Limits(photographs=("photos",), results=("out",))
    monkeypatch.setattr("pipelines.flows.predict.served_limits", lambda _: limits)
    state = predict("photos/[a]/secret.zip")
    assert (state.type.value, state.name) == ("FAILED", "Refused")
    assert "photos/[a]/secret.zip is not allowed for runs started through the server" in state.message
    assert not Path("out").exists()
    assert predict("photos/[ab].png").message.startswith("photographs: 2 done")


def test_a_home_that_can_not_be_had_is_one_line(checkout, monkeypatch):
    def no_home():
        raise HomeError("crackflow-1 is not a folder of yours alone")

    monkeypatch.setattr("pipelines.flows.predict.settle", no_home)
    state = predict()
    assert (state.name, state.message) == ("Refused", "crackflow-1 is not a folder of yours alone")
