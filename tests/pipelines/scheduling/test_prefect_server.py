"""pipelines/scheduling/prefect_server.py; conftest.py and test_cli.py show that a temporary one serves and ends."""

import socket
import subprocess
import sys
import threading

import pytest

from pipelines.loopback import HOST
from pipelines.scheduling import prefect_server as module


@pytest.mark.slow
def test_a_configured_server_is_used(server, project):
    from prefect.settings import PREFECT_API_URL

    before, address = len(project.processes()), PREFECT_API_URL.value()
    with module.configured_or_temporary() as wait:
        wait()
        assert PREFECT_API_URL.value() == address
        assert len(project.processes()) == before


def test_a_configured_server_that_does_not_answer_is_named():
    from prefect.settings import PREFECT_API_URL, temporary_settings

    address = f"http://{HOST}:{module.free_port()}/api"
    with (
        temporary_settings({PREFECT_API_URL: address}),
        pytest.raises(module.ServerError, match=f"no Prefect server answers at {address}; start it, or unset"),
        module.configured_or_temporary() as wait,
    ):
        wait()


@pytest.mark.slow
@pytest.mark.parametrize("password", [None, "crackflow:guess"])
def test_a_server_that_does_not_accept_the_password_is_one_line(server, password):
    from prefect.settings import PREFECT_API_AUTH_STRING, temporary_settings

    with (
        temporary_settings({PREFECT_API_AUTH_STRING: password}),
        pytest.raises(module.ServerError, match="did not accept the password; expected its own in PREFECT_API_AUTH"),
        module.configured_or_temporary() as wait,
    ):
        wait()


@pytest.mark.slow
def test_a_server_of_this_machine_answers_and_gets_events_with_a_proxy_that_can_not_be_used(server, monkeypatch):
    """As a run asks it, in a process of its own: by HTTP, and by WebSocket for events."""
    ask = (
        "import asyncio, os\n"
        "from pipelines.scheduling import prefect_server\n"
        "from prefect.events.clients import PrefectEventsClient\n"
        "from prefect.events import Event\n"
        "async def send():\n"
        "    async with PrefectEventsClient() as client:\n"
        "        await client.emit(Event(event='a', resource={'prefect.resource.id': 'b'}))\n"
        "with prefect_server.configured_or_temporary() as wait:\n"
        "    wait()\n"
        "    asyncio.run(send())\n"
    )
    monkeypatch.setenv("ALL_PROXY", "socks://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    done = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_server_that_answers_with_an_error_of_its_own_is_one_line(server):
    from prefect.settings import PREFECT_API_AUTH_STRING, temporary_settings

    # Prefect's server compares ASCII alone, and fails on anything else
    with (
        temporary_settings({PREFECT_API_AUTH_STRING: "ü:ß"}),
        pytest.raises(module.ServerError, match=r"^the Prefect server at http://.* answers 500; see its log, and"),
        module.configured_or_temporary() as wait,
    ):
        wait()


def test_no_server_starts_without_a_password(monkeypatch):
    monkeypatch.delenv("PREFECT_SERVER_API_AUTH_STRING", raising=False)
    with pytest.raises(module.ServerError, match="without a password is not started"):
        module.serve(module.free_port(), whole=False)


def test_a_server_that_goes_away_is_one_line(monkeypatch):
    import httpx

    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:1/api")
    with (
        pytest.raises(module.ServerError, match=r"went away before the end of the run .*\(all attempts failed\)"),
        module.configured_or_temporary(),
    ):
        raise httpx.ConnectError("all attempts\nfailed")


def test_a_server_that_ends_is_told_at_once():
    with (
        subprocess.Popen([sys.executable, "-c", "raise SystemExit(3)"]) as process,
        pytest.raises(module.ServerError, match="exit code 3"),
    ):
        module.wait_until_it_answers(process, module.free_port(), 60)


def test_a_server_that_does_not_answer_is_not_waited_for_for_ever():
    advice = r"within 0\.3 s; raise server\.ephemeral\.startup_timeout_seconds"
    with subprocess.Popen(["sleep", "300"]) as process:
        with pytest.raises(module.ServerError, match=advice):
            module.wait_until_it_answers(process, module.free_port(), 0.3)
        process.kill()


@pytest.mark.parametrize("answer", [b"", b"no HTTP\r\n\r\n", b"HTTP/1.0 404 Not Found\r\n\r\n"])
def test_another_program_at_the_port_is_no_answer(answer):
    with socket.create_server((HOST, 0)) as listener:

        def reply():
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

        thread = threading.Thread(target=reply, daemon=True)
        thread.start()
        assert module.answers(listener.getsockname()[1]) is False
        thread.join(5)
