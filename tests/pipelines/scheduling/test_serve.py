"""pipelines/scheduling/serve.py and deployment.py, as a person starts them: one command, its server, real runs."""

import contextlib
import datetime as dt
import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psutil
import pytest

from pipelines.flows.limits import FLOW_NAME
from pipelines.loopback import HOST
from pipelines.scheduling import access, deployment, old_deployments
from pipelines.scheduling import prefect_server as servers
from pipelines.scheduling import serve as module
from pipelines.scheduling.deployment import Plan, ServeError

# 5 s on a machine with a core to spare, 13 s by the graces; the rest is for one without
ENDED_S = 25
YEARLY = "0 0 1 1 *"
CRACKFLOW = [sys.executable, "-c", "from pipelines.cli import app; app()"]


def plan(**changed):
    return Plan(**{"cron": "0 2 * * *", "timezone": "UTC", "name": "nightly", "parameters": {}, **changed})


# what can't be served


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"cron": "0 25 * * *"}, r"--cron '0 25 \* \* \*': expected minute, hour, day"),
        ({"cron": "0 2 * *"}, "expected minute, hour, day"),
        ({"cron": "0 2 * * * *"}, "expected minute, hour, day"),
        ({"cron": ""}, "expected minute, hour, day"),
        ({"cron": "H 2 * * *"}, "expected minute, hour, day"),
        ({"timezone": "Berlin"}, "--timezone Berlin: no such time zone; expected a name as in Europe/Berlin"),
        ({"timezone": ""}, "no such time zone"),
        ({"name": "every/night"}, "--name every/night: expected a name without / and %"),
        ({"name": ""}, "expected a name"),
        ({"parameters": {"revision": "nowhere"}}, "is in no git repository, expected one with a commit"),
    ],
    ids=str,
)
def test_a_plan_that_can_not_be_served_is_rejected(project, changed, message):
    with pytest.raises(Exception, match=message) as rejected:
        plan(**changed).check(project.root)
    assert rejected.value.exit_code == 2
    assert "\n" not in str(rejected.value)


@pytest.mark.parametrize("cron", ["0 2 * * *", "*/5 8-18 * * mon-fri", "@daily"])
def test_a_plan_that_can_be_served_is_not(project, cron):
    plan(cron=cron, timezone="Europe/Berlin").check(project.root)


def test_outside_a_checkout_there_is_nothing_to_serve(tmp_path):
    with pytest.raises(ServeError, match=r"no dvc\.yaml in .*; run `crackflow serve` in the checkout"):
        plan().check(tmp_path)


def test_the_command_rejects_in_one_line(project):
    found = subprocess.run(
        [*CRACKFLOW, "serve", "--in-place", "--cron", "0 2 * *"],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith("error: --cron '0 2 * *': expected ")
    assert found.stderr.count("\n") == 1


# parts


DIED = "the part ended with exit code 3; starting it again"


def part(code, **options):
    return module.Part("the part", ["-c", code], 1.0, {}, **options)


def test_a_part_that_dies_is_started_again(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "RESTART_DELAY_S", 0)
    monkeypatch.setattr(module, "SETTLED_S", 0)
    said = []
    dying = part(f"open({str(tmp_path / 'starts')!r}, 'a').write('x'); raise SystemExit(3)")
    dying.start()
    for starts in ("x", "xx", "xxx"):
        dying._process.wait(120)
        assert (tmp_path / "starts").read_text() == starts
        dying.revive(said.append)
    assert said == [DIED] * 3
    dying.end()


def test_a_part_that_finds_no_server_is_tried_again(monkeypatch):
    monkeypatch.setattr(module, "RESTART_DELAY_S", 0)
    monkeypatch.setattr(module, "SETTLED_S", 0)
    answers = iter([True, False, True])

    def prepare():
        if not next(answers):
            raise servers.ServerError("no server")

    said = []
    dying = part("raise SystemExit(3)", prepare=prepare)
    dying.start()
    first = dying._process
    first.wait(120)
    dying.revive(said.append)
    assert dying._process is first
    dying.revive(said.append)
    assert dying._process is not first
    assert said == [DIED, "no server", DIED]
    dying.end()


def test_a_part_that_dies_at_once_is_given_up():
    dying = part("raise SystemExit(3)")
    dying.start()
    dying._process.wait(120)
    with pytest.raises(ServeError, match="the part ended with exit code 3 as soon as it was started"):
        dying.revive(pytest.fail)


def test_a_part_that_lives_is_left_alone_until_it_is_ended():
    living = part("import time; time.sleep(300)")
    living.start()
    living.revive(pytest.fail)
    living.end()
    assert living._process.returncode == -signal.SIGKILL


def test_one_process_has_its_server_on_a_database(tmp_path):
    path = tmp_path / "home/lock"
    imports = "from pathlib import Path; from pipelines.scheduling.serve import _alone"
    code = f"{imports}\nwith _alone(Path({str(path)!r})): pass"
    with module._alone(path):
        found = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
    assert "ServeError: another `crackflow serve` has its server on this database" in found.stderr
    subprocess.run([sys.executable, "-c", code], check=True)


# served


class Served:
    """`crackflow serve`, and what its server knows."""

    def __init__(self, project, log, cron):
        self.project = project
        self.log = log
        port = servers.free_port()
        self.page = f"http://{HOST}:{port}"
        environment = {**os.environ, "PREFECT_RUNNER_POLL_FREQUENCY": "1"}
        for name in ("PREFECT_API_URL", "PREFECT_API_AUTH_STRING"):
            del environment[name]
        self.password_file = Path(environment["PREFECT_HOME"], access.PASSWORD_FILE)
        self.process = subprocess.Popen(
            [*CRACKFLOW, "serve", "--cron", cron, "--in-place", "--port", str(port)],
            env=environment,
            stdout=log.open("a"),
            stderr=subprocess.STDOUT,
        )
        project.wait_until(lambda: "Ctrl-C ends it" in log.read_text() or self.process.poll() is not None, 240)

    @property
    def password(self):
        return self.password_file.read_text().strip()

    @contextlib.contextmanager
    def client(self):
        from prefect.client.orchestration import get_client
        from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

        settings = {PREFECT_API_URL: f"{self.page}/api", PREFECT_API_AUTH_STRING: self.password}
        with temporary_settings(settings), get_client(sync_client=True) as client:
            yield client

    def runs(self):
        """The state's name of each run that was begun, the earliest first; "missed" of one that was due and was not."""
        with self.client() as client:
            deployment = client.read_deployment_by_name(f"{FLOW_NAME}/nightly")
            found = [run for run in client.read_flow_runs() if run.deployment_id == deployment.id]
        now = dt.datetime.now(dt.UTC)
        return [
            run.state.name if run.start_time else "missed"
            for run in sorted(found, key=lambda run: run.expected_start_time)
            if run.expected_start_time < now
        ]

    def run_now(self, **parameters):
        with self.client() as client:
            deployment = client.read_deployment_by_name(f"{FLOW_NAME}/nightly")
            client.create_flow_run_from_deployment(deployment.id, parameters=parameters)

    def end(self, number):
        """End it by a signal; give the seconds that took."""
        begun = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(60)
        return time.monotonic() - begun


@pytest.fixture
def serve(server, project, tmp_path):
    """A function that starts it; all share the database of the fixture's server."""
    begun = []

    def start(cron):
        begun.append(Served(project, tmp_path / f"{len(begun)}.log", cron))
        return begun[-1]

    yield start
    for one in begun:
        one.process.kill()
        one.process.wait()
    project.wait_until(lambda: project.processes() == [], 60)
    for log in sorted(tmp_path.glob("*.log")):
        print(f"{log.name}\n{log.read_text()}")


def check_that_strangers_are_kept_out(served):
    def ask(password=None, **headers):
        answer = httpx.post(f"{served.page}/api/flow_runs/filter", json={}, auth=password, headers=headers, timeout=60)
        return answer.status_code

    password = tuple(served.password.split(":", 1))
    assert ask(password) == 200
    assert ask(password, origin=served.page) == 200
    assert ask() == 401
    assert (ask(host="evil.example"), ask(password, host="evil.example")) == (400, 400)
    assert (ask(origin="http://evil.example"), ask(password, origin="http://evil.example")) == (403, 403)
    # the pages too
    assert httpx.get(served.page, headers={"host": "evil.example"}).status_code == 400
    assert stat.S_IMODE(served.password_file.stat().st_mode) == 0o600
    lines = [" ".join(process.cmdline()) for process in served.project.processes()]
    assert any("pipelines.scheduling.prefect_server" in line for line in lines)
    assert not any(password[1] in line for line in [*lines, served.log.read_text()])
    assert str(served.password_file) in served.log.read_text()


@pytest.mark.slow
def test_a_run_starts_when_it_is_due_and_all_ends_with_the_command(serve, project):
    project.ask("slow", "split")
    first = serve("* * * * *")
    # the page that the server serves asks the same server, and the person for the password
    pages = httpx.get(f"{first.page}/ui-settings").json()
    assert (pages["api_url"], pages["auth"]) == (f"{first.page}/api", "BASIC")
    stage = project.wait_until_started(240)
    assert first.end(signal.SIGINT) < ENDED_S
    assert first.process.returncode == 0
    assert project.processes() == []
    assert not any(map(psutil.pid_exists, stage))

    # killed while a run works: everything goes all the same
    (project.root / "started").unlink()
    killed = serve(YEARLY)
    assert killed.runs() == ["Cancelled"]
    check_that_strangers_are_kept_out(killed)
    killed.run_now()
    stage = project.wait_until_started(240)
    killed.process.kill()
    project.wait_until(lambda: project.processes() == [], 120)
    assert not any(map(psutil.pid_exists, stage))

    # the next one knows what became of that, and builds what is missing
    (project.root / "slow").unlink()
    last = serve(YEARLY)
    assert last.runs() == ["Cancelled", "Crashed"]
    last.run_now()
    project.wait_until(lambda: last.runs()[2:] == ["Completed"], 240)
    assert project.text("report") == "report(split(download)0)(statistics(download))"
    # more than it was started with, whatever the file for a worker's runs allows
    (project.root / "prefect.yaml").write_text("definitions: {limits: {push: true}}\n")
    last.run_now(push=True)
    project.wait_until(lambda: last.runs()[3:] == ["Refused"], 240)
    assert last.end(signal.SIGTERM) < ENDED_S
    assert project.processes() == []


# the flow's old name


@pytest.fixture
def deploy_old(client):
    """A function that makes a deployment of the flow's old name, as an earlier crackflow did; gives its id."""
    from prefect.exceptions import ObjectNotFound

    made = []

    def make(name, entrypoint, **settings):
        flow = client.create_flow_from_name(old_deployments.OLD_FLOW)
        made.append(client.create_deployment(flow, name, entrypoint=entrypoint, **settings))
        return made[-1]

    yield make
    for one in made:
        with contextlib.suppress(ObjectNotFound):
            client.delete_deployment(one)


@pytest.mark.slow
def test_one_command_removes_this_checkouts_deployments_of_the_old_name(client, deploy_old, make_deployment, project):
    from prefect.states import Completed

    here, there = project.root, project.root.parent / "other"
    before = {one.id for one in client.read_deployments()}
    served = deploy_old("nightly", "pipelines.rebuild.rebuild", description=deployment.description_of(here))
    deploy_old("on-demand", "pipelines/rebuild.py:rebuild", path=str(here))
    done = client.create_flow_run_from_deployment(served, state=Completed()).id
    kept = {
        deploy_old("theirs", "pipelines/rebuild.py:rebuild", path=str(there)),
        deploy_old("also-theirs", "pipelines.rebuild.rebuild", description=deployment.description_of(there)),
        deploy_old("another-project", "build/all.py:rebuild", path=str(here)),
        make_deployment(deployment.description_of(here)),
    }

    def remove():
        command = [*CRACKFLOW, "serve", "--remove-old"]
        found = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
        return found.stdout.splitlines()

    assert remove() == [
        f"removed the deployment rebuild/{name}, from before the flow had its new name"
        for name in ("nightly", "on-demand")
    ]
    assert {one.id for one in client.read_deployments()} - before == kept
    # what it has done stays to be seen
    assert client.read_flow_run(done).state.is_completed()
    assert remove() == ["no deployment of the old name is left"]


def test_without_a_server_there_is_nothing_to_remove(project, monkeypatch, tmp_path):
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path))
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    command = [*CRACKFLOW, "serve", "--remove-old"]
    found = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith("error: no Prefect server is configured; set PREFECT_API_URL; ")


# the deployment's name


@pytest.fixture
def client(server):
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        yield client


@pytest.fixture
def make_deployment(client):
    """A function that makes the deployment `mine` of the flow, due every hour; what it gives reads its runs' states."""
    from prefect.client.schemas.actions import DeploymentScheduleCreate
    from prefect.client.schemas.schedules import CronSchedule

    from pipelines.flows.rebuild import rebuild

    made = []
    hourly = DeploymentScheduleCreate(schedule=CronSchedule(cron="0 * * * *", timezone="UTC"))

    def make(description, **settings):
        flow = client.create_flow(rebuild)
        made.append(client.create_deployment(flow, "mine", description=description, schedules=[hourly], **settings))
        return made[-1]

    yield make
    for one in made:
        client.delete_deployment(one)


@pytest.mark.slow
def test_what_a_killed_serve_left_is_cleared_away(client, make_deployment, tmp_path):
    from prefect.client.schemas.objects import StateType
    from prefect.states import Completed, Running, Scheduled

    ours = make_deployment(deployment.description_of(tmp_path))
    now = dt.datetime.now(dt.UTC)
    hours = {"start_time": now - dt.timedelta(hours=3), "end_time": now + dt.timedelta(hours=2)}
    client.request(
        "POST", f"/deployments/{ours}/schedule", json={n: t.isoformat() for n, t in hours.items()} | {"min_runs": 5}
    )
    begun, done, asked = (
        client.create_flow_run_from_deployment(ours, state=state).id for state in (Running(), Completed(), Scheduled())
    )

    def scheduled():
        found = [run for run in client.read_flow_runs() if run.deployment_id == ours and run.auto_scheduled]
        return sorted(run.expected_start_time > now for run in found)

    # of five hours, three are past
    assert scheduled() == [False, False, False, True, True]
    deployment.claim(client, plan(name="mine"), tmp_path, alone=False)
    assert scheduled() == [True, True]
    # whether it is at work, nobody can say who is not alone
    assert client.read_flow_run(begun).state_type == StateType.RUNNING

    # another flow's deployment may have the name
    other = client.create_deployment(client.create_flow_from_name("other"), "mine")
    theirs = client.create_flow_run_from_deployment(other, state=Running()).id
    deployment.claim(client, plan(name="mine"), tmp_path, alone=True)
    assert client.read_flow_run(theirs).state_type == StateType.RUNNING
    state = client.read_flow_run(begun).state
    assert (state.name, state.message) == ("Crashed", "ended with `crackflow serve`")
    assert client.read_flow_run(done).state_type == StateType.COMPLETED
    # what a person asked for is run
    assert client.read_flow_run(asked).state_type == StateType.SCHEDULED


@pytest.mark.slow
@pytest.mark.parametrize("pool", [False, True])
def test_a_name_that_another_uses_is_rejected(client, make_deployment, tmp_path, pool):
    from prefect.client.schemas.actions import WorkPoolCreate

    if pool:
        client.create_work_pool(WorkPoolCreate(name="served", type="process"), overwrite=True)
        make_deployment("", work_pool_name="served")
        whose = "belongs to the workers of pool served"
    else:
        make_deployment(deployment.description_of(tmp_path / "other"))
        whose = "is another checkout's"
    with pytest.raises(ServeError, match=f"^{FLOW_NAME}/mine on this server {whose}; choose another --name, or "):
        deployment.claim(client, plan(name="mine"), tmp_path, alone=True)


@pytest.mark.slow
def test_a_name_that_nobody_uses_is_free(client, tmp_path):
    deployment.claim(client, plan(name="nobody's"), tmp_path, alone=True)
