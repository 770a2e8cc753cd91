"""Soak: what surrounds a rebuild goes wrong: the server, the worker, the disk, the clock, another rebuild."""

import contextlib
import functools
import os
import re
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from benchmarks.soak import sandbox
from benchmarks.soak.kills import after
from benchmarks.soak.sandbox import Case, Found, Place, end, last_line, wait
from pipelines.flows.limits import FLOW_NAME
from pipelines.git import git
from tasks.__main__ import STAGES

POOL = "crackflow"
CANCELLED_S = 15.0


def surroundings() -> dict[tuple[str, str], Case]:
    """Each fault by its name and place."""
    return {
        ("two rebuilds at once", "train"): two_at_once,
        ("dvc repro by hand beside a scheduled run", "train"): beside_a_person,
        ("a stage that fails", "split"): failing,
        ("cancelled by the server", "train"): cancelled,
        ("no server at the start", "the flow"): server_away,
        ("the server's database locked for 20 s", "train"): database_locked,
        ("disk full", "resize"): functools.partial(disk_full, stage="resize"),
        ("disk full", "train"): functools.partial(disk_full, stage="train"),
        ("a read-only checkout", "the flow"): read_only,
        ("the clock was a year ahead, and is right again", "all"): clock_back,
        **{("kill -9 of the worker", stage): functools.partial(worker_killed, stage=stage) for stage in STAGES},
        **{("kill -9 of the server", stage): functools.partial(server_killed, stage=stage) for stage in STAGES},
    }


def two_at_once(place: Place, _: Path) -> Found:
    """A second rebuild while the first trains: it must say so and leave, and disturb nothing."""
    wanted = place.outputs()
    place.forget(after(place, "train"))
    first = place.start("pipelines", "rebuild")
    met = wait(lambda: place.stage_process("train"), 300)
    begun = time.monotonic()
    code, said = place.run("pipelines", "rebuild", "--force", "split")
    took = time.monotonic() - begun
    done, _ = first.communicate(timeout=600)
    happened = f"the second: exit code {code} after {took:.0f} s: {_short(said)}"
    good = met and code == 1 and "another rebuild" in said and first.returncode == 0 and place.outputs() == wanted
    return Found(happened, f"the first went on: {last_line(done)}", good and place.gone())


def beside_a_person(place: Place, _: Path) -> Found:
    """A scheduled run in its work tree while somebody rebuilds the checkout by hand; both share DVC's cache."""
    wanted = place.outputs()
    git(place.root, "commit", "--quiet", "--allow-empty", "-am", "as built")
    place.forget(after(place, "train"))
    scheduled = place.start("pipelines", "rebuild", "--revision", "HEAD")
    code, _said = place.run("dvc", "repro")
    done, _ = scheduled.communicate(timeout=900)
    tree = Place(place.root / ".crackflow/scheduled", place.api)
    alike = place.outputs() == wanted and tree.outputs() | {"models": ""} == wanted | {"models": ""}
    happened = f"dvc repro: exit code {code}; the scheduled run: {last_line(done)}"
    again, then = place.run("pipelines", "rebuild")
    return Found(happened, then, code == 0 and scheduled.returncode == 0 and again == 0 and alike and place.gone())


def failing(place: Place, _: Path) -> Found:
    """A stage with a defect: what builds on it must not run, and the last good model must stay."""
    wanted = place.outputs()
    model = place.root / "models/flexunet.keras"
    before = model.read_bytes()
    stage = place.root / "tasks/split.py"
    text = stage.read_text(encoding="utf-8")
    stage.write_text(text + "\nraise RuntimeError('a defect')\n", encoding="utf-8")
    code, said = place.run("pipelines", "rebuild")
    kept = model.is_file() and model.read_bytes() == before
    stage.write_text(text, encoding="utf-8")
    again, then = place.run("pipelines", "rebuild")
    happened = f"exit code {code}: {_short(said)}; the model of before is {'there' if kept else 'GONE'}"
    return Found(happened, then, code == 1 and kept and again == 0 and place.outputs() == wanted and place.gone())


@contextlib.contextmanager
def worker(place: Place) -> Iterator["subprocess.Popen[str]"]:
    """Deploy, and serve the pool."""
    for module in (
        ["work-pool", "create", POOL, "--type", "process", "--overwrite"],
        ["--no-prompt", "deploy", "--all"],
    ):
        code, said = place.run("prefect", *module)
        if code:
            raise RuntimeError(said)
    process = place.start("prefect", "worker", "start", "--pool", POOL, "--type", "process")
    try:
        yield process
    finally:
        end(process.pid)
        process.communicate()


def deployed(place: Place) -> str:
    """Start a run of the deployment for the checkout itself; give the run's id."""
    process = place.start("prefect", "deployment", "run", f"{FLOW_NAME}/on-demand", "--param", "revision=null")
    said, _ = process.communicate(timeout=120)
    found = re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", said)
    if found is None:
        raise RuntimeError(said)
    return found[0]


def cancelled(place: Place, _: Path) -> Found:
    """Cancel a run, as the button in the browser does: its stage must be gone in time."""
    wanted = place.outputs()
    place.forget(after(place, "train"))
    with worker(place) as process:
        run = deployed(place)
        met = wait(lambda: place.stage_process("train"), 300)
        begun = time.monotonic()
        code, said = place.run("prefect", "flow-run", "cancel", run)
        ended = wait(lambda: not place.stage_process("train"), 60)
        took = time.monotonic() - begun
        wait(lambda: not [one for one in place.processes() if one.pid != process.pid], 30)
    happened = f"the stage ended {took:.0f} s later" if ended else f"the stage went on; {said}"
    again, then = place.run("pipelines", "rebuild")
    good = met and code == 0 and ended and took <= CANCELLED_S and again == 0 and place.outputs() == wanted
    return Found(happened, then, good and place.gone())


def worker_killed(place: Place, _: Path, *, stage: str) -> Found:
    """The worker alone dies; the flow's process is its child and not its thread."""
    wanted = place.outputs()
    place.forget(after(place, stage))
    with worker(place) as process:
        deployed(place)
        met = wait(lambda: place.stage_process(stage), 300)
        process.kill()
        process.wait()
        finished = place.gone(600)
    happened = "the run went on to its end" if finished and place.outputs() == wanted else "the run ended with it"
    again, then = place.run("pipelines", "rebuild")
    return Found(happened, then, met and finished and again == 0 and place.outputs() == wanted)


def server_away(place: Place, _: Path) -> Found:
    """A server is configured and nothing answers there."""
    wanted = place.outputs()
    place.forget(after(place, "report"))
    nowhere = Place(place.root, f"http://{sandbox.HOST}:{sandbox.free_port()}/api")
    begun = time.monotonic()
    code, said = nowhere.run("pipelines", "rebuild")
    took = time.monotonic() - begun
    again, then = place.run("pipelines", "rebuild")
    happened = f"exit code {code} after {took:.0f} s: {_short(said)}"
    good = _said(code, said) and again == 0 and place.outputs() == wanted and place.gone()
    return Found(happened, then, good)


def server_killed(place: Place, at: Path, *, stage: str) -> Found:
    """The server dies in the middle of a run, and comes back for the next."""

    def kill(server: Path) -> None:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.cwd() == str(server):
                    process.kill()

    return _with_own_server(place, at, stage, kill)


def database_locked(place: Place, at: Path) -> Found:
    """Something else holds the server's SQLite file while a stage works."""

    def lock(server: Path) -> None:
        database = sqlite3.connect(server / "prefect/prefect.db", isolation_level=None, timeout=30)
        database.execute("BEGIN EXCLUSIVE")
        time.sleep(20)
        database.execute("ROLLBACK")
        database.close()

    return _with_own_server(place, at, "train", lock)


def _with_own_server(place: Place, at: Path, stage: str, harm: Callable[[Path], None]) -> Found:
    """Do harm to a server while a flow that reports to it works; `harm` gets the folder that the server lives in."""
    wanted = place.outputs()
    place.forget(after(place, stage))
    own = at / "server"
    own.mkdir()
    with sandbox.server(own) as api:
        flow = Place(place.root, api).start("pipelines", "rebuild")
        met = wait(lambda: place.stage_process(stage), 300)
        harm(own)
        said, _ = flow.communicate(timeout=900)
        gone = place.gone()
    again, then = place.run("pipelines", "rebuild")
    happened = f"exit code {flow.returncode}: {_short(last_line(said))}"
    return Found(happened, then, met and gone and again == 0 and place.outputs() == wanted)


def disk_full(place: Place, at: Path, *, stage: str) -> Found:
    """The checkout lies on a disk of its own that has no room left; then there is room again."""
    wanted = place.outputs()
    disk = at / "disk"
    disk.mkdir()
    if not _mounted(["-t", "tmpfs", "-o", "size=2g", "tmpfs", str(disk)]):
        return Found("not tried: it takes root", "-", good=True)
    try:
        here = sandbox.copy(place, disk)
        here.forget(after(here, stage))
        used = int(
            subprocess.run(
                ["df", "-k", "--output=used", disk], check=True, capture_output=True, text=True
            ).stdout.split()[1]
        )
        _mounted(["-o", f"remount,size={used + 100}k", str(disk)])
        code, said = here.run("pipelines", "rebuild")
        gone = here.gone()
        _mounted(["-o", "remount,size=2g", str(disk)])
        again, then = here.run("pipelines", "rebuild")
        good = _said(code, said) and gone and again == 0 and here.outputs() == wanted
        return Found(f"exit code {code}: {_short(said)}", then, good)
    finally:
        subprocess.run(["umount", "--lazy", disk], check=False)


def read_only(place: Place, _: Path) -> Found:
    """Nothing can be written in the checkout."""
    wanted = place.outputs()
    place.forget(after(place, "report"))
    root = str(place.root)
    if not (_mounted(["--bind", root, root]) and _mounted(["-o", "remount,ro,bind", root])):
        return Found("not tried: it takes root", "-", good=True)
    try:
        code, said = place.run("pipelines", "rebuild")
    finally:
        subprocess.run(["umount", "--lazy", root], check=False)
    again, then = place.run("pipelines", "rebuild")
    good = _said(code, said) and again == 0 and place.outputs() == wanted
    return Found(f"exit code {code}: {_short(said)}", then, good)


def clock_back(place: Place, _: Path) -> Found:
    """Every file is from next year: what goes by the time of a file takes it for new."""
    wanted = place.outputs()
    ahead = time.time() + 365 * 86400
    for path in place.root.rglob("*"):
        if not path.is_symlink():
            os.utime(path, (ahead, ahead))
    code, said = place.run("pipelines", "rebuild")
    place.forget(after(place, "train"))
    again, then = place.run("pipelines", "rebuild")
    happened = f"exit code {code}: {_short(said)}"
    return Found(happened, then, code == 0 and "nothing changed" in said and again == 0 and place.outputs() == wanted)


def _mounted(arguments: list[str]) -> bool:
    return subprocess.run(["mount", *arguments], check=False, capture_output=True).returncode == 0


def _said(code: int, said: str) -> bool:
    """Whether a command failed and its last word was a line for people, and no traceback."""
    return code != 0 and said.startswith("error: ")


def _short(said: str) -> str:
    """One line without the place's own paths."""
    inside = re.sub(r"/\S*/checkout/", "", " ".join(said.split()))
    return re.sub(r"/\S*/checkout\b", "the checkout", inside)[:200]
