"""Checks of the checkout: its parameters, its repository, its locks. They change nothing."""

import contextlib
import functools
from pathlib import Path

import psutil  # type: ignore[import-untyped] # it ships no types

from crackflow.errors import CrackflowError
from pipelines.doctor.finding import Finding
from pipelines.dvc_runner.repair import is_reused_id, named_processes
from pipelines.dvc_runner.run_lock import holder, lock_file
from pipelines.flows.work_tree import inside, is_submodule
from pipelines.git import GitError, NoRepositoryError, git
from tasks.workspace import Workspace


def params(root: Path) -> list[Finding]:
    """Whether params.yaml can be used."""
    try:
        found = Workspace(root).params()
    except CrackflowError as error:
        return [Finding("params.yaml", "fault", str(error), "fix it, or write the defaults: crackflow profile quick")]
    return [Finding("params.yaml", "ok", f"can be used; data.source is {found.data.source}")]


def repository(root: Path) -> list[Finding]:
    """Whether this is a git repository with a commit, and whether a scheduled run would see what lies here."""
    try:
        return [_repository(root)]
    except FileNotFoundError:
        return [Finding("git", "fault", "git is not installed", "install it; DVC and the training log need commits")]


def _repository(root: Path) -> Finding:
    # without optional locks, `git status` does not write the index
    ask = functools.partial(git, root, environment={"GIT_OPTIONAL_LOCKS": "0"})
    try:
        commit = ask("rev-parse", "--short", "--verify", "HEAD")
    except NoRepositoryError as error:
        found, _, advice = str(error).partition("; " if "; " in str(error) else ", ")
        return Finding("git", "fault", found, advice)
    except GitError:
        return Finding("git", "fault", "no commit yet", "git add . && git commit -m start")
    if is_submodule(root):
        found = f"at {commit}; a submodule, where `crackflow rebuild --revision` and `crackflow serve` build no commit"
        return Finding("git", "warning", found, "rebuild in place (`serve --in-place`), or clone it on its own")
    if edits := len(ask("status", "--porcelain", "--untracked-files=no").splitlines()):
        advice = "commit them: a scheduled rebuild builds the commit, and commits results only where nothing is edited"
        return Finding("git", "warning", f"at {commit}, {edits} tracked file{'s' * (edits > 1)} changed since", advice)
    return Finding("git", "ok", f"at {commit}, nothing changed since")


def rebuild_locks(root: Path) -> list[Finding]:
    """Who holds the rebuild locks. They are not taken, since a rebuild that starts meanwhile would end."""
    scheduled = lock_file(root, scheduled=True)
    own = _rebuild_lock("rebuild lock", lock_file(root))
    return [own, *([_rebuild_lock("scheduled lock", scheduled)] if scheduled.exists() else [])]


def _rebuild_lock(what: str, path: Path) -> Finding:
    holders = _holders(path)
    process, since = holder(path)
    if holders is None:
        # without /proc only what the file says is known, and whether that process lives
        holders = [process] if psutil.pid_exists(process) else []
    if not holders:
        return Finding(what, "ok", "free")
    if process in holders:
        advice = "wait until it has ended, or end it; another rebuild would end as AlreadyRunning"
        return Finding(what, "warning", f"held by {_name(process)}, alive, since {since}", advice)
    if not process:
        found = f"held by {_names(holders)}, though its file was deleted or says nothing"
        return Finding(what, "warning", found, "wait until it has ended, or end it")
    found = f"the rebuild that took it has died; still held by what it started: {_names(holders)}"
    return Finding(what, "warning", found, f"they end within seconds; if not: kill {' '.join(map(str, holders))}")


def dvc_locks(root: Path) -> list[Finding]:
    """Who holds DVC's locks, on the repository and on single paths, here and where scheduled rebuilds work."""
    scheduled = inside(root)
    own = _dvc_locks("DVC locks", root)
    return [own, *([_dvc_locks("scheduled DVC", scheduled)] if (scheduled / ".dvc/tmp").exists() else [])]


def _dvc_locks(what: str, root: Path) -> Finding:
    folder = root / ".dvc/tmp"
    path = folder / "rwlock"
    try:
        entries = named_processes(path)
    except (ValueError, TypeError, KeyError, AttributeError):
        advice = f"delete {path} while no dvc command runs; until then each one fails"
        return Finding(what, "fault", f"{path} is damaged", advice)
    written = path.stat().st_mtime if entries else 0.0
    alive = {number for number in entries if psutil.pid_exists(number)}
    strangers = {number for number in alive if is_reused_id(number, written)}
    if strangers:
        found = f"{path} names {_names(sorted(strangers))}, which started later; the process it meant has died"
        return Finding(what, "fault", found, f"delete {path} while no dvc command runs")
    holding = sorted({*alive, *(_holders(folder / "lock") or [])})
    if holding:
        return Finding(what, "warning", f"held by {_names(holding)}, alive", "wait until it has ended, or end it")
    if entries:
        gone = ", ".join(str(number) for number in sorted(entries))
        return Finding(what, "ok", f"free; the next dvc command drops the entries of dead processes ({gone})")
    return Finding(what, "ok", "free")


def _holders(path: Path) -> list[int] | None:
    """The processes that hold the kernel's lock on a file; None where the system does not tell.

    /proc/locks names only who took a lock. Processes that inherited the open file hold it too, so all are looked at.
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
    """A process by number and program. Its arguments may hold secrets and are left out."""
    try:
        return f"process {process} ({psutil.Process(process).name()})"
    except psutil.Error:
        return f"process {process}"


def _names(processes: list[int]) -> str:
    return ", ".join(map(_name, processes))
