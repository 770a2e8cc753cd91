"""pipelines/doctor/checkup.py and its checks: on real locks, repositories, servers and remotes."""

import contextlib
import datetime as dt
import http.server
import importlib.metadata
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest
import yaml
from configobj import ConfigObj
from rich.console import Console

from pipelines.doctor import checkup, dvc_checks, machine_checks, project_checks, service_checks
from pipelines.doctor.checkup import Check
from pipelines.doctor.finding import Finding, ask, plain
from pipelines.dvc_runner import run_lock
from pipelines.flows.limits import FLOW_NAME

ROOT = Path(__file__).parents[3]
CRACKFLOW = [sys.executable, "-c", "from pipelines.cli import app; app()"]
DVC = [sys.executable, "-m", "dvc"]
IDENTITY = ("-c", "user.name=test", "-c", "user.email=test@localhost")
# no part of it may be shown
TOKEN = "KGAT_9f2c77e1d0b84a56"  # noqa: S105
# Takes the rebuild's lock, hands it to a process that lasts, says which, and dies.
DIES = """
import os, signal, subprocess, sys
from pathlib import Path
from pipelines.dvc_runner.run_lock import hold
with hold(Path(sys.argv[1]), 0) as lock:
    child = subprocess.Popen(["sleep", "60"], pass_fds=[lock], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    print(child.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def one(findings):
    (found,) = findings
    return found


def states(findings):
    return [(found.what, found.state) for found in findings]


def command(root, *arguments, **options):
    return subprocess.run(arguments, cwd=root, check=True, capture_output=True, text=True, timeout=120, **options)


# how checks are run and shown


@pytest.fixture
def without_imports(monkeypatch):
    """Checks of these tests need none of what the real ones import, which takes its time."""
    monkeypatch.setattr(checkup, "IMPORTS", ())


@pytest.mark.usefixtures("without_imports")
def test_one_that_hangs_is_late_and_the_others_answer():
    hang = threading.Event()
    checks = (
        Check("hangs", lambda _: hang.wait(), limit_s=0.3),
        Check("works", lambda _: [Finding("works", "ok", "well")]),
        Check("hangs too", lambda _: hang.wait(), limit_s=0.3, late="warning"),
    )
    begun = time.monotonic()
    found = checkup.examine(Path(), checks)
    assert time.monotonic() - begun < 20
    assert [(each.what, each.state, each.found) for each in found] == [
        ("hangs", "fault", "no answer within 0.3 s"),
        ("works", "ok", "well"),
        ("hangs too", "warning", "no answer within 0.3 s"),
    ]
    hang.set()


@pytest.mark.usefixtures("without_imports")
def test_checks_run_side_by_side():
    # each of the two waits for the other: one after the other, neither would answer
    both = threading.Barrier(2, timeout=20)

    def meet(_):
        both.wait()
        return [Finding("meets", "ok", "")]

    assert [each.state for each in checkup.examine(Path(), (Check("a", meet), Check("b", meet)))] == ["ok", "ok"]


@pytest.mark.usefixtures("without_imports")
def test_one_that_breaks_is_a_fault_without_secrets():
    def breaks(_):
        raise ZeroDivisionError("at s3://me:pa55word@host/store?X-Amz-Signature=abcdef\nof all places")

    found = one(checkup.examine(Path(), (Check("breaks", breaks),)))
    assert (found.what, found.state) == ("breaks", "fault")
    assert found.found == "the check failed: ZeroDivisionError: at s3://host/store of all places"


@pytest.mark.usefixtures("without_imports")
def test_what_is_skipped_is_not_looked_at():
    def never(_):
        raise AssertionError

    waited = []
    found = checkup.examine(Path(), (Check("GPU", never),), skip=checkup.SLOW, waiting=waited.append)
    assert (one(found).state, waited) == ("skipped", [])


def test_slow_names_checks():
    assert set(checkup.SLOW) <= {check.what for check in checkup.CHECKS}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("two\n  lines", "two lines"),
        ("https://key@host:1/a?sig=b&c=d end", "https://host:1/a end"),
        ("mail me@example.org, why?", "mail me@example.org, why?"),
        ("x" * 301, "x" * 297 + "..."),
    ],
)
def test_plain(text, expected):
    assert plain(text) == expected


FINDINGS = [
    Finding("git", "ok", "at 0123abc"),
    Finding("GPU", "skipped", "not looked at"),
    Finding("Prefect server", "warning", "a word " * 30, "prefect [bold]config[/bold] unset " * 5),
    Finding("DVC remote", "fault", f"/{'long' * 40}", "mount it"),
]


def test_the_table_fits_80_columns_and_says_everything():
    console = Console(width=80, record=True, file=open(os.devnull, "w"))  # noqa: SIM115
    console.print(checkup.table(FINDINGS))
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 80
    solid = "".join(text.split())
    for finding in FINDINGS:
        for words in (finding.what, finding.state, finding.found, finding.advice):
            assert "".join(words.split()) in solid


def test_json_and_summary():
    assert checkup.as_dict(FINDINGS)["ok"] is False
    assert checkup.as_dict(FINDINGS[:3])["ok"] is True
    assert checkup.as_dict(FINDINGS)["checks"][0] == {"what": "git", "state": "ok", "found": "at 0123abc", "advice": ""}
    assert checkup.summary(FINDINGS) == "faults: 1, warnings: 1, ok: 1, skipped: 1"


def test_ask_reads_the_last_line(tmp_path):
    assert ask("import json, sys; print('noise'); print(json.dumps(sys.argv[1:]))", ["a"], tmp_path, 60) == ["a"]


def test_ask_runs_nothing_of_the_folder(tmp_path):
    """The current folder may hold a module that is called as one of Python's."""
    (tmp_path / "json.py").write_text("open('ran', 'w')\n")
    code = "import json, crackflow; print(json.dumps(crackflow.__name__))"
    assert ask(code, [], tmp_path, 60) == "crackflow"
    assert not (tmp_path / "ran").exists()


def test_ask_kills_what_takes_too_long(tmp_path):
    code = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(300)"
    with pytest.raises(subprocess.TimeoutExpired):
        ask(code, [], tmp_path, 2)
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_ask_says_what_was_said_last(tmp_path):
    with pytest.raises(RuntimeError, match=r"^ValueError: no good$"):
        ask("raise ValueError('no good')", [], tmp_path, 60)


# the machine


@pytest.fixture
def checkout(tmp_path):
    """A folder whose pyproject.toml asks for one package that is installed."""

    def write(dependencies=("tomlkit",), lock="", python=">=3.11"):
        lines = [f'name = "crackflow"\nrequires-python = "{python}"\ndependencies = {list(dependencies)}']
        (tmp_path / "pyproject.toml").write_text("[project]\n" + "\n".join(lines))
        (tmp_path / "requirements.lock").write_text(lock)
        return tmp_path

    return write


def test_python(checkout):
    assert one(machine_checks.python(checkout())).state == "ok"
    found = one(machine_checks.python(checkout(python=">=99")))
    assert (found.state, found.advice) == ("fault", "install one that fits >=99, and make the environment again")


# PyYAML, without dependencies of its own, is in every environment that DVC is in
YAML = importlib.metadata.version("pyyaml")


@pytest.mark.parametrize(
    ("dependencies", "lock", "state", "words"),
    [
        (["PyYAML"], f"pyyaml=={YAML}\n", "ok", "1, all as in requirements.lock"),
        (["PyYAML"], f"pyyaml=={YAML} ; python_version >= '3.11'\npytest==0.0.1\n", "ok", "1, all"),
        (["PyYAML"], f"pyyaml==0.1 ; python_version < '3'\npyyaml=={YAML}", "ok", "1, all"),
        (["PyYAML"], "pyyaml==0.1\n", "warning", f"1 of 1 are not as locked: pyyaml {YAML} (0.1 locked)"),
        (["PyYAML"], "", "warning", f"pyyaml {YAML} (not locked)"),
        (["PyYAML>=99"], f"pyyaml=={YAML}\n", "fault", f"versions that do not fit: PyYAML {YAML} (needs >=99)"),
        (["PyYAML", "no-such-package>=1"], f"pyyaml=={YAML}\n", "fault", "not installed: no-such-package"),
        (["PyYAML", "no-such-package; python_version < '3'"], f"pyyaml=={YAML}\n", "ok", "1, all"),
    ],
)
def test_packages(checkout, dependencies, lock, state, words):
    found = one(machine_checks.packages(checkout(dependencies, lock)))
    assert found.state == state
    assert found.found.startswith(words) or words in found.found


def test_packages_of_packages_are_looked_at(checkout):
    # pandas needs numpy, python-dateutil and more; python-dateutil needs six
    found = one(machine_checks.packages(checkout(["pandas"], "six==0.1\n")))
    assert "six" in machine_checks._closure([machine_checks.Requirement("pandas")])[0]
    assert found.state == "warning"


def test_the_lock_names_all_that_a_run_needs():
    found = one(machine_checks.packages(ROOT))
    assert found.state != "fault"
    assert "(not locked)" not in found.found


def test_packages_outside_a_checkout(tmp_path):
    assert one(machine_checks.packages(tmp_path)).state == "warning"


@pytest.mark.parametrize(("value", "state"), [("1", "warning"), ("", "ok"), (None, "ok")])
def test_bytecode(monkeypatch, tmp_path, value, state):
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    if value is not None:
        monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", value)
    assert one(machine_checks.bytecode(tmp_path)).state == state


def test_home(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("CRACKFLOW_HOME", raising=False)
    assert (one(machine_checks.home(tmp_path)).state, one(machine_checks.home(tmp_path)).advice) == ("ok", "")
    monkeypatch.setenv("CRACKFLOW_HOME", "/instead/crackflow-12345")
    found = one(machine_checks.home(tmp_path))
    assert found.state == "warning"
    assert "keep their files in /instead/crackflow-12345" in found.found


def test_packages_that_are_not_compiled_and_can_not_be(monkeypatch, tmp_path):
    for name in ("PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(machine_checks.psutil, "__file__", "/proc/nowhere/psutil/__init__.py")
    found = one(machine_checks.bytecode(tmp_path))
    assert (found.state, "PYTHONPYCACHEPREFIX" in found.advice) == ("warning", True)
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path))
    assert one(machine_checks.bytecode(tmp_path)).state == "ok"


@pytest.mark.parametrize(
    ("gpus", "driver", "cuda", "state", "words"),
    [
        (["NVIDIA H200", "NVIDIA H200"], True, True, "ok", "NVIDIA H200, NVIDIA H200"),
        ([], False, True, "ok", "none; training takes 3 processor cores"),
        ([], True, True, "warning", "TensorFlow sees no GPU"),
        ([], True, False, "warning", "built without CUDA"),
    ],
)
def test_gpu_in_words(gpus, driver, cuda, state, words):
    found = machine_checks.gpu_finding(gpus, driver=driver, cuda=cuda, cores=3)
    assert found.state == state
    assert words in found.found


def test_gpu_is_asked_of_tensorflow(capsys):
    """In this process, which may have imported it already; the next test asks as the doctor does."""
    exec(machine_checks._GPU_CODE, {})  # noqa: S102
    seen = json.loads(capsys.readouterr().out.splitlines()[-1])
    found = machine_checks.gpu_finding(seen["gpus"], driver=False, cuda=seen["cuda"], cores=1)
    assert found.state == "ok"


def test_a_tensorflow_that_breaks_is_a_fault(tmp_path, monkeypatch):
    # a child looks where this process does, and not in the current folder
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "tensorflow.py").write_text("raise ImportError('libcudart.so.12: cannot open shared object file')")
    found = one(machine_checks.gpu(tmp_path))
    assert found.state == "fault"
    assert "libcudart.so.12" in found.found


def test_memory_is_judged_by_what_the_stages_took(tmp_path):
    ran = tmp_path / ".crackflow/ran"
    ran.mkdir(parents=True)
    for stage, text in {"split": '{"peak_mib": 1}', "train": '{"peak_mib": 10}', "resize": "{", "infer": "[]"}.items():
        (ran / f"{stage}.json").write_text(text)
    # 10 MiB in GiB is 0.0
    assert one(machine_checks.memory(tmp_path)).found.endswith("train takes 0.0 GiB")
    (ran / "evaluate.json").write_text(f'{{"peak_mib": {2**30}}}')
    found = one(machine_checks.memory(tmp_path))
    assert found.state == "warning"
    assert found.found.endswith(f"evaluate takes {2**20}.0 GiB")


def test_memory_before_the_first_run(tmp_path):
    # 1,700 MiB are 1.7 GiB
    assert one(machine_checks.memory(tmp_path)).found.endswith("train takes 1.7 GiB")


# the checkout


def test_params(project):
    assert one(project_checks.params(project.root)).found == "can be used; data.source is sample"
    (project.root / "params.yaml").write_text("trian: {}\n")
    found = one(project_checks.params(project.root))
    assert found.state == "fault"
    assert "did you mean train?" in found.found


@pytest.fixture
def repository(tmp_path):
    command(tmp_path, "git", "init", "-q")
    return tmp_path


def committed(root):
    (root / "kept").write_text("one\n")
    command(root, "git", "add", "kept")
    command(root, "git", *IDENTITY, "commit", "-q", "-m", "start")


def test_git_without_a_repository_or_commit(tmp_path):
    assert "is in no git repository" in one(project_checks.repository(tmp_path)).found
    command(tmp_path, "git", "init", "-q")
    found = one(project_checks.repository(tmp_path))
    assert (found.state, found.found) == ("fault", "no commit yet")


def test_git_of_another_user_and_as_a_submodule(repository, tmp_path, monkeypatch):
    committed(repository)
    larger = tmp_path / "larger"
    larger.mkdir()
    command(larger, "git", "init", "-q")
    command(larger, "git", "-c", "protocol.file.allow=always", "submodule", "-q", "add", str(repository), "ours")
    found = one(project_checks.repository(larger / "ours"))
    assert (found.state, "a submodule, where" in found.found) == ("warning", True)
    # git's own switch to be tested with
    as_another = {**os.environ, "GIT_TEST_ASSUME_DIFFERENT_OWNER": "1"}
    monkeypatch.setattr("pipelines.git.child_environment", lambda: as_another)
    found = one(project_checks.repository(repository))
    assert (found.state, found.found) == ("fault", f"{repository} belongs to another user, so git does not use it")
    assert found.advice.endswith(f"git config --global --add safe.directory '{repository}'")


def test_git_clean_and_dirty(repository):
    committed(repository)
    (repository / "untracked").write_text("")
    assert one(project_checks.repository(repository)).found.endswith(", nothing changed since")
    (repository / "kept").write_text("two\n")
    found = one(project_checks.repository(repository))
    assert found.state == "warning"
    assert found.found.endswith(", 1 tracked file changed since")


def test_git_is_not_written_to(repository):
    committed(repository)
    index = repository / ".git/index"
    # the same bytes at another time: a plain `git status` writes that into the index
    os.utime(repository / "kept", (1, 1))
    before = index.read_bytes()
    assert one(project_checks.repository(repository)).state == "ok"
    assert index.read_bytes() == before


LOCK = ".crackflow/rebuild.lock"


def test_a_free_rebuild_lock(tmp_path):
    assert one(project_checks.rebuild_locks(tmp_path)).found == "free"
    with run_lock.hold(tmp_path, 0):
        pass
    # the file is still there, and names this process, which lives
    assert one(project_checks.rebuild_locks(tmp_path)).found == "free"


def test_a_rebuild_at_work(tmp_path):
    with run_lock.hold(tmp_path, 0):
        before = (tmp_path / LOCK).read_text()
        found = one(project_checks.rebuild_locks(tmp_path))
        assert (tmp_path / LOCK).read_text() == before
    assert found.state == "warning"
    assert f"held by process {os.getpid()} (" in found.found
    assert json.loads(before)["since"] in found.found


def test_a_rebuild_that_died_and_left_a_stage(tmp_path):
    died = subprocess.run([sys.executable, "-c", DIES, tmp_path], check=False, capture_output=True, cwd=ROOT)
    child = int(died.stdout)
    try:
        found = one(project_checks.rebuild_locks(tmp_path))
        assert found.state == "warning"
        assert found.found.endswith(f"has died; still held by what it started: process {child} (sleep)")
        assert found.advice.endswith(f"kill {child}")
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_lock_whose_file_was_deleted_is_still_seen(tmp_path):
    with run_lock.hold(tmp_path, 0):
        (tmp_path / LOCK).unlink()
        found = one(project_checks.rebuild_locks(tmp_path))
    assert found.state == "warning"
    assert found.found.startswith(f"held by process {os.getpid()} (")
    assert found.found.endswith(", though its file was deleted or says nothing")


def test_the_lock_of_scheduled_rebuilds(tmp_path):
    with run_lock.hold(tmp_path, 0, scheduled=True):
        found = project_checks.rebuild_locks(tmp_path)
    assert states(found) == [("rebuild lock", "ok"), ("scheduled lock", "warning")]


def test_looking_turns_no_rebuild_away(tmp_path):
    stop, path = threading.Event(), tmp_path

    def look():
        while not stop.is_set():
            project_checks.rebuild_locks(tmp_path)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for _ in range(20):
            with run_lock.hold(path, 0):
                time.sleep(0.005)
    finally:
        stop.set()
        thread.join()


@contextlib.contextmanager
def dvc_works(root, write):
    """Hold what DVC holds while a stage runs that writes a path."""
    from dvc.fs import localfs
    from dvc.rwlock import rwlock

    with rwlock(str(root / ".dvc/tmp"), localfs, "dvc repro", [], [str(root / write)], False):
        yield


def test_dvc_at_work(project):
    assert one(project_checks.dvc_locks(project.root)).found == "free"
    with dvc_works(project.root, "split.txt"):
        found = one(project_checks.dvc_locks(project.root))
    assert found.state == "warning"
    assert f"held by process {os.getpid()} (" in found.found
    assert one(project_checks.dvc_locks(project.root)).found == "free"


def test_dvc_holds_the_repository(project):
    from dvc.lock import make_lock

    with make_lock(str(project.root / ".dvc/tmp/lock")):
        found = one(project_checks.dvc_locks(project.root))
    assert found.state == "warning"
    assert str(os.getpid()) in found.found


def test_dvc_at_work_where_scheduled_rebuilds_do(project):
    scheduled = project.root / ".crackflow/scheduled"
    (scheduled / ".dvc/tmp").mkdir(parents=True)
    with dvc_works(scheduled, "split.txt"):
        found = project_checks.dvc_locks(project.root)
    assert states(found) == [("DVC locks", "ok"), ("scheduled DVC", "warning")]


def test_dvc_died(project):
    dead = subprocess.Popen(["true"])
    dead.wait()
    held = {"write": {}, "read": {str(project.root / "a"): [{"pid": dead.pid, "cmd": "dvc repro"}]}}
    path = project.root / ".dvc/tmp/rwlock"
    path.write_text(json.dumps(held))
    found = one(project_checks.dvc_locks(project.root))
    assert (found.state, path.read_text()) == ("ok", json.dumps(held))
    assert f"drops the entries of dead processes ({dead.pid})" in found.found


@pytest.mark.parametrize(("name", "state"), [("sleep", "fault"), ("dvc", "warning")])
def test_a_process_id_that_was_given_out_again(project, tmp_path, name, state):
    # by its command either DVC itself, or anything else
    (tmp_path / name).symlink_to(shutil.which("sleep"))
    with subprocess.Popen([tmp_path / name, "60"]) as process:
        # Popen returns as soon as the new program begins; the kernel shows its command a moment later
        project.wait_until(lambda: psutil.Process(process.pid).cmdline()[-1:] == ["60"])
        path = project.root / ".dvc/tmp/rwlock"
        path.write_text(json.dumps({"write": {str(project.root / "a"): {"pid": process.pid, "cmd": "dvc repro"}}}))
        # a day before it began
        os.utime(path, (time.time() - 86400, time.time() - 86400))
        found = one(project_checks.dvc_locks(project.root))
        process.kill()
    assert found.state == state
    assert f"process {process.pid} (" in found.found


@pytest.mark.parametrize("text", ["", "{", "[]", '{"write": {"a": {}}}'])
def test_a_damaged_rwlock_is_a_fault_to_dvc_too(project, text):
    path = project.root / ".dvc/tmp/rwlock"
    path.write_text(text)
    assert one(project_checks.dvc_locks(project.root)).state == "fault"
    from dvc.exceptions import DvcException

    with pytest.raises(DvcException), dvc_works(project.root, "split.txt"):
        pass
    path.unlink()
    with dvc_works(project.root, "split.txt"):
        pass


# DVC


def test_graph(project):
    assert one(dvc_checks.graph(project.root)).found == "can be used; stages: 4"
    (project.root / "dvc.yaml").write_text("stages: [")
    found = one(dvc_checks.graph(project.root))
    assert found.state == "fault"
    assert re.search(r"line \d+, column \d+", found.found)
    (project.root / "dvc.yaml").unlink()
    assert one(dvc_checks.graph(project.root)).found.startswith("no stage in")


def test_outside_a_dvc_repository(tmp_path):
    assert one(dvc_checks.graph(tmp_path)).state == "fault"
    assert one(dvc_checks.cache(tmp_path)).state == "skipped"
    assert one(dvc_checks.remote(tmp_path)).state == "skipped"


def test_a_cache_that_is_not_there_yet(project):
    assert one(dvc_checks.cache(project.root)).found == "none yet; the first rebuild makes .dvc/cache/files/md5"


def configure(root, **sections):
    """Add to .dvc/config; a section with a url is a remote of that name."""
    config = ConfigObj(str(root / ".dvc/config"))
    for section, values in sections.items():
        name = f'remote "{section}"' if "url" in values else section
        config.setdefault(name, {}).update({key: str(value) for key, value in values.items()})
    config.write()


@pytest.mark.parametrize(
    ("types", "state", "words"),
    [("symlink", "ok", "(symlink)"), ("hardlink,copy", "ok", "(hardlink)"), ("copy", "warning", "files are copied")],
)
def test_how_files_come_from_the_cache(built, types, state, words):
    configure(built.root, cache={"type": types})
    before = sorted(built.root.rglob("*"))
    found = one(dvc_checks.cache(built.root))
    assert found.state == state
    assert words in found.found
    assert sorted(built.root.rglob("*")) == before


def test_no_remote(project):
    found = one(dvc_checks.remote(project.root))
    assert (found.state, found.found) == ("ok", "none configured")
    configure(project.root, b={"url": "/nowhere"}, a={"url": "/nowhere"})
    found = one(dvc_checks.remote(project.root))
    assert (found.state, found.advice) == ("warning", "dvc remote default a")


def probed(root, capsys, **remote):
    """What the probe says of a remote, in this process, for speed; `test_a_remote_...` ask as the doctor does."""
    configure(root, core={"remote": "store"}, store=remote)
    dvc_checks.probe(root)
    return json.loads(capsys.readouterr().out.splitlines()[-1])


@pytest.mark.parametrize(("kind", "state"), [("folder", "ok"), ("nothing", "warning"), ("file", "fault")])
def test_a_local_remote(project, tmp_path, capsys, kind, state):
    place = tmp_path / "store"
    if kind == "folder":
        place.mkdir()
    elif kind == "file":
        place.write_text("")
    answer = probed(project.root, capsys, url=place)
    assert answer["state"] == state
    assert str(place) in answer["found"]
    assert place.exists() == (kind != "nothing")


def test_a_remote_is_asked_in_a_process_of_its_own(project, tmp_path):
    (tmp_path / "store").mkdir()
    configure(project.root, core={"remote": "store"}, store={"url": tmp_path / "store"})
    found = one(dvc_checks.remote(project.root))
    assert (found.state, found.found) == ("ok", f"store: {tmp_path / 'store'} can be read and written")


@pytest.fixture(scope="module")
def s3():
    """The address of an S3 server with one bucket, `bucket`."""
    moto = pytest.importorskip("moto.server")
    import boto3

    server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    address = "http://{}:{}".format(*server.get_host_and_port())
    boto3.client("s3", endpoint_url=address, **CREDENTIALS, region_name="us-east-1").create_bucket(Bucket="bucket")
    yield address
    server.stop()


CREDENTIALS = {"aws_access_key_id": "AKIAEXAMPLEEXAMPLE00", "aws_secret_access_key": "made-up/Secret0123456789"}
KEYS = {"access_key_id": CREDENTIALS["aws_access_key_id"], "secret_access_key": CREDENTIALS["aws_secret_access_key"]}


@pytest.mark.parametrize(
    ("url", "state", "words"),
    [
        ("s3://bucket/store", "ok", "s3://bucket/store answers; nothing there yet"),
        ("s3://other/store", "fault", "no bucket other"),
    ],
)
def test_an_s3_remote(project, s3, capsys, url, state, words):
    answer = probed(project.root, capsys, url=url, endpointurl=s3, region="us-east-1", **KEYS)
    assert answer["state"] == state
    assert words in answer["found"]


def test_an_s3_remote_that_was_pushed_to(built, s3, capsys):
    configure(built.root, core={"remote": "store"}, store={"url": "s3://bucket/full", "endpointurl": s3, **KEYS})
    command(built.root, *DVC, "push", "-q")
    dvc_checks.probe(built.root)
    assert json.loads(capsys.readouterr().out)["found"] == "s3://bucket/full answers"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_an_s3_remote_where_nobody_listens(project, capsys):
    pytest.importorskip("s3fs")
    begun = time.monotonic()
    answer = probed(
        project.root, capsys, url="s3://bucket/store", endpointurl=f"http://127.0.0.1:{free_port()}", **KEYS
    )
    assert time.monotonic() - begun < 30
    assert answer["state"] == "fault"
    said = json.dumps(answer)
    assert not any(secret in said for secret in KEYS.values())


def test_a_remote_that_never_answers(project, monkeypatch):
    pytest.importorskip("s3fs")
    monkeypatch.setattr(dvc_checks, "REMOTE_S", 6.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        configure(
            project.root, core={"remote": "store"}, store={"url": "s3://bucket/a", "endpointurl": address, **KEYS}
        )
        begun = time.monotonic()
        found = one(dvc_checks.remote(project.root))
    assert time.monotonic() - begun < 40
    assert (found.state, found.found) == ("fault", "store did not answer within 6 s")


class Usage(NamedTuple):
    free: int


def test_disk_is_judged_by_the_outputs_of_dvc_lock(built, monkeypatch):
    lock = yaml.safe_load((built.root / "dvc.lock").read_text())
    # outputs of 3 GiB and of a few bytes; one GiB more for what else is written: 4.0
    lock["stages"]["split"]["outs"][0]["size"] = 3 * 2**30
    (built.root / "dvc.lock").write_text(yaml.safe_dump(lock))
    for free, state in ((5, "ok"), (3, "warning"), (0.2, "fault")):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: Usage(int(free * 2**30)))
        found = one(dvc_checks.disk(built.root))
        assert (found.state, found.found) == (state, f"{free:.1f} GiB free; making all outputs again takes about 4.0")
    # with copies they lie twice: 2 x 3 + 1
    configure(built.root, cache={"type": "copy"})
    assert one(dvc_checks.disk(built.root)).found.endswith("about 7.0")


MEMORY = Path("/dev/shm")  # noqa: S108


@pytest.mark.skipif(not MEMORY.is_dir(), reason="needs a second filesystem")
def test_a_cache_on_another_disk_has_a_line_of_its_own(project):
    with tempfile.TemporaryDirectory(dir=MEMORY) as other:
        configure(project.root, cache={"dir": f"{other}/not/there/yet"})
        names = [found.what for found in dvc_checks.disk(project.root)]
    assert names == ["disk", "cache's disk"]


# Prefect


@pytest.fixture
def address():
    """Have Prefect configured with an address, or with none."""
    from prefect.settings import PREFECT_API_URL, PREFECT_SERVER_ALLOW_EPHEMERAL_MODE, temporary_settings

    with contextlib.ExitStack() as stack:

        def configured(url, ephemeral=True):
            values = {PREFECT_API_URL: url, PREFECT_SERVER_ALLOW_EPHEMERAL_MODE: ephemeral}
            known = {setting: value for setting, value in values.items() if value is not None}
            stack.enter_context(temporary_settings(known, restore_defaults=[] if url else [PREFECT_API_URL]))

        yield configured


@pytest.fixture
def no_server(monkeypatch, tmp_path):
    monkeypatch.delenv("PREFECT_API_URL", raising=False)


@pytest.mark.usefixtures("no_server")
def test_no_server_configured(address, tmp_path):
    address(None)
    found = service_checks.prefect(tmp_path)
    assert states(found) == [("Prefect server", "ok"), ("Prefect worker", "ok")]
    assert found[0].found == "none configured; each rebuild starts one for itself"
    address(None, ephemeral=False)
    assert service_checks.prefect(tmp_path)[0].state == "fault"


def test_a_server_where_nobody_listens(address, tmp_path):
    url = f"http://127.0.0.1:{free_port()}/api"
    address(url)
    found = service_checks.prefect(tmp_path)
    assert states(found) == [("Prefect server", "fault"), ("Prefect worker", "skipped")]
    assert found[0].found == f"{url} does not answer (ConnectError)"


@pytest.mark.parametrize(
    ("name", "proxy", "url", "state", "words"),
    [
        (
            "HTTP_PROXY",
            "http://me:pa55@p:1",
            None,
            "ok",
            "HTTP_PROXY=http://p:1; servers on this machine are asked dire",
        ),
        ("ALL_PROXY", "socks://me:pa55@p:1", None, "warning", "Prefect's server is asked without it"),
        ("ALL_PROXY", "socks://me:pa55@p:1", "https://prefect.example/api", "fault", "Prefect's server can't be asked"),
    ],
)
def test_proxies_are_named_without_their_passwords(address, tmp_path, monkeypatch, name, proxy, url, state, words):
    for one in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        for spelt in (one, one.lower()):
            # first set, so that what is done to them is undone
            monkeypatch.setenv(spelt, "")
            monkeypatch.delenv(spelt)
    monkeypatch.setenv(f"CRACKFLOW_ASIDE_{name}", "")
    monkeypatch.setenv(name, proxy)
    address(url)
    found = service_checks.prefect(tmp_path)
    assert (found[0].what, found[0].state) == ("proxy", state)
    assert words in plain(found[0].found)
    assert found[1].state == ("fault" if state == "fault" else "ok")
    assert "pa55" not in "".join(plain(one.found) for one in found)


def test_a_server_that_never_answers(address, tmp_path, monkeypatch):
    monkeypatch.setattr(service_checks, "ANSWER_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address(f"http://127.0.0.1:{silent.getsockname()[1]}/api")
        begun = time.monotonic()
        found = service_checks.prefect(tmp_path)[0]
    # one try of half a second
    assert time.monotonic() - begun < 15
    assert found.state == "fault"
    assert found.found.endswith("/api does not answer (ReadTimeout)")


@pytest.mark.parametrize(
    ("health", "status", "words"),
    [
        (404, 404, "expected Prefect's server"),
        (401, 401, "denies access (401)"),
        # Prefect's server with a password: anyone may ask for its health
        (200, 401, "denies access (401)"),
        (200, 200, "answers no JSON, expected Prefect's server"),
    ],
)
def test_what_answers_is_not_our_server(address, tmp_path, health, status, words):
    class Answers(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(health if self.path.endswith("/health") else status)

        def log_message(self, *_):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address(f"http://127.0.0.1:{server.server_port}/api")
        found = service_checks.prefect(tmp_path)[0]
        server.shutdown()
    assert found.state == "fault"
    assert words in found.found


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_deployments_of_the_old_name_are_named_with_the_command_that_removes_them(tmp_path):
    from prefect import get_client

    from pipelines.scheduling import old_deployments

    with get_client(sync_client=True) as client:
        flow = client.create_flow_from_name("rebuild")
        for name, folder in (("nightly", tmp_path), ("on-demand", tmp_path), ("elsewhere", tmp_path / "other")):
            client.create_deployment(flow, name, entrypoint="pipelines/rebuild.py:rebuild", path=str(folder))
        *_, found = service_checks.prefect(tmp_path)
        assert (found.what, found.state) == ("old deployments", "warning")
        assert found.found.startswith("rebuild/nightly, rebuild/on-demand: deployed under the flow's old name")
        assert found.advice == "crackflow serve --remove-old"
        old_deployments.remove(client, tmp_path)
        assert "old deployments" not in [one.what for one in service_checks.prefect(tmp_path)]


@pytest.mark.slow
@pytest.mark.usefixtures("server")
def test_a_server_and_who_takes_its_runs(tmp_path):
    from prefect import __version__, get_client
    from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate

    def worker():
        return service_checks._workers(client)

    with get_client(sync_client=True) as client:
        server = service_checks.prefect(tmp_path)[0]
        assert (server.state, server.found.endswith(f"answers, version {__version__}")) == ("ok", True)

        for deployment in client.read_deployments():
            client.delete_deployment(deployment.id)
        assert (worker().state, worker().found) == ("ok", "nothing is deployed")

        flow = client.create_flow_from_name(FLOW_NAME)
        served = client.create_deployment(flow_id=flow, name="served")
        assert (worker().state, worker().found) == ("warning", "nobody serves served")
        # what a process that serves it asks every ten seconds
        client.request(
            "POST",
            "/deployments/get_scheduled_flow_runs",
            json={"deployment_ids": [str(served)], "scheduled_before": dt.datetime.now(dt.UTC).isoformat()},
        )
        # noted by the server after it has answered
        deadline = time.monotonic() + 60
        while worker().state == "warning" and time.monotonic() < deadline:
            time.sleep(0.2)
        assert (worker().state, worker().found) == ("ok", "served is served")

        client.create_work_pool(WorkPoolCreate(name="doctor", type="process"))
        pooled = client.create_deployment(flow_id=flow, name="pooled", work_pool_name="doctor")
        assert (worker().state, worker().found) == ("warning", "no worker of pool doctor is online")
        client.send_worker_heartbeat("doctor", "one", heartbeat_interval_seconds=30)
        assert (worker().state, worker().found) == ("ok", "pool doctor has a worker; served is served")
        client.update_work_pool("doctor", WorkPoolUpdate(is_paused=True))
        assert (worker().state, worker().advice) == ("warning", "prefect work-pool resume doctor")

        for made in (served, pooled):
            client.delete_deployment(made)
        client.delete_work_pool("doctor")


def test_signs_of_life():
    now = dt.datetime.now(dt.UTC)
    assert service_checks._since(now - dt.timedelta(seconds=50), 60)
    assert not service_checks._since(now - dt.timedelta(seconds=70), 60)
    assert not service_checks._since(None, 60)


# the data source's account


def test_an_account_that_is_not_needed(project):
    assert one(service_checks.account(project.root)).found == "data.source is sample, which needs no account"
    (project.root / "params.yaml").write_text("[]")
    assert one(service_checks.account(project.root)).state == "skipped"


def test_an_account_that_cannot_be_used(project, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KAGGLE_CONFIG_DIR", str(tmp_path))
    monkeypatch.setenv("KAGGLE_API_TOKEN", "two words")
    path = project.root / "params.yaml"
    path.write_text(path.read_text().replace("  source: sample", "  source: kaggle"))
    found = one(service_checks.account(project.root))
    assert (found.what, found.state) == ("data source", "fault")
    assert found.found == "kaggle: credentials that can't be used, in the environment (KAGGLE_API_TOKEN)"


# the command


@pytest.mark.slow
def test_the_command(built, tmp_path):
    environment = {**os.environ, "PREFECT_API_URL": f"http://127.0.0.1:{free_port()}/api", "COLUMNS": "80"}
    shutil.copy(ROOT / "pyproject.toml", built.root)
    shutil.copy(ROOT / "requirements.lock", built.root)
    command(built.root, "git", "init", "-q")
    committed(built.root)

    def run(*arguments, **changes):
        return subprocess.run(
            [*CRACKFLOW, "doctor", "--quick", *arguments],
            cwd=built.root,
            env={key: value for key, value in {**environment, **changes}.items() if value is not None},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    failed = run("--json")
    report = json.loads(failed.stdout)
    assert (failed.returncode, report["ok"]) == (2, False)
    assert [check["what"] for check in report["checks"] if check["state"] == "fault"] == ["Prefect server"]
    well = run(PREFECT_API_URL=None, PREFECT_HOME=str(tmp_path / "prefect"))
    assert well.returncode == 0, well.stdout
    assert "faults: 0" in well.stdout
    assert max(map(len, well.stdout.splitlines())) <= 80
