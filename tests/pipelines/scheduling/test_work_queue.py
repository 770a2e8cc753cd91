"""Two checkouts on one server: each has its runs, in its own folder, by its own worker."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipelines.scheduling import work_queue
from pipelines.scheduling.prefect_server import ServerError
from pipelines.scheduling.work_queue import DeployError

ROOT = Path(__file__).parents[3]


def test_names_and_queue_are_of_the_machine_and_all_else_stays():
    content = yaml.safe_load((ROOT / "prefect.yaml").read_text())
    found = work_queue.queued(content, "build-1")
    assert [one["name"] for one in found["deployments"]] == [f"{one['name']}-build-1" for one in content["deployments"]]
    for one, before in zip(found["deployments"], content["deployments"], strict=True):
        assert one["work_pool"] == {"name": "crackflow", "work_queue_name": "build-1"}
        assert {**one, "name": before["name"], "work_pool": before["work_pool"]} == before
    assert found["definitions"] == content["definitions"]


@pytest.mark.parametrize("queue", ["", "-a", "a/b", "a b", "ä", "a" * 64])
def test_a_queue_that_is_no_name_is_rejected(tmp_path, queue):
    with pytest.raises(DeployError, match="expected letters, digits"):
        work_queue.deploy(tmp_path, queue)


def test_what_is_no_checkout_is_rejected(tmp_path):
    with pytest.raises(DeployError, match=r"no prefect.yaml in"):
        work_queue.deploy(tmp_path, "one")
    for text in ("[", "a", "deployments: [{name: a}]"):
        (tmp_path / "prefect.yaml").write_text(text)
        with pytest.raises(DeployError, match="expected `deployments` with name"):
            work_queue.deploy(tmp_path, "one")


def test_it_takes_a_server_that_checkouts_share(tmp_path, monkeypatch):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    shutil.copy(ROOT / "prefect.yaml", tmp_path)
    from prefect.settings import PREFECT_API_URL, temporary_settings

    with temporary_settings(restore_defaults={PREFECT_API_URL}), pytest.raises(ServerError, match="PREFECT_API_URL"):
        work_queue.deploy(tmp_path, "one")


@pytest.mark.slow
def test_a_worker_takes_the_runs_of_its_own_checkout_and_no_others(server, project, monkeypatch):
    from prefect.client.orchestration import get_client
    from prefect.deployments import run_deployment

    from pipelines.flows.limits import FLOW_NAME

    project.shorten()
    shutil.copy(ROOT / "prefect.yaml", project.root)
    shutil.copytree(ROOT / "pipelines", project.root / "pipelines", ignore=shutil.ignore_patterns("__pycache__"))
    other = project.root.with_name("other")
    shutil.copytree(project.root, other)
    prefect = [sys.executable, "-m", "prefect", "--no-prompt"]
    pool = [*prefect, "work-pool", "create", "crackflow", "--type", "process", "--overwrite"]
    subprocess.run(pool, check=True, cwd=project.root, capture_output=True)
    said = work_queue.deploy(project.root, "one")
    assert said[-1] == "to take their runs: prefect worker start --pool crackflow --work-queue one"
    monkeypatch.chdir(other)
    with pytest.raises(DeployError, match=f"nightly-one on this server belongs to {project.root}, expected"):
        work_queue.deploy(other, "one")
    work_queue.deploy(other, "two")

    asked = {"revision": None, "targets": ["download"]}
    runs = [run_deployment(f"{FLOW_NAME}/on-demand-{one}", parameters=asked, timeout=0) for one in ("one", "two")]
    worker = ["worker", "start", "--pool", "crackflow", "--work-queue", "one", "--run-once"]
    # it may start anywhere
    subprocess.run([*prefect, *worker], check=True, cwd=project.root.parent, capture_output=True)
    with get_client(sync_client=True) as client:
        # again, as after a change of prefect.yaml
        work_queue._reject_foreign(client, "nightly-two", other)
        ours, theirs = (client.read_flow_run(run.id).state for run in runs)
    assert ours.is_completed(), ours
    assert theirs.is_scheduled(), theirs
    assert (project.root / "download.txt").exists()
    assert not (other / "download.txt").exists()
