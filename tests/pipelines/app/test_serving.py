"""`crackflow app` as a process of its own, asked over a real socket."""

import os
import re
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest

from crackflow.errors import CrackflowError
from crackflow.work_folder import PREFIX
from pipelines.app.serving import listening
from pipelines.loopback import HOST
from tests.pipelines.app.conftest import line

# as a person's shell starts it: Ctrl-C is not ignored
START = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); from pipelines.cli import app; "


class Program:
    """The program, and the address with the token that it prints."""

    def __init__(self, folder, model):
        words = ["app", "--model", str(model)]
        self.process = subprocess.Popen(
            [sys.executable, "-u", "-c", f"{START}sys.argv[1:] = {words!r}; app(prog_name='crackflow')"],
            cwd=folder,
            env={**os.environ, "TMPDIR": str(folder)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while not (
            found := re.match(r"open (http://127\.0\.0\.1:(\d+)/)#token=(\S+) ", self.process.stdout.readline())
        ):
            assert self.process.poll() is None, self.process.stderr.read()
        self.address, self.port, token = found[1], int(found[2]), found[3]
        self.client = httpx.Client(base_url=self.address, headers={"authorization": f"Bearer {token}"}, timeout=60)

    def ended_by(self, number):
        """End it by a signal; its exit code, its last line, and its errors."""
        self.client.close()
        self.process.send_signal(number)
        out, errors = self.process.communicate(timeout=60)
        return self.process.returncode, (out.splitlines() or [""])[-1], errors.splitlines()


@pytest.fixture
def start(tmp_path):
    begun = []

    def one():
        begun.append(Program(tmp_path, "packaged"))
        return begun[-1]

    yield one
    for program in begun:
        if program.process.poll() is None:
            program.process.kill()
            program.process.communicate()


def left(folder):
    return [path.name for path in folder.iterdir() if path.name.startswith(PREFIX)]


@pytest.mark.slow
def test_what_a_killed_run_left_goes_with_the_next_start_and_ctrl_c_leaves_nothing(start, tmp_path):
    first = start()
    assert first.client.put("/api/photos", params={"name": "a.png"}, content=line()).status_code == 201
    first.ended_by(signal.SIGKILL)
    (killed,) = (path for path in tmp_path.iterdir() if path.name.startswith(PREFIX) and path.is_dir())
    second = start()
    assert killed.name not in left(tmp_path)
    assert len(left(tmp_path)) == 2  # its own folder and lock

    # only this machine's own names, and only with the token
    assert second.client.get("/", headers={"host": f"evil.example:{second.port}"}).status_code == 400
    assert second.client.get("/api/state", headers={"origin": "http://evil.example"}).status_code == 403
    assert httpx.get(f"{second.address}api/state").status_code == 401
    with socket.socket() as other, pytest.raises(OSError, match=r"refused|unreachable"):
        # 127.0.0.2 leads to this machine too, as its other addresses do
        other.connect(("127.0.0.2", second.port))

    assert second.client.put("/api/photos", params={"name": "b.png"}, content=line()).status_code == 201
    while second.client.get("/api/state").json()["photos"][0]["state"] != "done":
        time.sleep(0.05)
    assert second.client.get("/api/download/summary.csv").text.splitlines()[1].startswith("b.png,")
    code, last, errors = second.ended_by(signal.SIGINT)
    assert (code, last) == (0, "ended; photographs and results of the page are removed")
    assert [one for one in errors if not one.startswith("terms: ")] == []
    assert left(tmp_path) == []


@pytest.mark.slow
@pytest.mark.soak
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_leave_nothing_as_well(start, tmp_path, number):
    program = start()
    for name in "abcdefgh":
        program.client.put("/api/photos", params={"name": f"{name}.png"}, content=line(900, 900))
    code, _, errors = program.ended_by(number)
    assert code == 128 + number
    assert errors[-1:] == [f"error: stopped by {number.name}; photographs and results of the page are removed"]
    assert left(tmp_path) == []


def test_a_port_in_use_is_told():
    with socket.create_server((HOST, 0)) as taken, pytest.raises(CrackflowError, match="name another --port"):
        listening(taken.getsockname()[1])


def test_it_listens_on_this_machine_alone():
    with listening(0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"
