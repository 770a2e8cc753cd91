"""prefect.yaml: deployed, scheduled and run once by a real worker."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]


def test_the_deployment_names_no_place_on_a_machine():
    deployment = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"][0]
    assert deployment["entrypoint"] == "pipelines/rebuild.py:rebuild"
    assert "pull" not in deployment
    assert (ROOT / "pipelines/rebuild.py").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_a_worker_runs_the_nightly_deployment_in_the_checkout(project):
    from prefect import get_client
    from prefect.deployments import run_deployment

    def prefect(*arguments, folder=project.root):
        command = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
        found = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=120)
        assert found.returncode == 0, found.stdout + found.stderr

    shutil.copy(ROOT / "prefect.yaml", project.root)
    shutil.copytree(ROOT / "pipelines", project.root / "pipelines", ignore=shutil.ignore_patterns("__pycache__"))
    before = (project.root / "prefect.yaml").read_text()
    prefect("work-pool", "create", "crackflow", "--type", "process")
    prefect("deploy", "--all")
    assert (project.root / "prefect.yaml").read_text() == before

    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("rebuild/nightly")
        assert [schedule.schedule.cron for schedule in deployment.schedules] == ["0 2 * * *"]
        flow_run = run_deployment("rebuild/nightly", timeout=0)
        # the worker's own folder is another: it is the deployment that knows the checkout
        prefect("worker", "start", "--pool", "crackflow", "--run-once", folder=project.root.parent)
        state = client.read_flow_run(flow_run.id).state
    assert (state.name, state.message) == ("Completed", "4 of 4 stages ran, 0 cached")
    assert project.text("report") == "report(split(download)0)(statistics(download))"
    assert project.processes() == []
