"""pipelines/scheduling/access.py: a real server, asked by real requests and from a page of another origin."""

import http.server
import json
import os
import shutil
import stat
import subprocess
import threading
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from pipelines.scheduling import access as module

EVIL = "http://evil.example"
BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture
def api(server):
    return os.environ["PREFECT_API_URL"]


@pytest.fixture
def password(server):
    return tuple(os.environ["PREFECT_API_AUTH_STRING"].split(":", 1))


def ask(api, password=None, **headers):
    """Ask for what a stranger looks for first: the blocks, which hold the addresses of webhooks."""
    return httpx.post(f"{api}/block_documents/filter", json={}, auth=password, headers=headers, timeout=60)


# real requests


@pytest.mark.slow
def test_the_password_is_needed(api, password):
    assert ask(api, password).status_code == 200
    assert ask(api).status_code == 401
    assert ask(api, ("crackflow", "guess")).status_code == 401
    assert ask(api, (password[0], "")).status_code == 401
    # whether it is well is no secret
    assert httpx.get(f"{api}/health").text == "true"


@pytest.mark.slow
@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example", "10.0.0.1", ""])
def test_a_foreign_host_is_turned_away_with_and_without_the_password(api, password, host):
    host = host.format(port=urlsplit(api).port)
    assert ask(api, password, host=host).status_code == 400
    assert ask(api, host=host).status_code == 400
    assert httpx.get(f"{api}/health", headers={"host": host}).status_code == 400


@pytest.mark.slow
@pytest.mark.parametrize("origin", [EVIL, "null", "http://127.0.0.1:1", "https://127.0.0.1:{port}", ""])
def test_a_page_of_another_origin_is_turned_away_with_and_without_the_password(api, password, origin):
    origin = origin.format(port=urlsplit(api).port)
    for answer in (ask(api, password, origin=origin), ask(api, origin=origin)):
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers
    asked_before = {"origin": origin, "access-control-request-method": "POST"}
    assert httpx.options(f"{api}/block_documents/filter", headers=asked_before).status_code == 403


@pytest.mark.slow
@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_its_own_pages_are_served(api, password, name):
    port = urlsplit(api).port
    answer = ask(api, password, origin=f"http://{name}:{port}", host=f"{name}:{port}")
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == f"http://{name}:{port}"


@pytest.mark.slow
def test_a_websocket_needs_all_three_too(api, password):
    from websockets.exceptions import ConnectionClosed, InvalidStatus
    from websockets.sync.client import connect

    address = api.replace("http:", "ws:") + "/events/out"
    for wrong, status in (({"origin": EVIL}, 403), ({"additional_headers": {"Host": "evil.example"}}, 400)):
        # websockets sends this Host header in addition to its own
        with pytest.raises(InvalidStatus) as rejected, connect(address, subprotocols=["prefect"], **wrong):
            pass
        assert rejected.value.response.status_code == status

    def signed_in(token):
        with connect(address, subprotocols=["prefect"], origin=api.removesuffix("/api")) as socket:
            socket.send(json.dumps({"type": "auth", "token": token}))
            return json.loads(socket.recv(30))["type"]

    assert signed_in(":".join(password)) == "auth_success"
    with pytest.raises(ConnectionClosed):
        signed_in("guess")


@pytest.mark.slow
def test_no_command_line_shows_the_password(server, password):
    lines = [" ".join(child.cmdline()) for child in psutil.Process().children(recursive=True)]
    assert any("pipelines.scheduling.prefect_server" in line for line in lines)
    assert not any(password[1] in line for line in lines)


# a browser


PAGE = """<!doctype html><body><script>
const attempts = {
  read: () => fetch(API + "/block_documents/filter", {method: "POST", body: new Blob(["{}"])}).then(r => r.text()),
  health: () => fetch(API + "/health").then(r => r.text()),
  // no header that a browser would ask about first: sent at once, though the page may not read the answer
  start: () => fetch(API + "/flow_runs/", {method: "POST", mode: "no-cors", body: new Blob([RUN])}).then(() => "sent"),
  listen: () => new Promise((resolve, reject) => {
    const socket = new WebSocket(API.replace("http", "ws") + "/events/out", ["prefect"]);
    socket.onopen = () => resolve("open"); socket.onerror = () => reject("closed");
  }),
};
(async () => {
  const found = {};
  for (const [name, attempt] of Object.entries(attempts))
    found[name] = await attempt().catch(() => "blocked");
  await fetch("/found", {method: "POST", body: JSON.stringify(found)});
})();
</script>"""


class Stranger:
    """A site of another origin, which also plays an API that answers everybody, to show that its page works."""

    def __init__(self):
        self.page, self.found, self.started = "", {}, []
        self.told = threading.Event()
        stranger = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self, body, kind):
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Access-Control-Allow-Origin", "*")
                self.end_headers()
                self.wfile.write(body.encode())

            def do_GET(self):
                self.answer("true" if "health" in self.path else stranger.page, "text/html")

            def do_POST(self):
                sent = self.rfile.read(int(self.headers["Content-Length"])).decode()
                if self.path == "/found":
                    stranger.found = json.loads(sent)
                    stranger.told.set()
                elif "flow_runs" in self.path:
                    stranger.started.append(json.loads(sent))
                self.answer("[]", "application/json")

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def visited(self, api, run, home):
        """What the page could do to an API, once a browser has opened it."""
        self.told.clear()
        self.page = PAGE.replace("API", json.dumps(api)).replace("RUN", json.dumps(json.dumps(run)))
        command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        settings = [f"--user-data-dir={home}", "--remote-debugging-port=0"]
        with subprocess.Popen([*command, *settings, self.address], stderr=subprocess.DEVNULL) as browser:
            try:
                assert self.told.wait(120), "the browser did not run the page"
            finally:
                browser.terminate()
        return self.found


@pytest.mark.slow
@pytest.mark.skipif(not BROWSER, reason="no Chromium on this machine")
def test_a_page_of_another_origin_reads_nothing_and_starts_nothing(api, tmp_path):
    from prefect.client.orchestration import get_client

    stranger = Stranger()
    run = {"name": "from a stranger's page", "state": {"type": "SCHEDULED"}}
    try:
        with get_client(sync_client=True) as client:
            run["flow_id"] = str(client.create_flow_from_name("attacked"))
            found = stranger.visited(api, run, tmp_path / "browser")
            runs = [one.name for one in client.read_flow_runs()]
        # the request leaves the browser, and the server turns it away
        assert found == {"read": "blocked", "health": "blocked", "start": "sent", "listen": "blocked"}
        assert run["name"] not in runs
        open_to_all = stranger.visited(f"{stranger.address}/api", run, tmp_path / "again")
        assert open_to_all == {"read": "[]", "health": "true", "start": "sent", "listen": "blocked"}
        assert stranger.started == [run]
    finally:
        stranger.server.shutdown()
        stranger.server.server_close()


# the password's file


def test_the_password_is_made_once_for_its_owner_alone(tmp_path):
    home = tmp_path / "prefect"
    first = module.kept_password(home)
    assert module.kept_password(home) == first
    path = home / module.PASSWORD_FILE
    assert path.read_text() == f"{first}\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    user, _, secret = first.partition(":")
    assert user == "crackflow"
    # 256 bits, 6 in each character
    assert len(secret) == 43
    assert module.kept_password(tmp_path / "other") != first


@pytest.mark.parametrize("spoilt", ["readable by others", "cut off", "empty"])
def test_a_file_that_is_no_secret_is_replaced(tmp_path, spoilt):
    first = module.kept_password(tmp_path)
    path = tmp_path / module.PASSWORD_FILE
    if spoilt == "readable by others":
        path.chmod(0o640)
    else:
        path.write_text(first[:20] if spoilt == "cut off" else "")
    second = module.kept_password(tmp_path)
    assert second != first
    assert module.kept_password(tmp_path) == second
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_can_not_be_read_is_one_line(tmp_path):
    (tmp_path / module.PASSWORD_FILE).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(module.PasswordError, match=r"crackflow-serve\.password: .*; expected a file .*; delete it"):
        module.kept_password(tmp_path)
    assert not (tmp_path / "elsewhere").exists()
