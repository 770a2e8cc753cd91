import http.server
import os
import subprocess
import threading

import httpx
import pytest

from tasks.environment import child_environment, forget_repository, reach_loopback_directly


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    """Gives back whatever a test takes out."""
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.setenv(name, os.environ[name])


def test_every_variable_that_git_itself_calls_local_to_a_repository_goes(monkeypatch):
    command = ["git", "rev-parse", "--local-env-vars"]
    local = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert {"GIT_DIR", "GIT_INDEX_FILE", "GIT_WORK_TREE", "GIT_COMMON_DIR"} <= set(local)
    for name in [*local, "GIT_CONFIG_KEY_0", "GIT_QUARANTINE_PATH", "GIT_NAMESPACE", "GIT_TEMPLATE_DIR"]:
        monkeypatch.setenv(name, "elsewhere")
    assert "elsewhere" not in child_environment().values()
    forget_repository()
    assert "elsewhere" not in os.environ.values()


@pytest.mark.parametrize(
    "name",
    ["GIT_AUTHOR_NAME", "GIT_COMMITTER_DATE", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_ASKPASS", "GIT_TERMINAL_PROMPT"],
)
def test_identity_and_ssh_stay(monkeypatch, name):
    monkeypatch.setenv(name, "kept")
    forget_repository()
    assert os.environ[name] == child_environment()[name] == "kept"


def test_what_is_not_git_s_stays(monkeypatch):
    monkeypatch.setenv("LEGIT_DIR", "kept")
    monkeypatch.setenv("DVC_STUDIO_TOKEN", "kept")
    assert child_environment() == {name: value for name, value in os.environ.items() if not name.startswith("GIT_")} | {
        name: value for name, value in child_environment().items() if name.startswith("GIT_")
    }


@pytest.fixture
def server():
    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{made.server_port}"
        made.shutdown()


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
def test_loopback_is_never_asked_through_a_proxy(monkeypatch, server, name):
    for one in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(one, raising=False)
        monkeypatch.delenv(one.lower(), raising=False)
    # port 9 answers nobody
    monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "example.org")
    monkeypatch.setenv("no_proxy", "example.org")
    with pytest.raises(httpx.ConnectError):
        httpx.get(server)
    reach_loopback_directly()
    reach_loopback_directly()
    assert httpx.get(server).status_code == 204
    assert os.environ["NO_PROXY"] == "example.org,127.0.0.1,localhost,::1"
