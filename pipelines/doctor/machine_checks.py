"""Checks of the machine and of the packages that are installed on it."""

import importlib.metadata
import importlib.util
import json
import os
import platform
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped] # it ships no types
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from pipelines.doctor.finding import Finding, ask
from tasks.environment import STAND_IN

GPU_S = 120.0
INSTALL = "uv pip install -r requirements.lock"
# What the flow, its server and DVC take in addition to the stage.
BESIDE_MIB = 700
# Peak of training with the default parameters; used until a stage has left a record.
TRAIN_MIB = 1700
SHOWN = 4
# This only lists the devices: TensorFlow takes their memory at the first computation.
_GPU_CODE = """
import json, os
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf
found = [tf.config.experimental.get_device_details(gpu).get("device_name", gpu.name)
         for gpu in tf.config.list_physical_devices("GPU")]
print(json.dumps({"gpus": found, "cuda": tf.test.is_built_with_cuda(), "version": tf.__version__}))
"""


def python(root: Path) -> list[Finding]:
    """Whether crackflow runs on this Python and on this system."""
    project = _project(root)
    found = f"{platform.python_version()}, {sys.executable}"
    wanted = str(project.get("requires-python", ""))
    if not SpecifierSet(wanted).contains(platform.python_version(), prereleases=True):
        return [Finding("Python", "fault", found, f"install one that fits {wanted}, and make the environment again")]
    if os.name != "posix":
        return [Finding("Python", "warning", found, "`crackflow rebuild` needs Linux or macOS; run `dvc repro` here")]
    return [Finding("Python", "ok", found)]


def packages(root: Path) -> list[Finding]:
    """Whether the packages that a run needs are here, in the versions of requirements.lock."""
    what = "packages"
    direct = [Requirement(text) for text in _project(root).get("dependencies", [])]
    if not direct:
        return [Finding(what, "warning", f"no pyproject.toml of crackflow in {root}", "run it in the checkout")]
    needed, missing, unfit = _closure(direct)
    if missing or unfit:
        complaints = {"not installed": missing, "versions that do not fit": unfit}
        found = "; ".join(f"{words}: {_some(names)}" for words, names in complaints.items() if names)
        return [Finding(what, "fault", found, INSTALL)]
    try:
        locked = _locked(root / "requirements.lock")
    except FileNotFoundError:
        found = f"{len(needed)} installed; no requirements.lock to compare them with"
        return [Finding(what, "warning", found, "git checkout requirements.lock")]
    others = [
        f"{name} {version} ({locked.get(name, 'not')} locked)"
        for name, version in needed.items()
        if locked.get(name) != version
    ]
    if others:
        found = f"{len(others)} of {len(needed)} are not as locked: {_some(others)}"
        return [Finding(what, "warning", found, INSTALL)]
    return [Finding(what, "ok", f"{len(needed)}, all as in requirements.lock")]


def bytecode(_root: Path) -> list[Finding]:
    """Whether Python may keep compiled files."""
    if os.environ.get("PYTHONDONTWRITEBYTECODE"):
        found = "PYTHONDONTWRITEBYTECODE is set: TensorFlow takes three times as long to import, in each stage"
        return [Finding("bytecode", "warning", found, "unset PYTHONDONTWRITEBYTECODE")]
    if not (_compiled(psutil.__file__) or os.environ.get("PYTHONPYCACHEPREFIX")):
        found = "the packages are not compiled and can't be by you: TensorFlow takes long to import, in each stage"
        return [Finding("bytecode", "warning", found, "set PYTHONPYCACHEPREFIX to a folder that you can write")]
    return [Finding("bytecode", "ok", "kept")]


def home(_root: Path) -> list[Finding]:
    """Whether what libraries keep has a place that lasts; tasks/environment.py finds another where it has none."""
    if stand_in := os.environ.get(STAND_IN):
        found = f"can't be written, or there is none; Prefect, Keras and others keep their files in {stand_in}"
        advice = "set HOME, or PREFECT_HOME at least, to a folder that lasts: Prefect's runs and passwords are in it"
        return [Finding("home", "warning", found, advice)]
    return [Finding("home", "ok", f"{Path.home()} can be written")]


def gpu(root: Path) -> list[Finding]:
    """Whether TensorFlow sees a GPU: asked in a process of its own, since importing it takes seconds."""
    try:
        seen: Any = ask(_GPU_CODE, [], root, GPU_S)
    except subprocess.TimeoutExpired:
        return [
            Finding(
                "GPU", "warning", f"TensorFlow did not answer within {GPU_S:g} s", "run it again on an idle machine"
            )
        ]
    except RuntimeError as error:
        return [Finding("GPU", "fault", f"TensorFlow can't be imported: {error}", INSTALL)]
    return [gpu_finding(seen["gpus"], driver=_driver(), cuda=seen["cuda"], cores=os.cpu_count() or 1)]


def gpu_finding(gpus: list[str], *, driver: bool, cuda: bool, cores: int) -> Finding:
    """Describe what TensorFlow sees.

    Args:
        gpus: the names of the GPUs that it sees.
        driver: whether NVIDIA's driver is on this machine.
        cuda: whether TensorFlow was built for NVIDIA's GPUs.
        cores: how many processor cores there are.
    """
    if gpus:
        return Finding("GPU", "ok", ", ".join(gpus))
    if driver and cuda:
        advice = 'uv pip install "tensorflow[and-cuda]", or see that the driver is recent enough'
        return Finding("GPU", "warning", "NVIDIA's driver is here, but TensorFlow sees no GPU", advice)
    if driver:
        return Finding("GPU", "warning", "NVIDIA's driver is here, but this TensorFlow was built without CUDA")
    return Finding("GPU", "ok", f"none; training takes {cores} processor cores")


def memory(root: Path) -> list[Finding]:
    """Whether there is enough memory for the stage that took most when it last ran."""
    peaks = {path.stem: _peak(path) for path in sorted((root / ".crackflow/ran").glob("*.json"))}
    stage, peak = max(peaks.items(), key=lambda item: item[1], default=("train", 0))
    if not peak:
        stage, peak = "train", TRAIN_MIB
    needed = peak + BESIDE_MIB
    free = psutil.virtual_memory().available // 2**20
    limit = _container_limit()
    room = min(free, limit or free)
    found = f"{room / 1024:.1f} GiB available"
    if limit and limit < free:
        found += " (the container's limit)"
    found += f"; {stage} takes {peak / 1024:.1f} GiB"
    if room < needed:
        advice = f"a rebuild takes about {needed / 1024:.1f} GiB: end other programs, or lower train.batch_size"
        return [Finding("memory", "warning", found, advice)]
    return [Finding("memory", "ok", found)]


def _compiled(file: str) -> bool:
    """Whether Python has compiled a file, or can keep what it compiles."""
    cached = Path(importlib.util.cache_from_source(file))
    return cached.exists() or os.access(cached.parent if cached.parent.exists() else Path(file).parent, os.W_OK)


def _project(root: Path) -> Mapping[str, Any]:
    try:
        with (root / "pyproject.toml").open("rb") as file:
            project = tomllib.load(file).get("project", {})
    except (OSError, tomllib.TOMLDecodeError):
        return {}
    return project if project.get("name") == "crackflow" else {}


def _closure(direct: list[Requirement]) -> tuple[dict[str, str], list[str], list[str]]:
    """The versions of all that the requirements need, directly or not; what is missing; what does not fit."""
    versions: dict[str, str] = {}
    missing: set[str] = set()
    unfit: set[str] = set()
    seen: set[tuple[str, frozenset[str]]] = set()
    ahead = [(one, "") for one in direct if _applies(one.marker)]
    while ahead:
        one, by = ahead.pop()
        name, extras = canonicalize_name(one.name), frozenset(one.extras)
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            missing.add(f"{name} (for {by})" if by else name)
            continue
        versions[name] = found.version
        if not one.specifier.contains(found.version, prereleases=True):
            unfit.add(f"{one.name} {found.version} (needs {one.specifier})")
        if (name, extras) not in seen:
            seen.add((name, extras))
            wants = (Requirement(text) for text in found.requires or [])
            ahead += [(want, name) for want in wants if _applies(want.marker, extras)]
    return dict(sorted(versions.items())), sorted(missing), sorted(unfit)


def _applies(marker: Marker | None, extras: frozenset[str] = frozenset()) -> bool:
    return marker is None or any(marker.evaluate({"extra": extra}) for extra in extras | {""})


def _locked(path: Path) -> dict[str, str]:
    """Each package of a lock that is meant for this system and this Python, with its version."""
    lines = path.read_text(encoding="utf-8").splitlines()
    wanted = [Requirement(line) for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(one.name): next(iter(one.specifier)).version for one in wanted if _applies(one.marker)}


def _some(words: list[str]) -> str:
    return ", ".join(words[:SHOWN]) + (f" and {len(words) - SHOWN} more" if len(words) > SHOWN else "")


def _driver() -> bool:
    return Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None


def _peak(path: Path) -> int:
    """The peak memory in a stage's record, in MiB; 0 where it holds none."""
    try:
        return int(json.loads(path.read_text(encoding="utf-8"))["peak_mib"] or 0)
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _container_limit() -> int | None:
    """The memory limit of this process's control group, in MiB; None without one."""
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        try:
            limit = int(Path("/sys/fs/cgroup", name).read_text(encoding="ascii"))
        except (OSError, ValueError):
            continue
        # cgroup v1 writes "no limit" as a huge number
        return limit // 2**20 if limit < 2**60 else None
    return None
