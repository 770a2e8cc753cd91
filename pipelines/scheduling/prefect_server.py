"""Prefect servers: one for the length of one command where none is configured, and the one of `crackflow serve`.

Prefect can start a temporary server itself. Ours starts while the flow is still being imported, which saves seconds. It
ends with the flow even when that is killed; Prefect's own would stay behind.
"""

import atexit
import contextlib
import functools
import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import IO, TYPE_CHECKING, cast

from crackflow.errors import CrackflowError, one_line
from pipelines.dvc_runner import supervise
from pipelines.loopback import HOST, guarded
from pipelines.scheduling import access, proxies
from tasks.environment import child_environment

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient

GRACE_S = 10.0
POLL_S = 0.1
# Prefect's own default, which people know.
USUAL_PORT = 4200


class ServerError(CrackflowError):
    """A Prefect server does not start, or can't be used."""


@contextlib.contextmanager
def configured_or_temporary() -> Iterator[Callable[[], None]]:
    """Give flows that are called within the `with` block a server.

    Yields:
        A function that waits until the server answers, so that other work can be done first. It raises ServerError,
        where a server is configured at the first try that fails.

    Raises:
        ServerError: when the server goes away while a flow in the block reports to it.
        ProxyError: when a configured server can't be reached through the proxy of the environment.
    """
    import httpx

    try:
        with _configured_or_temporary() as wait:
            yield wait
    except httpx.HTTPError as error:
        raise ServerError(
            f"Prefect's server went away before the end of the run was noted ({one_line(error)}); what was built "
            "stays, and the next run goes on from there"
        ) from None


@contextlib.contextmanager
def _configured_or_temporary() -> Iterator[Callable[[], None]]:
    from prefect.settings import (
        PREFECT_API_AUTH_STRING,
        PREFECT_API_URL,
        PREFECT_UI_URL,
        get_current_settings,
        temporary_settings,
    )

    settings = get_current_settings()
    proxies.prepare_for(settings.api.url)
    if settings.api.url or not settings.server.ephemeral.enabled:
        yield functools.partial(_see_that_it_answers, settings.api.url)
        return
    port, password = free_port(), access.new_password()
    process = subprocess.Popen(
        supervise.watched([sys.executable, *arguments(port, whole=False)], GRACE_S),
        stdin=subprocess.PIPE,
        env={**child_environment(), **access.server_environment(port, password)},
        # Ctrl-C ends the flow, which reports that to the server
        start_new_session=True,
    )
    # Registered before Prefect's own handlers, so it runs after they have sent the last logs.
    atexit.register(end, process)
    # no address of a user interface: a temporary server has none
    address = f"http://{HOST}:{port}/api"
    with temporary_settings({PREFECT_API_URL: address, PREFECT_API_AUTH_STRING: password, PREFECT_UI_URL: ""}):
        yield functools.partial(wait_until_it_answers, process, port, settings.server.ephemeral.startup_timeout_seconds)


def _see_that_it_answers(address: str | None) -> None:
    """Ask a configured server. Without an address Prefect is set to work without a server, and says so itself."""
    from prefect.client.orchestration import get_client

    if address is None:
        return
    with get_client(sync_client=True) as client:
        ask(client, address)


def ask(client: "SyncPrefectClient", address: str) -> None:
    """Check that a server answers and accepts the configured password.

    Raises:
        ServerError: when it does not, or it answers with an error of its own.
    """
    from prefect.exceptions import PrefectHTTPStatusError
    from prefect.settings import get_current_settings

    if client.api_healthcheck():
        raise ServerError(f"no Prefect server answers at {address}; start it, or unset PREFECT_API_URL")
    try:
        # the health check needs no password
        client.read_flows(limit=1)
    except PrefectHTTPStatusError as error:
        status = error.response.status_code
        if status not in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN):
            raise ServerError(
                f"the Prefect server at {address} answers {status}; see its log, and whether its password and "
                "PREFECT_API_AUTH_STRING are of ASCII letters"
            ) from None
        file = get_current_settings().home / access.PASSWORD_FILE
        raise ServerError(
            f"the Prefect server at {address} did not accept the password; expected its own in "
            f"PREFECT_API_AUTH_STRING; that of `crackflow serve` is in {file}"
        ) from None


def arguments(port: int, *, whole: bool) -> list[str]:
    """Python's arguments for a server in a process of its own; its environment is access.server_environment."""
    return ["-m", "pipelines.scheduling.prefect_server", str(port), *(["--whole"] if whole else [])]


def serve(port: int, *, whole: bool) -> None:
    """Serve Prefect's API until SIGTERM.

    Args:
        port: where it listens.
        whole: with Prefect's pages and scheduler; without them it starts sooner.

    Raises:
        ServerError: when the environment names no password.
    """
    import uvicorn
    from prefect.server.api.server import create_app
    from prefect.settings import get_current_settings

    proxies.prepare_for(None)
    settings = get_current_settings().server
    if settings.api.auth_string is None:
        raise ServerError("a server without a password is not started; set PREFECT_SERVER_API_AUTH_STRING")
    uvicorn.run(
        # Prefect's own services call the application inside, under a host name of their own
        guarded(create_app(ephemeral=not whole, final=True), port),
        host=HOST,
        port=port,
        log_level=settings.logging_level.lower() if whole else "error",
        timeout_keep_alive=settings.api.keepalive_timeout,
        ws_ping_interval=settings.api.websocket_ping_interval,
        ws_ping_timeout=settings.api.websocket_ping_timeout,
    )


def wait_until_it_answers(process: "subprocess.Popen[bytes]", port: int, patience_s: float) -> None:
    """Wait until a server that was started answers.

    Raises:
        ServerError: when it has ended, or does not answer within `patience_s`.
    """
    deadline = time.monotonic() + patience_s
    while not answers(port):
        if process.poll() is not None:
            raise ServerError(f"Prefect's server ended with exit code {process.returncode}; what it said is above")
        if time.monotonic() > deadline:
            raise ServerError(
                f"Prefect's server did not answer within {patience_s:g} s; "
                "raise server.ephemeral.startup_timeout_seconds in prefect.toml"
            )
        time.sleep(POLL_S)


def answers(port: int) -> bool:
    """Whether a Prefect server answers on a port of this machine."""
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/api/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def end(process: "subprocess.Popen[bytes]") -> None:
    """End a process that supervise.watched started, and wait until all of its children are gone."""
    cast("IO[bytes]", process.stdin).close()
    process.wait()


def free_port() -> int:
    """Give a port of this machine on which nothing listens."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def choose_port(asked: int | None) -> int:
    """Give the port that was asked for; where none was, Prefect's usual one, or any free one where that is taken.

    Raises:
        ServerError: when the port that was asked for is taken.
    """
    wanted = asked or USUAL_PORT
    with socket.socket() as probe:
        # as servers do: a port is free though its last connections are still closing
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, wanted))
        except OSError:
            if asked:
                raise ServerError(f"port {asked} is taken; name another, or none to have a free one found") from None
            return free_port()
    return wanted


if __name__ == "__main__":
    serve(int(sys.argv[1]), whole="--whole" in sys.argv)
