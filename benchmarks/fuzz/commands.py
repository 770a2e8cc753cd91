"""Calls of the command line in a folder of files: what a command may leave behind, and what it may say."""

import contextlib
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from typer.testing import CliRunner

from benchmarks.fuzz import contents
from benchmarks.fuzz.contract import LONGEST, Fault
from benchmarks.fuzz.options import PARAMS, Case
from crackflow.errors import CrackflowError
from crackflow.imaging.images import write_png
from crackflow.output import manifest
from crackflow.params import Params, render
from pipelines.cli import app

# 0 done, 2 something to fix first, 3 some photographs could not be read
CODES = (0, 2, 3)
MOST_LINES = 25


class Tries:
    """Calls commands in a folder that is made anew where one changed it."""

    def __init__(self, folder: Path) -> None:
        """Make the folder that all others are copied from.

        Args:
            folder: an empty one.
        """
        self.whole, self.base = folder.resolve() / "whole", folder.resolve() / "base"
        self.work = self.base / "one/work"
        os.environ["HOME"] = str(folder.resolve() / "home")
        tempfile.tempdir = str(folder.resolve() / "temporary")
        for place in (Path(os.environ["HOME"]), Path(tempfile.tempdir)):
            place.mkdir()
        _fill(self.whole)
        self.before: dict[str, str] = {}
        self._renew()

    def __call__(self, case: Case) -> Callable[[], None]:
        """Give a function that makes the call and raises where it did what it must not."""
        return lambda: self._tried(Case(*case))

    def _tried(self, case: Case) -> None:
        name, content = case.changed
        if name:
            (self.work / name).parent.mkdir(parents=True, exist_ok=True)
            (self.work / name).write_text(content, encoding="utf-8")
        before = _listing(self.base) if name else self.before
        try:
            code, said = self._alone(case) if case.alone else self._here(case)
            check_said(code, said)
            self._check_left(case, before)
        finally:
            if _listing(self.base) != self.before:
                self._renew()
            for left in Path(tempfile.gettempdir()).iterdir():
                shutil.rmtree(left, ignore_errors=True)
        if code:
            raise CrackflowError("rejected")

    def _here(self, case: Case) -> tuple[int, str]:
        os.chdir(self.work)
        hung_up = {one: signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)}
        result = CliRunner().invoke(app, case.arguments, input=case.typed.encode(), catch_exceptions=True)
        for one, handler in hung_up.items():
            signal.signal(one, handler)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result.exit_code, result.stderr

    def _alone(self, case: Case) -> tuple[int, str]:
        if any("\0" in one for one in case.arguments):
            return 0, ""
        arguments = [os.fsencode(one) for one in [sys.executable, "-m", "pipelines", *case.arguments]]
        root = str(Path(__file__).parents[2])
        done = subprocess.run(
            arguments,
            input=case.typed.encode(),
            capture_output=True,
            cwd=self.work,
            env={**os.environ, "PYTHONPATH": root, "TMPDIR": tempfile.gettempdir()},
            check=False,
        )
        return done.returncode, done.stderr.decode(errors="replace")

    def _check_left(self, case: Case, before: dict[str, str]) -> None:
        now = _listing(self.base)
        named = {"profile": [PARAMS]}.get(case.arguments[0], [])
        named += [value for option, value in zip(case.arguments, case.arguments[1:], strict=False) if option in _TO]
        allowed = [os.path.realpath(self.work / one) for one in named if one and "\0" not in one]
        for name, seen in now.items():
            place = os.path.realpath(self.base / name)
            is_own = any(place == one or place.startswith(f"{one}/") for one in allowed)
            above = any(one.startswith(f"{place}/") for one in allowed)
            if name not in before and not (is_own or above):
                raise Fault(f"{case.arguments[0]} wrote outside the folder for its results")
            if name in before and before[name] != seen and not _may_change(case, name):
                raise Fault(f"{case.arguments[0]} changed a file of the user")
        gone = [name for name in before if name not in now and not _may_change(case, name)]
        if gone:
            raise Fault(f"{case.arguments[0]} removed a file of the user")

    def _renew(self) -> None:
        shutil.rmtree(self.base, ignore_errors=True)
        self.work.parent.mkdir(parents=True)
        shutil.copytree(self.whole, self.work, symlinks=True, copy_function=_copy)
        os.mkfifo(self.work / "pipe")
        (self.base / "one/other.txt").write_text("of somebody")
        self.before = _listing(self.base)


_TO = ("--out", "--to", "--html")


def check_said(code: int, said: str) -> None:
    """Check the exit code and what was said on stderr.

    Raises:
        Fault: when one is not as a person can use it.
    """
    if code not in CODES:
        raise Fault(f"exit code {code}")
    lines = said.splitlines()
    if "Traceback (most recent call last)" in said:
        raise Fault("a traceback")
    if "\x1b" in said:
        raise Fault("an escape on the terminal")
    if len(lines) > MOST_LINES or any(len(line) > LONGEST for line in lines):
        raise Fault(f"more than {MOST_LINES} lines, or than {LONGEST} characters in one")
    if code == CrackflowError.exit_code and not lines:
        raise Fault("no reason")


def _may_change(case: Case, name: str) -> bool:
    """Whether a file that was there may change: results of an earlier run, params.yaml, or with --force."""
    if case.arguments[0] == "profile":
        return name == f"one/work/{PARAMS}"
    # what another folder holds of the same name, and results are named like photographs
    return name.startswith("one/work/old/") or ("--force" in case.arguments and "photos" not in name)


def _fill(folder: Path) -> None:
    pixels = np.full((40, 56, 3), 150, np.uint8)
    pixels[20:22] = 30
    mask = (pixels[..., 0] < 100).astype(np.uint8) * 255
    for name in ("a", "b"):
        write_png(folder / f"photos/{name}.png", pixels)
        write_png(folder / f"set/images/{name}.png", pixels)
        write_png(folder / f"set/masks/{name}.png", mask)
        write_png(folder / f"labels/{name}.png", pixels)
    (folder / "photos/broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 no photograph")
    (folder / "labels/labels.json").write_bytes(contents.labels()[0])
    (folder / "set.zip").write_bytes(contents.archives()[0])
    (folder / "broken.zip").write_bytes(contents.archives()[0][:200])
    (folder / "broken.keras").write_bytes(b"PK\3\4 no model")
    (folder / "notes.txt").write_text("notes\n")
    (folder / "scales.csv").write_bytes(b"photograph,mm_per_px\na.png,0.5\nb.png,nan\n")
    (folder / "empty").mkdir()
    (folder / "link").symlink_to("photos")
    (folder / "loop").symlink_to("loop")
    (folder / PARAMS).write_text(render(Params()), encoding="utf-8")
    root = Path(__file__).parents[2]
    shutil.copytree(root / "profiles", folder / "profiles")
    for side in ("left", "right"):
        (folder / side / "metrics").mkdir(parents=True)
        (folder / side / "reports").mkdir()
        shutil.copyfile(root / "metrics/evaluation.json", folder / side / "metrics/evaluation.json")
        shutil.copyfile(folder / PARAMS, folder / side / PARAMS)
        table = "stem,source,group,iou\na,sample,1,0.5\nb,sample,2,0.4\n"
        (folder / side / "reports/per_image.csv").write_text(table, encoding="utf-8")
    with contextlib.chdir(folder):
        done = CliRunner().invoke(app, ["predict", "photos/a.png", "--out", "old", "--model", "packaged"])
    if done.exit_code or not (folder / "old" / manifest.NAME).is_file():
        raise RuntimeError(done.output)


def _listing(folder: Path) -> dict[str, str]:
    """What a folder holds: each name with what tells a change."""
    names = [os.path.join(place, one) for place, *held in os.walk(folder) for part in held for one in part]  # noqa: PTH118
    return {os.path.relpath(one, folder): _seen(Path(one)) for one in names}


def _seen(path: Path) -> str:
    if path.is_symlink():
        return f"link to {path.readlink()}"
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "no file"


def _copy(source: str, target: str) -> None:
    shutil.copyfile(source, target, follow_symlinks=False)
