"""pipelines/dvc_runner/process.py, with real DVC."""

import json
import sys
import threading
import time

import pytest

from crackflow.errors import CrackflowError
from pipelines.dvc_runner.process import StageProcesses, limit_s
from pipelines.dvc_runner.stage_error import StageError, StageStoppedError


@pytest.fixture
def said():
    return []


def test_a_limit_is_given_in_minutes():
    assert limit_s(None) is None
    assert limit_s(0.5) == 30
    for minutes in (0, -1, float("nan"), float("inf")):
        with pytest.raises(CrackflowError, match="expected more than 0; for no limit leave it out"):
            limit_s(minutes)


def test_a_stage_that_runs_is_told_by_its_record(project, said):
    assert StageProcesses(project.root, "run 1").repro("download", said.append) is True
    assert project.text("download") == "download"
    assert json.loads((project.root / ".crackflow/ran/download.json").read_text())["run"] == "run 1"
    assert "Running stage 'download':" in said


def test_a_stage_that_need_not_run_did_not(built, said):
    assert StageProcesses(built.root, "run 1").repro("split", said.append) is False


def test_outputs_taken_from_the_cache_are_no_run(built, said):
    (built.root / "split.txt").unlink()
    assert StageProcesses(built.root, "run 1").repro("split", said.append) is False
    assert built.text("split") == "split(download)0"


def test_a_record_of_another_run_does_not_count(built, said):
    StageProcesses(built.root, "run 1").repro("split", said.append, force=True)
    assert StageProcesses(built.root, "run 2").repro("split", said.append) is False


def test_force_runs_a_stage_though_nothing_changed(built, said):
    assert StageProcesses(built.root, "run 1").repro("split", said.append, force=True) is True


def test_no_other_stage_is_run(project, said):
    with pytest.raises(StageError):
        StageProcesses(project.root, "run 1").repro("split", said.append)
    assert not (project.root / "download.txt").exists()


def test_python_is_the_one_that_runs_the_flow(project, said, monkeypatch):
    # the shells of cron and of a desktop know nothing of a virtual environment
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    StageProcesses(project.root, "run 1").repro("download", said.append)
    assert f"python {sys.executable}" in said


def test_a_repository_that_the_environment_names_is_hidden_from_stages(project, said, monkeypatch):
    monkeypatch.setenv("GIT_DIR", str(project.root / "elsewhere"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(project.root / "elsewhere/index"))
    monkeypatch.setenv("GIT_AUTHOR_NAME", "somebody")
    StageProcesses(project.root, "run 1").command(["env"], said.append, None)
    assert [line for line in said if line.startswith("GIT_")].count("GIT_AUTHOR_NAME=somebody") == 1
    assert not [line for line in said if line.startswith(("GIT_DIR", "GIT_INDEX_FILE"))]


def test_the_reason_is_what_the_stage_said(project, said):
    project.ask("fail", "download")
    with pytest.raises(StageError, match=r"^download: a pity$"):
        StageProcesses(project.root, "run 1").repro("download", said.append)
    assert said[-1].startswith("ERROR: failed to reproduce 'download'")


def test_without_a_word_from_the_stage_the_reason_is_dvcs(project, said):
    (project.root / "dvc.yaml").write_text("stages:\n  download:\n    cmd: exit 3\n")
    with pytest.raises(StageError, match=r"failed to reproduce 'download'.*exited with 3"):
        StageProcesses(project.root, "run 1").repro("download", said.append)


def test_of_a_defect_the_reason_is_the_exception(project, said):
    path = project.root / "stage.py"
    path.write_text("import json\nraise json.JSONDecodeError('a defect', 'x', 0)\n")
    with pytest.raises(StageError, match=r"^json\.decoder\.JSONDecodeError: a defect: line 1") as caught:
        StageProcesses(project.root, "run 1").repro("download", said.append)
    assert caught.value.kind == "failed"
    assert said[-1].startswith("ERROR: failed to reproduce 'download'")


def test_a_stage_is_ended_at_the_time_limit(project, said):
    project.ask("slow", "download")
    # DVC has started by then, and the stage would sleep for 300 s
    processes = StageProcesses(project.root, "run 1", limit_s=4)
    begun = time.monotonic()
    with pytest.raises(StageError, match="time limit of 4 s"):
        processes.repro("download", said.append)
    assert 4 <= time.monotonic() - begun < 120
    assert project.processes() == []


def test_nothing_is_left_of_a_stage_whose_watch_was_killed(project, said):
    project.ask("slow", "download")

    def kill():
        project.wait_until_started()
        next(found for found in project.processes() if "supervise.py" in " ".join(found.cmdline())).kill()

    thread = threading.Thread(target=kill)
    thread.start()
    with pytest.raises(StageError, match="killed by SIGKILL"):
        StageProcesses(project.root, "run 1").repro("download", said.append)
    thread.join()
    # no one is left to wait for them, so they may take a moment
    project.wait_until(lambda: project.processes() == [], 5)


def test_stop_ends_a_stage_with_all_it_started(project, said):
    project.ask("slow", "download")
    processes = StageProcesses(project.root, "run 1")
    caught = []

    def work():
        with pytest.raises(StageStoppedError) as info:
            processes.repro("download", said.append)
        caught.append(info)

    thread = threading.Thread(target=work)
    thread.start()
    project.wait_until_started()
    assert len(project.processes()) >= 3  # DVC, the stage, its child
    processes.stop()
    thread.join(30)
    assert caught
    assert project.processes() == []


def test_nothing_starts_after_stop(project, said):
    processes = StageProcesses(project.root, "run 1")
    processes.stop()
    with pytest.raises(StageStoppedError, match="not started"):
        processes.repro("download", said.append)
    assert not (project.root / "download.txt").exists()


def test_lines_come_while_the_stage_works(project):
    said_at = {}
    command = 'python -c \'import time; print("first"); time.sleep(1.5); print("second")\''
    (project.root / "dvc.yaml").write_text(f"stages:\n  download:\n    cmd: {json.dumps(command)}\n")
    StageProcesses(project.root, "run 1").repro("download", lambda line: said_at.setdefault(line, time.monotonic()))
    assert said_at["second"] - said_at["first"] > 1.0


def test_what_a_stage_leaves_running_is_ended(project, said):
    (project.root / "dvc.yaml").write_text("stages:\n  download:\n    cmd: sleep 300 &\n")
    StageProcesses(project.root, "run 1").repro("download", said.append)
    assert project.processes() == []
