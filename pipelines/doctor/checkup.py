"""`crackflow doctor`: check what a rebuild needs, and say what to do.

The checks run side by side, each within a time limit. They repair nothing and take no lock, so a running rebuild is not
disturbed.
"""

import contextlib
import importlib
import json
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from crackflow.safe_text import printable
from pipelines.doctor import dvc_checks, machine_checks, photograph_checks, project_checks, service_checks
from pipelines.doctor.finding import Finding, State, plain
from pipelines.terminal import show

# Generous: a machine that trains answers late.
LOCAL_S = 30.0
# the limit inside the check comes first and says more
REMOTE_S = dvc_checks.REMOTE_S + 10
STYLES: dict[State, str] = {"ok": "green", "skipped": "dim", "warning": "yellow", "fault": "bold red"}
# Imported before any thread starts: threads that import parts of one package at once see half-made modules.
IMPORTS = ("dvc.repo", "prefect.client.orchestration", "crackflow.sources.kaggle_http")


@dataclass(frozen=True)
class Check:
    """One thing to look at.

    Attributes:
        what: its name in the table, unless its findings have names of their own.
        look: the check, given the root of the checkout; what it raises becomes a finding.
        limit_s: seconds that it may take.
        late: the state of its finding when it takes longer.
    """

    what: str
    look: Callable[[Path], Sequence[Finding]]
    limit_s: float = LOCAL_S
    late: State = "fault"


CHECKS = (
    Check("Python", machine_checks.python),
    Check("packages", machine_checks.packages),
    Check("bytecode", machine_checks.bytecode),
    Check("home", machine_checks.home),
    Check("GPU", machine_checks.gpu, machine_checks.GPU_S + 10, "warning"),
    Check("memory", machine_checks.memory),
    Check("params.yaml", project_checks.params),
    Check("dvc.yaml", dvc_checks.graph),
    Check("git", project_checks.repository, late="warning"),
    Check("rebuild lock", project_checks.rebuild_locks),
    Check("DVC locks", project_checks.dvc_locks),
    Check("DVC cache", dvc_checks.cache),
    Check("DVC remote", dvc_checks.remote, REMOTE_S),
    Check("disk", dvc_checks.disk),
    Check("Prefect server", service_checks.prefect, service_checks.SERVER_S),
    Check("data source", service_checks.account),
    Check("photographs", photograph_checks.photographs, late="warning"),
)
# They take long and can be left out.
SLOW = ("GPU",)


def examine(
    root: Path,
    checks: Sequence[Check] = CHECKS,
    skip: Sequence[str] = (),
    waiting: Callable[[str], object] = lambda _: None,
) -> list[Finding]:
    """Look at everything.

    Args:
        root: the root of the checkout.
        checks: what to look at.
        skip: names of checks to leave out; they get a line all the same.
        waiting: called with the name of the check that is waited for.

    Returns:
        The findings in the order of the checks. A check that raises, or is late, is a finding too.
    """
    for name in IMPORTS:
        # the checks that need a broken package report it
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    begun = time.monotonic()
    answers = {check.what: _start(check, root) for check in checks if check.what not in skip}
    findings: list[Finding] = []
    for check in checks:
        if check.what in skip:
            findings.append(Finding(check.what, "skipped", "not looked at, as asked"))
            continue
        waiting(check.what)
        try:
            found = answers[check.what].get(timeout=max(0.0, begun + check.limit_s - time.monotonic()))
        except queue.Empty:
            found = [Finding(check.what, check.late, f"no answer within {check.limit_s:g} s", "run it again later")]
        findings += [Finding(one.what, one.state, plain(one.found), plain(one.advice)) for one in found]
    return findings


def _start(check: Check, root: Path) -> "queue.Queue[Sequence[Finding]]":
    answer: queue.Queue[Sequence[Finding]] = queue.Queue()

    def look() -> None:
        try:
            answer.put(check.look(root))
        # any error is a finding: the other checks still answer
        except Exception as error:
            answer.put([Finding(check.what, "fault", f"the check failed: {type(error).__name__}: {error}")])

    # a daemon: one that hangs does not keep the process from ending
    threading.Thread(target=look, name=f"doctor {check.what}", daemon=True).start()
    return answer


def report(root: Path, *, quick: bool, as_json: bool) -> int:
    """Look at everything and print what was found.

    Args:
        root: the root of the checkout.
        quick: leave out what takes long.
        as_json: print JSON, for programs.

    Returns:
        How many faults there are.
    """
    with Console(stderr=True).status("looking") as status:
        findings = examine(root, skip=SLOW if quick else (), waiting=lambda name: status.update(f"waiting for {name}"))
    if as_json:
        print(json.dumps(as_dict(findings), indent=1))
    else:
        show(table(findings))
        print(f"\n{summary(findings)}")
    return faults(findings)


def faults(findings: Sequence[Finding]) -> int:
    """How many of the findings are faults."""
    return sum(one.state == "fault" for one in findings)


def summary(findings: Sequence[Finding]) -> str:
    """All findings in one line.

    >>> summary([Finding("git", "ok", ""), Finding("GPU", "warning", "")])
    'faults: 0, warnings: 1, ok: 1'
    """
    counts = {state: sum(one.state == state for one in findings) for state in STYLES}
    words = [f"faults: {counts['fault']}", f"warnings: {counts['warning']}", f"ok: {counts['ok']}"]
    return ", ".join([*words, *([f"skipped: {counts['skipped']}"] if counts["skipped"] else [])])


def as_dict(findings: Sequence[Finding]) -> dict[str, Any]:
    """The findings for machines: `ok` is False where there is a fault; `checks` has one entry a line."""
    return {"ok": not faults(findings), "checks": [asdict(one) for one in findings]}


def table(findings: Sequence[Finding]) -> Table:
    """Make a table for a terminal of 80 columns; the advice stands below what was found."""
    laid = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    laid.add_column("check", no_wrap=True)
    laid.add_column("state", no_wrap=True)
    laid.add_column("found, and what to do", overflow="fold")
    for one in findings:
        found = Text(printable(one.found))
        if one.advice:
            found.append("\n->", "bold").append(f" {printable(one.advice)}")
        laid.add_row(one.what, Text(one.state, STYLES[one.state]), found)
    return laid
