"""pipelines/dvc_runner/supervise.py, run as it is run: as a script in a session of its own."""

import os
import signal
import subprocess
import sys
import time

import pytest

from pipelines.dvc_runner.supervise import watched


def start(*command, grace_s=5.0):
    return subprocess.Popen(
        watched(list(command), grace_s),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def python(code, **kwargs):
    return start(sys.executable, "-c", code, **kwargs)


def wait_until_gone(pid, seconds=10.0):
    deadline = time.monotonic() + seconds
    while True:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.02)


@pytest.mark.parametrize(("code", "expected"), [("raise SystemExit(0)", 0), ("raise SystemExit(7)", 7)])
def test_gives_the_exit_code(code, expected):
    with python(code) as process:
        assert process.wait(60) == expected


def test_gives_128_and_the_signal_that_ended_the_command():
    with start("sh", "-c", "kill -9 $$") as process:
        assert process.wait(60) == 128 + 9


def test_the_command_has_an_empty_stdin():
    with start("cat") as process:
        assert process.wait(60) == 0


def test_ends_the_group_when_the_pipe_closes():
    # the shell's child is the supervisor's grandchild
    with start("sh", "-c", "sleep 300 & echo $!; wait") as process:
        grandchild = int(process.stdout.readline())
        process.stdin.close()
        assert process.wait(60) == -signal.SIGKILL
        wait_until_gone(grandchild)


def test_ends_the_group_on_sigterm():
    with start("sh", "-c", "sleep 300 & echo $!; wait") as process:
        grandchild = int(process.stdout.readline())
        process.terminate()
        process.wait(60)
        wait_until_gone(grandchild)


def test_waits_for_what_takes_its_time_to_end(tmp_path):
    # the command ends at once, what it started cleans up for half a second
    cleaning = f"trap 'sleep 0.5; touch {tmp_path / 'clean'}; exit' TERM; echo ready; while :; do sleep 0.05; done"
    with start("sh", "-c", f"({cleaning}) & wait") as process:
        assert process.stdout.readline() == "ready\n"
        process.stdin.close()
        process.wait(60)
        assert (tmp_path / "clean").exists()


def test_kills_what_does_not_heed_sigterm():
    code = "import signal, time, os; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(os.getpid(), flush=True);"
    with python(code + "time.sleep(300)", grace_s=0.3) as process:
        stubborn = int(process.stdout.readline())
        begun = time.monotonic()
        process.stdin.close()
        process.wait(60)
        wait_until_gone(stubborn)
    assert 0.3 <= time.monotonic() - begun < 60


def test_ends_what_the_command_leaves_behind_and_keeps_its_exit_code():
    with start("sh", "-c", "sleep 300 >/dev/null & echo $!; exit 3") as process:
        left = int(process.stdout.readline())
        assert process.wait(60) == 3
        wait_until_gone(left)


def test_the_command_heeds_sigterm_as_usual():
    # the supervisor handles SIGTERM; an ignored signal would be inherited
    with python("import signal; print(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)") as process:
        assert process.stdout.readline() == "True\n"


def test_ends_the_group_when_its_maker_is_killed(tmp_path):
    maker = (
        "import subprocess, sys, time; from pipelines.dvc_runner.supervise import watched;"
        "subprocess.Popen(watched(['sh', '-c', 'sleep 300 & echo $! $$; wait'], 5.0), stdin=subprocess.PIPE,"
        " start_new_session=True); time.sleep(300)"
    )
    with subprocess.Popen([sys.executable, "-c", maker], stdout=subprocess.PIPE, text=True) as process:
        pids = [int(pid) for pid in process.stdout.readline().split()]
        process.kill()
        for pid in pids:
            wait_until_gone(pid)
