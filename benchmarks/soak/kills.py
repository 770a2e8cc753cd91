"""Soak: kill -9 of each process of a rebuild, in each stage."""

import contextlib
import functools
import signal
import time
from pathlib import Path

import psutil

from benchmarks.soak.sandbox import Case, Found, Place, end, last_line, wait
from pipelines.dvc_runner import graph
from tasks.__main__ import STAGES

TARGETS = ("the stage", "DVC", "the watch", "the flow")
ENDED_S = 15.0


def kills() -> dict[tuple[str, str], Case]:
    """Every target in every stage; Ctrl-C and SIGTERM of the flow in the longest one."""
    found: dict[tuple[str, str], Case] = {
        (f"kill -9 of {target}", stage): functools.partial(killed, target=target, stage=stage, number=signal.SIGKILL)
        for target in TARGETS
        for stage in STAGES
    }
    for words, number in (("Ctrl-C", signal.SIGINT), ("SIGTERM to the flow", signal.SIGTERM)):
        found[words, "train"] = functools.partial(killed, target="the flow", stage="train", number=number)
    return found


def killed(place: Place, _: Path, *, target: str, stage: str, number: signal.Signals) -> Found:
    """Kill a process while a stage works, see that all is gone, and rebuild."""
    wanted = place.outputs()
    place.forget(after(place, stage))
    flow = place.start("pipelines", "rebuild")
    met = wait(lambda: place.stage_process(stage), 300)
    # long enough to be at work, short enough not to have ended
    time.sleep(0.4)
    victim = _victim(place, flow.pid, target, stage) if met else None
    begun = time.monotonic()
    if victim is not None:
        with contextlib.suppress(psutil.Error):
            victim.send_signal(number)
    said, _ = flow.communicate(timeout=600)
    gone = place.gone(ENDED_S)
    took = time.monotonic() - begun
    left = "nothing is left" if gone else f"left: {[process.name() for process in place.processes()]}"
    happened = f"exit code {flow.returncode}, {left}"
    if flow.returncode not in (-number, 0):
        happened += f": {last_line(said)}"
    if number != signal.SIGKILL:
        happened += f"; {took:.0f} s"
    for process in place.processes():
        end(process.pid)
    code, then = place.run("pipelines", "rebuild")
    good = victim is not None and gone and code == 0 and place.outputs() == wanted
    good = good and (number == signal.SIGKILL or took <= ENDED_S)
    return Found(happened if met else "the stage was not met", then, good)


def after(place: Place, stage: str) -> list[str]:
    """The stage and all that build on it."""
    found: list[str] = []
    for one in graph.read_graph(place.root):
        if one.name == stage or set(one.upstream) & set(found):
            found.append(one.name)
    return found


def _victim(place: Place, flow: int, target: str, stage: str) -> psutil.Process | None:
    process = place.stage_process(stage)
    if target == "the flow":
        return psutil.Process(flow)
    if process is None or target == "the stage":
        return process
    word = "supervise.py" if target == "the watch" else "dvc"
    # the innermost: the watch's own arguments name DVC too
    for parent in process.parents():
        with contextlib.suppress(psutil.Error):
            line = parent.cmdline()
            if any(word in part for part in line[: 4 if word == "dvc" else 6]):
                return parent
    return None
