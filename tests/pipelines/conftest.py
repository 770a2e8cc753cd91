"""A tiny DVC project, and one Prefect server for all tests of this folder."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import yaml
from dvc.repo import Repo

from crackflow.params import Params, render

# Prefect reads prefect.toml where it is imported first, which may be a test's own folder.
os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "120")

# A stage writes its name, its inputs and what it reads of params.yaml; the files `slow` and `fail` name one to be so.
STAGE = """
import json, os, subprocess, sys, time
from pathlib import Path
import yaml

name, *deps = sys.argv[1:]
asked = {what: Path(what).read_text() for what in ("slow", "fail") if Path(what).exists()}
if asked.get("slow") == name:
    child = subprocess.Popen(["sleep", "300"])
    Path("started").write_text(f"{os.getpid()} {child.pid}")
    time.sleep(300)
if asked.get("fail") == name:
    sys.exit("error: " + name + ": a pity")
text = name + "".join("(" + Path(dep + ".txt").read_text() + ")" for dep in deps)
if name == "split":
    text += str(yaml.safe_load(Path("params.yaml").read_text())["split"]["seed"])
Path(name + ".txt").write_text(text)
print("python", sys.executable)
ran = Path(".crackflow/ran")
ran.mkdir(parents=True, exist_ok=True)
(ran / (name + ".json")).write_text(json.dumps({"stage": name, "run": os.environ.get("CRACKFLOW_RUN", "")}))
"""
GRAPH = """
stages:
  download:
    cmd: python stage.py download
    outs: [download.txt]
  report:
    cmd: python stage.py report split statistics
    deps: [split.txt, statistics.txt]
    outs: [report.txt]
  split:
    cmd: python stage.py split download
    deps: [download.txt]
    params: [split.seed]
    outs: [split.txt]
  statistics:
    cmd: python stage.py statistics download
    deps: [download.txt]
    outs: [statistics.txt]
"""
CONFIG = "[core]\n    no_scm = true\n    analytics = false\n    check_update = false\n"


class Project:
    """A folder with the graph download -> (split, statistics) -> report."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def text(self, name):
        return (self.root / f"{name}.txt").read_text()

    def set_seed(self, seed):
        path = self.root / "params.yaml"
        lines = [
            f"  seed: {seed}" if line.startswith("  seed: 0  # same seed and pairs") else line
            for line in path.read_text().splitlines()
        ]
        path.write_text("\n".join(lines) + "\n")

    def shorten(self):
        """Leave download -> split of the graph, which shows what four stages do in half the time."""
        stages = yaml.safe_load(GRAPH)["stages"]
        short = {"stages": {name: stages[name] for name in ("download", "split")}}
        (self.root / "dvc.yaml").write_text(yaml.safe_dump(short))

    def ask(self, what, stage):
        (self.root / what).write_text(stage)

    def processes(self):
        """Every process that works in this folder, the one that asks left out."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.pid != os.getpid() and process.status() != psutil.STATUS_ZOMBIE:
                    found += [process] if process.cwd() == str(self.root) else []
            except psutil.Error:
                continue
        return found

    def wait_until(self, true, seconds=240.0):
        deadline = time.monotonic() + seconds
        while not true():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.05)

    def wait_until_started(self, seconds=240.0):
        """Wait until the slow stage works; give its process id and its child's."""
        started = self.root / "started"
        self.wait_until(lambda: started.exists() and len(started.read_text().split()) == 2, seconds)
        return [int(number) for number in started.read_text().split()]


def _make(root):
    root.mkdir(parents=True)
    (root / "stage.py").write_text(STAGE)
    (root / "dvc.yaml").write_text(GRAPH)
    (root / "params.yaml").write_text(render(Params()))
    Repo.init(str(root), no_scm=True).close()
    (root / ".dvc/config").write_text(CONFIG)


@pytest.fixture(scope="session")
def _empty(tmp_path_factory):
    root = tmp_path_factory.mktemp("project") / "empty"
    _make(root)
    return root


@pytest.fixture(scope="session")
def _built(_empty, tmp_path_factory):
    root = tmp_path_factory.mktemp("project") / "built"
    shutil.copytree(_empty, root)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    subprocess.run([sys.executable, "-m", "dvc", "repro", "-q"], cwd=root, check=True, env={**os.environ, "PATH": path})
    return root


@pytest.fixture
def project(_empty, tmp_path, monkeypatch):
    """The project before its first run, as the current directory."""
    root = tmp_path / "project"
    shutil.copytree(_empty, root)
    monkeypatch.chdir(root)
    return Project(root.resolve())


@pytest.fixture
def built(_built, tmp_path, monkeypatch):
    """The project with every stage up to date, as the current directory."""
    root = tmp_path / "project"
    shutil.copytree(_built, root)
    monkeypatch.chdir(root)
    return Project(root.resolve())


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """A Prefect server for this process and for those that it starts, as `crackflow rebuild` starts one."""
    with pytest.MonkeyPatch.context() as patch:
        # read when Prefect is imported first, which must not be before
        patch.setenv("PREFECT_HOME", str(tmp_path_factory.mktemp("prefect")))
        patch.delenv("PREFECT_API_URL", raising=False)
        patch.delenv("PREFECT_API_AUTH_STRING", raising=False)
        from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL

        from pipelines.scheduling.prefect_server import configured_or_temporary

        with configured_or_temporary() as wait:
            import pipelines.flows.rebuild  # noqa: F401

            wait()
            patch.setenv("PREFECT_API_URL", PREFECT_API_URL.value())
            patch.setenv("PREFECT_API_AUTH_STRING", PREFECT_API_AUTH_STRING.value())
            yield


@pytest.fixture(scope="session")
def s3_server():
    """The address of an S3 server with the bucket `photos`; it takes any credentials, but asks for some."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    address = f"http://{host}:{port}"
    account = {"aws_access_key_id": "someone", "aws_secret_access_key": "any", "region_name": "us-east-1"}
    boto3.client("s3", endpoint_url=address, **account).create_bucket(Bucket="photos")
    yield address
    server.stop()
