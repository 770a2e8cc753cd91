"""Checks of DVC: the graph, the cache, the remote, and the room on the disk."""

import contextlib
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from crackflow.errors import CrackflowError
from crackflow.params import DataParams
from crackflow.sources.registry import data_source
from pipelines.doctor.finding import Finding, ask, plain
from tasks.workspace import Workspace

REMOTE_S = 40.0
GIB = 2**30
# Checkpoints, logs and temporary files, whatever the data.
ALWAYS = GIB
# With less room nothing can be written reliably.
FULL = GIB // 4
# DVC is not thread-safe; opening it takes little time.
_ALONE = threading.Lock()
_PROBE_CODE = """
import sys
from pathlib import Path
from pipelines.doctor import dvc_checks
dvc_checks.probe(Path(sys.argv[1]))
"""


def graph(root: Path) -> list[Finding]:
    """Whether DVC can read dvc.yaml with what params.yaml puts into it."""
    what = "dvc.yaml"
    with _opened(root) as repo:
        if isinstance(repo, str):
            return [Finding(what, "fault", repo, "fix it, or run in the root of a crackflow checkout")]
        stages = len(repo.index.graph)
    if not stages:
        return [Finding(what, "fault", f"no stage in {root / 'dvc.yaml'}", "run in the root of a crackflow checkout")]
    return [Finding(what, "ok", f"can be used; stages: {stages}")]


def cache(root: Path) -> list[Finding]:
    """Whether the cache can be written, and whether files are linked from it or copied."""
    from dvc_objects.fs.generic import test_links

    what = "DVC cache"
    with _opened(root) as repo:
        if isinstance(repo, str):
            return [Finding(what, "skipped", "DVC can't be used here")]
        types = [str(one) for one in repo.config["cache"].get("type") or ("reflink", "copy")]
        store, place, beside = repo.cache.local, Path(repo.cache.local.path), Path(repo.tmp_dir, "link")
        if not place.exists():
            return [Finding(what, "ok", f"none yet; the first rebuild makes {_short(place, root)}")]
        if not os.access(place, os.W_OK):
            advice = "make it writable, or set another: dvc cache dir"
            return [Finding(what, "fault", f"{place} can't be written", advice)]
        works = test_links([one for one in types if one != "copy"], store.fs, str(place), repo.fs, str(beside))
    used = next((one for one in types if one in works), "copy")
    found = f"{_short(place, root)}, files are linked ({used})"
    # docs/how-to/windows.md has them copied, since a file that is linked can't be replaced there
    if used == "copy" and os.name == "posix":
        found = f"{_short(place, root)}, files are copied: each lies there and in the checkout"
        advice = "dvc config cache.type reflink,hardlink,symlink,copy; one filesystem for both"
        return [Finding(what, "warning", found, advice)]
    return [Finding(what, "ok", found)]


def remote(root: Path) -> list[Finding]:
    """Whether the remote answers. A process of its own asks, which can be ended."""
    what = "DVC remote"
    with _opened(root) as repo:
        if isinstance(repo, str):
            return [Finding(what, "skipped", "DVC can't be used here")]
        name, names = repo.config["core"].get("remote"), sorted(repo.config["remote"])
    if not name and names:
        found = f"none is the default of {', '.join(names)}"
        return [Finding(what, "warning", found, f"dvc remote default {names[0]}")]
    if not name:
        return [Finding(what, "ok", "none configured", "dvc remote add -d NAME PLACE, to share data and models")]
    try:
        answer: Any = ask(_PROBE_CODE, [str(root)], root, REMOTE_S)
    except subprocess.TimeoutExpired:
        advice = "check the network, endpointurl and the proxy: dvc remote list"
        return [Finding(what, "fault", f"{name} did not answer within {REMOTE_S:g} s", advice)]
    except RuntimeError as error:
        return [Finding(what, "fault", f"{name}: {error}", "dvc remote list; dvc status --cloud says more")]
    return [Finding(what, answer["state"], f"{name}: {answer['found']}", answer["advice"])]


def probe(root: Path) -> None:
    """Ask the default remote for a listing, and print the result as JSON; `remote` starts a process with this."""
    from dvc.config import ConfigError
    from dvc.repo import Repo

    # one try, so that the answer comes soon
    os.environ["AWS_MAX_ATTEMPTS"] = "1"
    with Repo(str(root)) as repo:
        try:
            found = _listing(repo)
        except ConfigError as error:
            found = "fault", plain(error), "dvc remote list; dvc remote modify"
        except PermissionError as error:
            found = "fault", f"access denied: {plain(error)}", "use credentials that may list, read and write there"
        # each kind of remote has errors of its own
        except Exception as error:
            found = "fault", f"can't be used: {type(error).__name__}: {plain(error)}", _advice(error)
    print(json.dumps(dict(zip(("state", "found", "advice"), found, strict=True))))


def _listing(repo: Any) -> tuple[str, str, str]:
    place = repo.cloud.get_remote()
    if place.fs.protocol == "local":
        return _folder(Path(place.path))
    store = place.fs.fs
    if hasattr(store, "retries"):
        store.retries = 1
    address = plain(place.fs.unstrip_protocol(place.path))
    try:
        store.ls(place.path)
    except FileNotFoundError:
        # an object store has no folders: nothing pushed yet, or no such bucket
        bucket = place.path.lstrip("/").split("/")[0]
        if place.fs.protocol in {"s3", "gs", "azure"} and not store.exists(bucket):
            found = f"{address}: no bucket {bucket}, or no right to see it"
            return "fault", found, "make it, or correct the remote's url"
        return "ok", f"{address} answers; nothing there yet", ""
    return "ok", f"{address} answers", ""


def _folder(folder: Path) -> tuple[str, str, str]:
    if not folder.exists():
        advice = "the first push makes it; if a disk belongs there, mount it first"
        return "warning", f"{folder} is not there", advice
    if not folder.is_dir():
        return "fault", f"{folder} is no folder", "dvc remote modify NAME url PLACE"
    if not os.access(folder, os.R_OK | os.X_OK):
        return "fault", f"{folder} can't be read", "make it readable"
    if not os.access(folder, os.W_OK):
        return "warning", f"{folder} can be read but not written: no push", "make it writable, if you mean to push"
    return "ok", f"{folder} can be read and written", ""


def _advice(error: Exception) -> str:
    name = type(error).__name__
    if isinstance(error, ImportError):
        return "uv pip install what it names: dvc-s3, for instance"
    if "Credential" in name or "Token" in name:
        return "give credentials: aws configure, or dvc remote modify --local NAME access_key_id"
    return "check the network, endpointurl and the proxy: dvc remote list"


def disk(root: Path) -> list[Finding]:
    """Whether there is room to make all outputs again, in the checkout and in the cache."""
    if not os.access(root, os.W_OK):
        advice = "make it writable: a rebuild writes its outputs here"
        return [Finding("disk", "fault", f"{root} can't be written", advice)]
    try:
        data = Workspace(root).params().data
    except CrackflowError:
        data = DataParams()
    made = max(_outputs(root), data_source(data, root).disk_bytes())
    with _opened(root) as repo:
        if isinstance(repo, str):
            return [_room("disk", root, made + ALWAYS)]
        store, copies = Path(repo.cache.local.path), repo.config["cache"].get("type") == ["copy"]
    store = next(one for one in (store, *store.parents) if one.exists())
    if store.stat().st_dev == root.stat().st_dev:
        return [_room("disk", root, made * (1 + copies) + ALWAYS)]
    return [_room("disk", root, made + ALWAYS), _room("cache's disk", store, made + ALWAYS)]


def _room(what: str, place: Path, needed: int) -> Finding:
    free = shutil.disk_usage(place).free
    found = f"{free / GIB:.1f} GiB free; making all outputs again takes about {needed / GIB:.1f}"
    advice = f"free space on the disk of {place}, or move the cache: dvc cache dir"
    if free < FULL:
        return Finding(what, "fault", found, advice)
    return Finding(what, "warning", found, advice) if free < needed else Finding(what, "ok", found)


def _outputs(root: Path) -> int:
    """Bytes of all outputs, as dvc.lock has them; 0 before the first run."""
    try:
        lock = yaml.safe_load((root / "dvc.lock").read_text(encoding="utf-8"))
        return sum(int(out.get("size", 0)) for stage in lock["stages"].values() for out in stage.get("outs", ()))
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError):
        return 0


@contextlib.contextmanager
def _opened(root: Path) -> Iterator[Any]:
    """Give the DVC repository with its graph read, or in its place a text that says why it can't be used."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    with _ALONE, contextlib.ExitStack() as stack:
        try:
            repo: Any = stack.enter_context(Repo(str(root)))
            len(repo.index.graph)
        # a workspace that is read-only, for one
        except (DvcException, OSError) as error:
            reason = f"{error} ({error.__cause__})" if error.__cause__ else str(error)
            repo = f"DVC can't use {root}: {plain(reason)}"
        yield repo


def _short(path: Path, root: Path) -> str:
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)
