"""pipelines/flows/rebuild.py: the flow, with real Prefect over real DVC."""

import os
import signal
import subprocess
import sys
import time

import pytest

from crackflow.errors import UnreachableError
from pipelines.dvc_runner.run_lock import hold

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("server")]

# Who runs the tests in the background of a shell hands on a SIGINT that is ignored; a flow in a terminal has Python's.
FLOW = [
    sys.executable,
    "-c",
    """
import signal
from pipelines.flows.rebuild import rebuild
signal.signal(signal.SIGINT, signal.default_int_handler)
rebuild(return_state=True)
""",
]


def rebuild(*args, **kwargs):
    from pipelines.flows.rebuild import rebuild as flow

    return flow(*args, **kwargs, return_state=True)


def task_runs(state, count=4):
    """Names of the task runs and of their states, as the server has them in the end."""
    from prefect import get_client
    from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId

    deadline = time.monotonic() + 30
    with get_client(sync_client=True) as client:
        while True:
            runs = client.read_task_runs(
                flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[state.state_details.flow_run_id]))
            )
            ended = {run.name: run.state for run in runs if run.state.is_final() or run.state.name == "NotReady"}
            if len(ended) == count:
                return ended
            assert time.monotonic() < deadline, f"the server knows of {runs}"
            time.sleep(0.2)


def names(state, count=4):
    return {task: found.name for task, found in task_runs(state, count).items()}


def artifact(state, key):
    from prefect import get_client
    from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, ArtifactFilterKey

    with get_client(sync_client=True) as client:
        found = client.read_artifacts(
            artifact_filter=ArtifactFilter(
                key=ArtifactFilterKey(any_=[key]),
                flow_run_id=ArtifactFilterFlowRunId(any_=[state.state_details.flow_run_id]),
            )
        )
    return found[0].data if found else None


def test_the_first_run_builds_everything_and_the_second_nothing(project):
    first = rebuild()
    assert first.is_completed()
    assert first.message == "4 of 4 stages ran, 0 cached"
    # statistics holds no seed; the seed of params.yaml is 0
    assert project.text("report") == "report(split(download)0)(statistics(download))"
    assert set(names(first).values()) == {"Completed"}

    second = rebuild()
    assert second.message == "0 of 4 stages ran, 4 cached"
    assert set(names(second).values()) == {"Cached"}


def test_a_changed_param_reruns_what_it_touches(built):
    built.set_seed(5)
    state = rebuild()
    assert names(state) == {"download": "Cached", "split": "Completed", "statistics": "Cached", "report": "Completed"}
    assert built.text("report") == "report(split(download)5)(statistics(download))"
    assert "| split | Completed | ran | split.seed modified |" in artifact(state, "stages")
    assert artifact(state, "progress") == 100


def test_figures_become_an_artifact(built):
    (built.root / "metrics").mkdir()
    (built.root / "metrics/evaluation.json").write_text('{"crack": {"pooled": {"iou": 0.5}}}')
    assert "| pooled IoU | 0.500 | - |" in artifact(rebuild(), "figures")
    # a run of a part says nothing new of the model
    assert artifact(rebuild(["split"]), "figures") is None


def test_a_deleted_output_comes_back_from_the_cache(built):
    (built.root / "statistics.txt").unlink()
    state = rebuild()
    assert state.message == "0 of 4 stages ran, 4 cached"
    assert built.text("statistics") == "statistics(download)"


def test_targets_and_force(built):
    state = rebuild(["statistics"], force=True)
    assert names(state, 2) == {"download": "Completed", "statistics": "Completed"}


def test_a_failed_stage_holds_up_those_after_it_and_no_other(built):
    project = built
    project.set_seed(5)
    (project.root / "statistics.txt").unlink()
    project.ask("fail", "split")
    state = rebuild()
    assert state.is_failed()
    assert state.message == "split failed: split: a pity; report did not run"
    found = task_runs(state)
    assert (found["split"].name, found["split"].is_failed()) == ("Fault", True)
    assert found["statistics"].is_completed()
    assert (found["report"].name, found["report"].message) == ("NotReady", "not run, because split did not complete")

    # the cause mended, the run goes on where it stopped
    (project.root / "fail").unlink()
    assert rebuild().message == "2 of 4 stages ran, 2 cached"


def test_a_stage_that_was_killed_has_crashed_and_one_without_a_word_has_failed(built):
    graph = built.root / "dvc.yaml"
    text = graph.read_text()
    graph.write_text(text.replace("python stage.py split", "sh -c 'kill -9 $$' && python stage.py split"))
    state = rebuild(["split"])
    assert state.message == "split failed: killed by SIGKILL, from outside or because memory ran out"
    assert task_runs(state, 2)["split"].is_crashed()
    # as our own stages do when something else than the run ends them
    own = "echo 'error: split: stopped by SIGTERM'; exit 143"
    graph.write_text(text.replace("cmd: python stage.py split download", f'cmd: "{own}"'))
    assert rebuild(["split"]).message == "split failed: killed by SIGTERM, from outside or because memory ran out"
    graph.write_text(text.replace("python stage.py split", "false && python stage.py split"))
    assert names(rebuild(["split"]), 2) == {"download": "Cached", "split": "Failed"}


@pytest.mark.parametrize(("code", "tries"), [(2, 1), (UnreachableError.exit_code, 3)])
def test_only_what_did_not_reach_a_server_is_tried_again(project, monkeypatch, code, tries):
    from pipelines.flows import stages as module

    monkeypatch.setattr(module.run_stage, "retry_delay_seconds", 0)
    attempts = project.root / "attempts"
    count = f"echo x >> {attempts}; test $(wc -l < {attempts}) -ge 3 || {{ echo 'error: no'; exit {code}; }}"
    graph = project.root / "dvc.yaml"
    graph.write_text(
        graph.read_text().replace("cmd: python stage.py download", f'cmd: "{count}; python stage.py download"')
    )
    state = rebuild(["download"])
    assert state.is_completed() == (tries == 3)
    assert len(attempts.read_text().split()) == tries
    if tries == 1:
        assert names(state, 1) == {"download": "Fault"}


def test_a_bad_params_yaml_stops_it_before_any_work(project):
    params = project.root / "params.yaml"
    params.write_text(params.read_text().replace("  epochs:", "  epoch:"))
    state = rebuild()
    assert (state.name, state.is_failed()) == ("Refused", True)
    assert "unknown key train.epoch; did you mean train.epochs?" in state.message
    assert not (project.root / "download.txt").exists()


def test_what_the_system_will_not_do_is_one_line(project):
    lock = project.root / ".crackflow/rebuild.lock"
    lock.mkdir(parents=True)
    state = rebuild()
    assert state.name == "Refused"
    assert state.message == f"{lock}: Is a directory; name another path, and run again"


def test_an_unknown_target_is_rejected(project):
    state = rebuild(["splot"])
    assert (state.name, state.message) == ("Refused", "no stage splot in dvc.yaml; did you mean split?")


def test_a_second_rebuild_ends_as_already_running(project):
    with hold(project.root, 0):
        state = rebuild()
    assert (state.name, state.is_cancelled()) == ("AlreadyRunning", True)
    assert f"process {os.getpid()}" in state.message
    assert not (project.root / "download.txt").exists()


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_that_is_not_above_0_is_rejected(project, limit):
    state = rebuild(stage_limit_minutes=limit)
    assert (state.name, state.is_failed()) == ("Refused", True)
    assert f"the stage limit is {limit} minutes, expected more than 0; for no limit leave it out" in state.message
    assert not (project.root / "download.txt").exists()


def test_a_stage_over_its_time_limit_fails_the_run(built):
    # no other stage has to run, which could take as long on a busy machine
    built.ask("slow", "split")
    built.set_seed(1)
    state = rebuild(["split"], stage_limit_minutes=0.05)
    assert state.message.startswith("split failed: ended at its time limit of 3 s")
    assert built.processes() == []


@pytest.mark.parametrize(
    "number",
    [signal.SIGKILL, signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.soak)],
    ids=lambda number: number.name,
)
def test_no_stage_outlives_the_flow_and_the_next_run_recovers(built, number):
    built.set_seed(5)
    built.ask("slow", "split")
    with subprocess.Popen(FLOW, cwd=built.root, stderr=subprocess.DEVNULL) as flow:
        built.wait_until_started()
        flow.send_signal(number)
        flow.wait(120)
    built.wait_until(lambda: built.processes() == [], 120)
    # DVC removes a stage's outputs before it runs the stage
    assert not (built.root / "split.txt").exists()

    (built.root / "slow").unlink()
    assert rebuild().message == "2 of 4 stages ran, 2 cached"
    assert built.text("report") == "report(split(download)5)(statistics(download))"
