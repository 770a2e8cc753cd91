"""`crackflow serve`: rebuild on a schedule with one command, without a worker.

It keeps two processes, each under watch (pipelines/dvc_runner/supervise.py), so that neither outlives this one however
it dies: Prefect's own server where none is configured, and the runner (pipelines/scheduling/deployment.py) that starts
the flow when it is due. One that dies is started again.
"""

import contextlib
import functools
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from pipelines.dvc_runner import supervise
from pipelines.flows.limits import FLOW_NAME
from pipelines.loopback import HOST
from pipelines.scheduling import access, old_deployments, prefect_server, proxies
from pipelines.scheduling.deployment import Plan, ServeError, claim
from tasks.environment import child_environment

POLL_S = 0.5
RESTART_DELAY_S = 10.0
# One second more than a stage has between SIGTERM and SIGKILL, so that the flow can report what happened to it.
RUNNER_GRACE_S = 11.0
# A browser's open connections would delay the end of a server; its database is safe when it is killed.
SERVER_GRACE_S = 2.0
# A part that dies sooner after its first start has a fault that another start would not cure.
SETTLED_S = 60.0

Say = Callable[[str], object]


class Part:
    """A supervised process that is started again when it dies."""

    def __init__(
        self,
        name: str,
        arguments: list[str],
        grace_s: float,
        environment: Mapping[str, str],
        prepare: Callable[[], object] = lambda: None,
        wait: Callable[["subprocess.Popen[bytes]"], object] = lambda _: None,
    ) -> None:
        """Prepare; nothing is started.

        Args:
            name: in messages.
            arguments: of Python.
            grace_s: seconds between SIGTERM and SIGKILL when it is ended.
            environment: added to this process's.
            prepare: called before each start.
            wait: waits until it works.
        """
        self._name = name
        self._command = supervise.watched([sys.executable, *arguments], grace_s)
        self._environment = {**child_environment(), **environment}
        self._prepare = prepare
        self._wait = wait
        self._starts = 0
        self._since = 0.0
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and wait until it works."""
        self._prepare()
        self._starts += 1
        self._since = time.monotonic()
        self._process = subprocess.Popen(
            self._command,
            stdin=subprocess.PIPE,
            env=self._environment,
            # Ctrl-C is for this process, which ends its parts one after the other
            start_new_session=True,
        )
        self._wait(self._process)

    def end(self) -> None:
        """End it with all that it has started, and wait until that is gone."""
        if self._process is not None:
            prefect_server.end(self._process)

    def revive(self, say: Say) -> None:
        """Start it again where it has died.

        Raises:
            ServeError: when it died soon after it was started first.
        """
        code = None if self._process is None else self._process.poll()
        if code is None:
            return
        if self._starts == 1 and time.monotonic() - self._since < SETTLED_S:
            raise ServeError(f"{self._name} ended with exit code {code} as soon as it was started; see above why")
        say(f"{self._name} ended with exit code {code}; starting it again")
        time.sleep(RESTART_DELAY_S)
        # a server that does not answer now may answer later
        try:
            self.start()
        except prefect_server.ServerError as error:
            say(str(error))


def serve(plan: Plan, root: Path, port: int | None, say: Say) -> None:
    """Rebuild on a schedule until SIGINT, SIGTERM or SIGHUP; then end everything within 15 s.

    Args:
        plan: what is run when.
        root: the checkout, and the current directory.
        port: where the server listens that is started; None for Prefect's usual port, or any where that is taken.
        say: is called with lines for people.

    Raises:
        ServeError: when the schedule can't be served, or a part does not stay up.
        ServerError: when no server answers, or it does not accept the password.
        PasswordError: when the password of a server that is started can't be kept.
        ProxyError: when a configured server can't be reached through the proxy of the environment.
    """
    plan.check(root)
    for number in (signal.SIGTERM, signal.SIGHUP):
        # nohup ignores it, and that stays so
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)
    with contextlib.ExitStack() as stack:
        try:
            parts = _parts(plan, root, port, stack, say)
            say(f"{FLOW_NAME}/{plan.name} runs at '{plan.cron}', {plan.timezone}; Ctrl-C ends it")
            while True:
                for part in parts:
                    part.revive(say)
                time.sleep(POLL_S)
        except KeyboardInterrupt:
            say("ending; a stage that is running has ten seconds to end")


def remove_old(root: Path, say: Say) -> None:
    """Remove the deployments that this checkout has on the configured server under the flow's old name.

    Raises:
        ServerError: when no server is configured, it does not answer, or it does not accept the password.
        ProxyError: when it can't be reached through the proxy of the environment.
    """
    from prefect.client.orchestration import get_client
    from prefect.settings import get_current_settings

    address = get_current_settings().api.url
    if address is None:
        raise prefect_server.ServerError(
            "no Prefect server is configured; set PREFECT_API_URL; from a server of its own `crackflow serve` removes "
            "old deployments whenever it starts"
        )
    proxies.prepare_for(address)
    with get_client(sync_client=True) as client:
        prefect_server.ask(client, address)
        for line in old_deployments.remove(client, root) or ["no deployment of the old name is left"]:
            say(line)


def _parts(plan: Plan, root: Path, port: int | None, stack: contextlib.ExitStack, say: Say) -> list[Part]:
    """Start server and runner. They end with the stack: the runner first, since it reports to the server."""
    from prefect.client.orchestration import get_client
    from prefect.settings import (
        PREFECT_API_AUTH_STRING,
        PREFECT_API_URL,
        get_current_settings,
        temporary_settings,
    )

    settings = get_current_settings()
    api, ui = settings.api.url, settings.ui_url
    proxies.prepare_for(api)
    if api and port:
        raise ServeError(f"--port {port} is for a server of its own, but PREFECT_API_URL names {api}")
    environment: dict[str, str] = {}
    parts = []
    alone = api is None
    if api is None:
        stack.enter_context(_alone(settings.home / "crackflow-serve.lock"))
        port = prefect_server.choose_port(port)
        chosen = settings.server.api.auth_string
        password = chosen.get_secret_value() if chosen else access.kept_password(settings.home)
        ui = f"http://{HOST}:{port}"
        api = f"{ui}/api"
        environment = {"PREFECT_API_URL": api, "PREFECT_UI_URL": ui, "PREFECT_API_AUTH_STRING": password}
        stack.enter_context(temporary_settings({PREFECT_API_URL: api, PREFECT_API_AUTH_STRING: password}))
        parts.append(_server(port, environment, password, settings.server.ephemeral.startup_timeout_seconds))
        say(f"starting Prefect's server at {ui}")
        stack.callback(parts[0].end)
        parts[0].start()
        where = "PREFECT_SERVER_API_AUTH_STRING" if chosen else f"the file {settings.home / access.PASSWORD_FILE}"
        say(f"its pages ask for a password: the whole line in {where}")

    def prepare() -> None:
        with get_client(sync_client=True) as client:
            prefect_server.ask(client, api)
            for line in old_deployments.remove(client, root):
                say(line)
            claim(client, plan, root, alone)

    arguments = ["-m", "pipelines.scheduling.deployment", plan.model_dump_json()]
    parts.append(Part("the runner", arguments, RUNNER_GRACE_S, environment, prepare=prepare))
    stack.callback(parts[-1].end)
    parts[-1].start()
    say(f"runs, logs and figures in a browser: {ui or api}")
    return parts


def _server(port: int, environment: Mapping[str, str], password: str, patience_s: float) -> Part:
    """Prefect's server with its pages and its scheduler, on Prefect's default database."""
    return Part(
        "Prefect's server",
        prefect_server.arguments(port, whole=True),
        SERVER_GRACE_S,
        {**environment, **access.server_environment(port, password)},
        wait=functools.partial(prefect_server.wait_until_it_answers, port=port, patience_s=patience_s),
    )


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold a lock as long as this process lives.

    Raises:
        ServeError: when another process has it: two servers would start each other's runs from one database.
    """
    from filelock import FileLock, Timeout

    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(path, timeout=0):
            yield
    except Timeout:
        raise ServeError(
            "another `crackflow serve` has its server on this database; to add this schedule to it, set "
            "PREFECT_API_URL to its address with /api after it, and choose another --name"
        ) from None
