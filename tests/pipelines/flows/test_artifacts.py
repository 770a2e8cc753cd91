import logging

import httpx
import pytest
from prefect.exceptions import PrefectHTTPStatusError

from crackflow.parallel.engine import WorkerTimes
from pipelines.flows.artifacts import Board, worker_table
from tasks.engine import record_times
from tasks.workspace import Workspace

REQUEST = httpx.Request("POST", "http://127.0.0.1:1/api/artifacts/")


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("All connection\nattempts failed"),
        PrefectHTTPStatusError("503", request=REQUEST, response=httpx.Response(503)),
        RuntimeError("Failed to reach API at http://127.0.0.1:1/api"),
    ],
)
def test_a_server_that_is_away_is_asked_once_and_stops_nothing(error, caplog):
    asked = []

    def make(**what):
        asked.append(what)
        raise error

    board = Board(logging.getLogger("flow"))
    assert board.put(make, key="figures") is None
    assert board.put(make, key="look") is None
    assert asked == [{"key": "figures"}]
    [record] = caplog.records
    assert record.getMessage().startswith("Prefect's server is away, so there are no more artifacts: ")
    assert "\n" not in record.getMessage()


def test_what_is_put_up_is_given_back():
    assert Board(logging.getLogger("flow")).put(lambda key: key.upper(), key="figures") == "FIGURES"


def test_a_defect_is_no_absence():
    def make():
        raise ValueError("a defect")

    with pytest.raises(ValueError, match="a defect"):
        Board(logging.getLogger("flow")).put(make)


def test_the_time_of_each_worker_is_a_table_of_the_stages_that_ran(tmp_path):
    workspace = Workspace(tmp_path)
    assert worker_table(workspace, ["resize"]) == ""
    times = WorkerTimes()
    for worker, seconds in [("fast:1", 0.25), ("slow|:2", 3.0), ("fast:1", 0.5)]:
        times.add(worker, seconds)
    record_times(workspace, "resize", times)
    record_times(workspace, "statistics", times)
    lines = worker_table(workspace, ["download", "resize"]).splitlines()
    assert [line for line in lines if "resize" in line] == [
        "| resize | slow\\|:2 | 1 | 3.0 | 3.0 |",
        "| resize | fast:1 | 2 | 0.75 | 0.5 |",
    ]
    assert not any("statistics" in line for line in lines)
