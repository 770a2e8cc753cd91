"""prefect.yaml: deployed, scheduled and run once by a real worker."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipelines.flows.limits import FLOW_NAME, Limits, permitted_places, read, readable
from pipelines.flows.work_tree import PLACE
from pipelines.git import git

ROOT = Path(__file__).parents[2]
ALL = {one["name"]: one for one in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]}
DEPLOYMENTS = {name: one for name, one in ALL.items() if name != "photographs"}


def test_the_deployment_of_photographs_has_every_parameter_and_stays_within_the_limits():
    from pipelines.flows.predict import predict

    found, limits = ALL["photographs"], read(ROOT)
    assert found["entrypoint"] == "pipelines/flows/predict.py:predict"
    assert set(predict.parameters.properties) == set(found["parameters"])
    predict.validate_parameters(found["parameters"])
    asked = found["parameters"]
    permitted_places(ROOT, limits, asked["out"], asked["model"])
    for path in asked["photographs"]:
        readable(ROOT, limits)(Path(path))
    assert [one.get("active", True) for one in found["schedules"]] == [False]
    assert found["concurrency_limit"] is None


def test_there_are_three_and_one_of_them_has_a_schedule_that_is_on():
    assert sorted(DEPLOYMENTS) == ["data-only", "nightly", "on-demand"]
    on = {name for name, one in DEPLOYMENTS.items() for each in one["schedules"] if each.get("active", True)}
    assert on == {"nightly"}


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_deployment_names_no_place_on_a_machine(name):
    assert DEPLOYMENTS[name]["entrypoint"] == "pipelines/flows/rebuild.py:rebuild"
    assert "pull" not in DEPLOYMENTS[name]
    assert (ROOT / "pipelines/flows/rebuild.py").exists()


@pytest.mark.parametrize("name", DEPLOYMENTS)
def test_a_deployment_keeps_what_it_builds_to_itself_and_has_no_limit_that_outlives_a_worker(name):
    found = DEPLOYMENTS[name]
    assert found["concurrency_limit"] is None
    assert found["work_pool"] == {"name": "crackflow"}
    wanted = {"revision": "HEAD", "commit": False, "push": False, "force": False}
    assert wanted.items() <= found["parameters"].items()


def test_the_data_is_all_that_needs_no_model():
    """train, evaluate, infer and report are left out."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    targets = DEPLOYMENTS["data-only"]["parameters"]["targets"]
    assert set(stages) - set(targets) == {"train", "evaluate", "infer", "report"}
    assert len(set(targets)) == len(targets) == len(stages) - 4


@pytest.fixture
def checkout(server, project):
    """The tiny project under git, with what a worker needs of ours."""
    root = project.root
    (root / ".dvc/config").write_text("[core]\n    analytics = false\n    check_update = false\n")
    (root / ".gitignore").write_text(".crackflow/\n*.txt\n__pycache__/\n")
    shutil.copy(ROOT / "prefect.yaml", root)
    shutil.copytree(ROOT / "pipelines", root / "pipelines", ignore=shutil.ignore_patterns("__pycache__"))
    git(root, "init", "--quiet")
    git(root, "add", "--all")
    git(root, "-c", "user.name=somebody", "-c", "user.email=somebody@localhost", "commit", "--quiet", "-m", "start")
    # a branch that nobody has allowed, whose graph leaves a mark as soon as it is run
    git(root, "checkout", "--quiet", "-b", "evil")
    (root / "dvc.yaml").write_text(f"stages: {{download: {{cmd: touch {root.parent / 'attacked'}}}}}\n")
    git(root, "-c", "user.name=somebody", "-c", "user.email=somebody@localhost", "commit", "--quiet", "-am", "evil")
    git(root, "checkout", "--quiet", "-")
    return project


def prefect(folder, *arguments):
    command = [sys.executable, "-m", "prefect", "--no-prompt", *arguments]
    found = subprocess.run(command, cwd=folder, check=False, capture_output=True, text=True, timeout=240)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.slow
def test_a_worker_runs_what_is_deployed_in_a_work_tree_of_the_checkout(checkout):
    from prefect.client.orchestration import get_client
    from prefect.deployments import run_deployment
    from prefect.exceptions import PrefectHTTPStatusError

    from pipelines.flows.rebuild import rebuild

    prefect(checkout.root, "work-pool", "create", "crackflow", "--type", "process", "--overwrite")
    prefect(checkout.root, "deploy", "--all")
    assert git(checkout.root, "status", "--porcelain") == ""
    # edited after the commit that is built
    (checkout.root / "stage.py").write_text("raise SystemExit('half edited')\n")

    with get_client(sync_client=True) as client:
        deployed = {name: client.read_deployment_by_name(f"{FLOW_NAME}/{name}") for name in DEPLOYMENTS}
        for name, one in deployed.items():
            assert one.parameters == DEPLOYMENTS[name]["parameters"]
            # all are given, so that each can be changed where a run is started
            assert set(rebuild.validate_parameters(one.parameters)) == set(one.parameters)
            assert set(rebuild.parameters.properties) == set(one.parameters)
            assert one.global_concurrency_limit is None
        schedules = {name: [(s.schedule.cron, s.active) for s in one.schedules] for name, one in deployed.items()}
        assert schedules == {"nightly": [("0 2 * * *", True)], "on-demand": [], "data-only": [("0 1 * * sun", False)]}
        with pytest.raises(PrefectHTTPStatusError, match="stage_limit_minutes"):
            client.create_flow_run_from_deployment(
                deployed["on-demand"].id, parameters={"stage_limit_minutes": "a while"}
            )

        runs = [run_deployment(f"{FLOW_NAME}/{name}", timeout=0) for name in ("nightly", "on-demand")]
        # an earlier version took the limits from the environment, which whoever starts a run can add to
        lifted = {"env": {"CRACKFLOW_LIMITS": Limits(branches=("evil",), commit=True, push=True).model_dump_json()}}
        # of what is rejected one is enough here; test_limits.py has the others
        rejected = run_deployment(
            f"{FLOW_NAME}/on-demand", parameters={"revision": "evil"}, timeout=0, job_variables=lifted
        )
        # the worker's own folder is another: it is the deployment that knows the checkout
        prefect(checkout.root.parent, "worker", "start", "--pool", "crackflow", "--run-once")
        states = [client.read_flow_run(run.id).state for run in runs]
        refusal = client.read_flow_run(rejected.id).state
    assert (refusal.name, refusal.message.partition(" for runs")[0]) == ("Refused", "revision evil is not allowed")
    assert not (checkout.root.parent / "attacked").exists()
    # of two at once one builds; the other finds it at work, or done where the worker took its time
    outcomes = {state.name if state.name == "AlreadyRunning" else state.message for state in states}
    assert "4 of 4 stages ran, 0 cached" in outcomes
    assert outcomes - {"4 of 4 stages ran, 0 cached"} in ({"AlreadyRunning"}, {"0 of 4 stages ran, 4 cached"})
    assert (checkout.root / PLACE / "report.txt").read_text() == "report(split(download)0)(statistics(download))"
    assert not (checkout.root / "report.txt").exists()
    assert checkout.processes() == []
