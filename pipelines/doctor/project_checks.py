"""What `crackflow doctor` looks at of the checkout: its parameters, its history, its locks. Nothing is touched."""

import contextlib
import subprocess
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped] # it ships no types

from crackflow.errors import CrackflowError
from pipelines.doctor.finding import Finding
from pipelines.dvc_runner.repair import named, stranger
from pipelines.dvc_runner.run_lock import holder, lock_file
from pipelines.flows.work_tree import PLACE
from tasks.child_environment import child_environment
from tasks.workspace import Workspace

GIT_S = 20.0
# No git command holds its index that long.
STALE_S = 600.0


def params(root: Path) -> list[Finding]:
    """Whether params.yaml can be used."""
    try:
        found = Workspace(root).params()
    except CrackflowError as error:
        return [Finding("params.yaml", "fault", str(error), "mend it, or write it anew: crackflow profile quick")]
    return [Finding("params.yaml", "ok", f"can be used; data.source is {found.data.source}")]


def git(root: Path) -> list[Finding]:
    """Whether this is a git repository with a commit, and whether a scheduled run would see what lies here."""
    try:
        return [_repository(root)]
    except FileNotFoundError:
        advice = "install it; DVC and the training log ask it for commits"
        return [Finding("git", "fault", "git is not installed", advice)]
    except subprocess.TimeoutExpired:
        return [Finding("git", "warning", f"git did not answer within {GIT_S:g} s", "look at it with `git status`")]


def _repository(root: Path) -> Finding:
    lock = _git(root, "rev-parse", "--git-path", "index.lock")
    if "dubious ownership" in lock.stderr:
        advice = f"git config --global --add safe.directory {root}"
        return Finding("git", "fault", "the checkout belongs to another user, so git refuses it", advice)
    if lock.returncode:
        return Finding(
            "git", "fault", f"{root} is in no git repository", "git init && git add . && git commit -m start"
        )
    commit = _git(root, "rev-parse", "--short", "--verify", "HEAD")
    if commit.returncode:
        return Finding("git", "fault", "no commit yet", 'git add . && git commit -m "start"')
    place = root / lock.stdout.strip()
    if (age := _age(place)) > STALE_S:
        found = f"{place} is {age / 60:.0f} minutes old: most likely a git command that was killed left it"
        return Finding(
            "git", "warning", found, "delete it while no git command runs; until then nothing can be committed"
        )
    edits = len(_git(root, "status", "--porcelain", "--untracked-files=no").stdout.splitlines())
    if edits:
        found = f"at {commit.stdout.strip()}, {edits} tracked file{'s' * (edits > 1)} changed since"
        advice = (
            "commit them: a scheduled rebuild works from the commit, and results are committed on a clean tree only"
        )
        return Finding("git", "warning", found, advice)
    return Finding("git", "ok", f"at {commit.stdout.strip()}, nothing changed since")


def _age(path: Path) -> float:
    """Seconds since a file was written; 0 where there is none."""
    try:
        return time.time() - path.stat().st_mtime
    except OSError:
        return 0.0


def _git(root: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    # without optional locks, `git status` does not write the index
    return subprocess.run(
        ["git", *arguments],
        cwd=root,
        env={**child_environment(), "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=GIT_S,
        check=False,
    )


def rebuild_locks(root: Path) -> list[Finding]:
    """Who holds the rebuild locks, without asking for them: that could turn a rebuild away."""
    scheduled = lock_file(root, scheduled=True)
    own = _rebuild_lock("rebuild lock", lock_file(root))
    return [own, *([_rebuild_lock("scheduled lock", scheduled)] if scheduled.exists() else [])]


def _rebuild_lock(what: str, path: Path) -> Finding:
    holders = _holders(path)
    process, since = holder(path)
    if holders is None:
        # no /proc: what the file says, and whether that process lives, is all there is
        holders = [process] if psutil.pid_exists(process) else []
    if not holders:
        return Finding(what, "ok", "free")
    if process in holders:
        advice = "wait until it has ended, or end it; another rebuild would end as AlreadyRunning"
        return Finding(what, "warning", f"held by {_name(process)}, alive, since {since}", advice)
    found = f"the rebuild that took it has died; held by what it started: {_names(holders)}"
    return Finding(what, "warning", found, f"they end within seconds; if not: kill {' '.join(map(str, holders))}")


def dvc_locks(root: Path) -> list[Finding]:
    """Who holds DVC's locks, on the repository and on single paths, here and where scheduled rebuilds work."""
    scheduled = root / PLACE
    own = _dvc_locks("DVC locks", root)
    return [own, *([_dvc_locks("scheduled DVC", scheduled)] if (scheduled / ".dvc/tmp").exists() else [])]


def _dvc_locks(what: str, root: Path) -> Finding:
    folder = root / ".dvc/tmp"
    path = folder / "rwlock"
    try:
        entries = named(path)
    except (ValueError, TypeError, KeyError, AttributeError):
        advice = f"delete {path} while no dvc command runs; until then each one fails"
        return Finding(what, "fault", f"{path} is damaged", advice)
    written = path.stat().st_mtime if entries else 0.0
    alive = {number for number in entries if psutil.pid_exists(number)}
    strangers = {number for number in alive if stranger(number, written)}
    if strangers:
        found = f"{path} names {_names(sorted(strangers))}, which began later: whoever it meant has died"
        return Finding(what, "fault", found, f"delete {path} while no dvc command runs")
    holding = sorted({*alive, *(_holders(folder / "lock") or [])})
    if holding:
        return Finding(what, "warning", f"held by {_names(holding)}, alive", "wait until it has ended, or end it")
    if entries:
        gone = ", ".join(str(number) for number in sorted(entries))
        return Finding(what, "ok", f"free; entries of processes that have died ({gone}) go with DVC's next run")
    return Finding(what, "ok", "free")


def _holders(path: Path) -> list[int] | None:
    """The processes that hold the kernel's lock on a file; None where the system does not tell.

    Every process that has the file open is looked at, and not /proc/locks alone: a lock outlives who took it, in
    processes that inherited the descriptor.
    """
    proc = Path("/proc")
    if not (proc / "self/fdinfo").exists():
        return None
    # a file that was deleted is still locked by who had it open
    names, found = {str(path.resolve()), f"{path.resolve()} (deleted)"}, set()
    for process in proc.iterdir():
        # gone meanwhile, or another user's
        with contextlib.suppress(OSError):
            for descriptor in (process / "fd").iterdir() if process.name.isdecimal() else ():
                held = (process / "fdinfo" / descriptor.name).read_text() if str(descriptor.readlink()) in names else ""
                if "FLOCK" in held:
                    found.add(int(process.name))
    return sorted(found)


def _name(process: int) -> str:
    """A process by number and program; not by its arguments, which may hold anything."""
    try:
        return f"process {process} ({psutil.Process(process).name()})"
    except psutil.Error:
        return f"process {process}"


def _names(processes: list[int]) -> str:
    return ", ".join(map(_name, processes))
