"""A place to break things in: a clone of this repository with a small graph, and a Prefect server beside it."""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import psutil
import yaml

from crackflow.params import dump, parse, render
from pipelines.git import git
from pipelines.loopback import HOST
from pipelines.scheduling.prefect_server import answers, free_port
from tasks.environment import child_environment

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
# Of params.yaml: every stage takes seconds, and long enough to be met at work.
SMALL = {
    "data": {"sample": {"seed": 7, "images": 60, "size": 128}},
    "resize": {"size": 128},
    "split": {"mini_test": 3},
    "statistics": {"sheet_images": 3, "suspicious": 3},
    "model": {"base_filters": 4, "num_layers": 3},
    "train": {"epochs": 3, "steps_per_epoch": 12, "batch_size": 4, "crop": 64, "num_infer_images": 1},
    "evaluate": {"compare_flips": False},
}
# What a rebuild must give byte for byte, whatever happened before: data, model, figures, predictions.
OUTPUTS = (
    "data/raw.json",
    "data/resized",
    "data/split.csv",
    "models",
    "metrics",
    "predictions",
    "reports/per_image.csv",
)
GONE_S = 30.0
# In which a server starts, on a busy machine too.
SERVER_S = 600.0


class Found(NamedTuple):
    """What came of one fault."""

    happened: str
    """how the run that met it ended"""
    then: str
    """what the next run did"""
    good: bool
    """nothing was left behind, and the outputs were those of an undisturbed run"""


@dataclass(frozen=True)
class Row:
    """One line of the table: what was done, in which stage or in what, and what came of it."""

    fault: str
    where: str
    happened: str
    then: str
    good: bool


@dataclass
class Place:
    """A checkout, the server that its flows talk to, and how to run them."""

    root: Path
    api: str
    more: Mapping[str, str] = field(default_factory=dict)
    """added to the environment"""

    @property
    def environment(self) -> dict[str, str]:
        """Of every process that is started here."""
        path = os.pathsep.join([str(Path(PYTHON).parent), os.environ["PATH"]])
        return {
            **child_environment(),
            "PATH": path,
            "PYTHONPATH": str(self.root),
            "PREFECT_API_URL": self.api,
            "PREFECT_HOME": str(self.root.parent / "prefect"),
            **self.more,
        }

    def start(self, *module: str) -> "subprocess.Popen[str]":
        """Start `python -m MODULE ARGUMENTS` in the checkout, in a session of its own."""
        return self.start_python("-m", *module)

    def start_python(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start `python ARGUMENTS` in the checkout, in a session of its own."""
        return subprocess.Popen(
            [PYTHON, *arguments],
            cwd=self.root,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *module: str, limit_s: float = 900) -> tuple[int, str]:
        """Run it to its end; give the exit code and its last line."""
        process = self.start(*module)
        said, _ = process.communicate(timeout=limit_s)
        return process.returncode, last_line(said)

    def processes(self) -> list[psutil.Process]:
        """Every living process that works in the checkout."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                inside = Path(process.cwd()).is_relative_to(self.root)
                if inside and process.status() != psutil.STATUS_ZOMBIE and process.pid != os.getpid():
                    found.append(process)
        return found

    def stage_process(self, stage: str) -> psutil.Process | None:
        """The Python that carries out a stage, not the shell around it."""
        for process in self.processes():
            with contextlib.suppress(psutil.Error):
                line = process.cmdline()
                if line[-3:] == ["-m", "tasks", stage]:
                    return process
        return None

    def forget(self, stages: list[str]) -> None:
        """Make stages as if they had never run: their entries of dvc.lock, their outputs, DVC's run cache."""
        lock = self.root / "dvc.lock"
        values = yaml.safe_load(lock.read_text(encoding="utf-8"))
        for stage in stages:
            for out in values["stages"].pop(stage, {}).get("outs", []):
                path = self.root / out["path"]
                shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        lock.write_text(yaml.safe_dump(values, sort_keys=False), encoding="utf-8")
        shutil.rmtree(self.root / ".dvc/cache/runs", ignore_errors=True)
        shutil.rmtree(self.root / ".crackflow/state", ignore_errors=True)

    def outputs(self) -> dict[str, str]:
        """A hash of each of OUTPUTS."""
        return {name: _hash(self.root / name) for name in OUTPUTS}

    def gone(self, seconds: float = GONE_S) -> bool:
        """Whether nothing works in the checkout any more, within some seconds."""
        return wait(lambda: not self.processes(), seconds)


def make(folder: Path, api: str, *, built: bool = True) -> Place:
    """Clone this repository's HEAD, with the small graph committed and, where asked, built once, undisturbed."""
    root = folder / "checkout"
    git(folder, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(root))
    for key, value in (("user.name", "soak"), ("user.email", "soak@localhost")):
        git(root, "config", key, value)
    path = root / "params.yaml"
    values = yaml.safe_load(path.read_text(encoding="utf-8"))
    for block, changes in SMALL.items():
        values[block] |= changes
    path.write_text(render(parse(dump(parse(values)))), encoding="utf-8")
    git(root, "commit", "--quiet", "-am", "a small graph")
    place = Place(root, api)
    if not built:
        return place
    code, said = place.run("pipelines", "rebuild")
    if code:
        raise RuntimeError(f"the undisturbed rebuild failed: {said}")
    git(root, "commit", "--quiet", "-am", "built")
    return place


def copy(place: Place, folder: Path) -> Place:
    """The same checkout with its cache and outputs in another folder."""
    root = folder / "checkout"
    shutil.copytree(place.root, root, symlinks=True)
    return Place(root, place.api)


@contextlib.contextmanager
def server(folder: Path) -> Iterator[str]:
    """A whole Prefect server, with scheduler and database; gives its API's address."""
    port = free_port()
    api = f"http://{HOST}:{port}/api"
    process = subprocess.Popen(
        [PYTHON, "-m", "prefect", "server", "start", "--host", HOST, "--port", str(port)],
        cwd=folder,
        env={
            **child_environment(),
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
            # where the pages in a browser ask; else that would be the usual port
            "PREFECT_UI_API_URL": api,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        if not wait(lambda: answers(port), SERVER_S):
            raise RuntimeError("the server did not start")
        yield api
    finally:
        end(process.pid)
        process.wait()


def end(pid: int) -> None:
    """Kill a process and all that descend from it."""
    with contextlib.suppress(psutil.Error):
        process = psutil.Process(pid)
        for one in [*process.children(recursive=True), process]:
            with contextlib.suppress(psutil.Error):
                one.kill()


def wait(true: Callable[[], object], seconds: float) -> bool:
    """Wait until something is true; False where it is not within some seconds."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def last_line(said: str) -> str:
    """Our own last word, or else the last line that says something, without Prefect's time and level.

    Prefect may still complain after it, of logs that it can't send any more.
    """
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    own = [line for line in lines if line.startswith("error: ")]
    return own[-1][:300] if own else lines[-1].rpartition(" - ")[2][:300] if lines else ""


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    for file in files:
        if file.is_file():
            digest.update(file.relative_to(path.parent).as_posix().encode() + b"\0")
            digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def remove(folder: Path) -> None:
    """Delete what a case has left, read-only links of DVC's cache included."""
    shutil.rmtree(folder, ignore_errors=True)


Case = Callable[[Place, Path], Found]
