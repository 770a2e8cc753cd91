"""What a stage depends on, before and after it ran: DVC notes it only once the stage has ended.

A parameter, a module or a photograph that changes meanwhile would be noted with outputs that were made without it, and
DVC's run cache would give these outputs back from then on. So a stage that sees a change fails.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from crackflow.errors import CrackflowError, ParamsError
from crackflow.params.text import read_yaml
from crackflow.sources.places import walk
from tasks.outputs import remove
from tasks.workspace import Workspace

# Their content counts. Of anything else size and time do, since a data set is too large to be read twice.
CODE = {".py", ".j2"}
# Names that a message has room for.
SHOWN = 3
_VARIABLE = re.compile(r"\$\{([\w.]+)\}")
_ABSENT = "absent"
# Its inputs are read over and over, so what it has kept would be of the old and the new ones. What other stages keep is
# keyed by each file's content.
_READS_AGAIN = {"train"}


class ChangedError(CrackflowError):
    """Something that the stage depends on changed while it ran."""


@dataclass(frozen=True)
class StageInputs:
    """What dvc.yaml names for one stage, as it was found.

    Attributes:
        deps: the paths that dvc.yaml names, with the parameters in them filled in.
        keys: the parameters that it names.
        params: each parameter's value, by key.
        code: SHA-256 of each module and template, by path.
        data: size and time of each other file, by path; a folder's files are listed one by one.
        outs: paths that the stage writes.
    """

    deps: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    params: Mapping[str, object] = field(default_factory=dict)
    code: Mapping[str, object] = field(default_factory=dict)
    data: Mapping[str, object] = field(default_factory=dict)
    outs: tuple[str, ...] = ()


def read(workspace: Workspace, stage: str) -> StageInputs:
    """Read what a stage depends on, by dvc.yaml.

    Args:
        workspace: holds dvc.yaml and params.yaml.
        stage: its name.

    Returns:
        Nothing where there is no dvc.yaml, or none with that stage: then DVC records nothing either.
    """
    root = workspace.root
    try:
        entry = yaml.safe_load((root / "dvc.yaml").read_text(encoding="utf-8"))["stages"][stage]
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError):
        return StageInputs()
    values = _values(root)
    deps = tuple(_VARIABLE.sub(lambda found: str(_value(values, found[1])), str(dep)) for dep in entry.get("deps", []))
    outs = [one for kind in ("outs", "metrics", "plots") for one in entry.get(kind, [])]
    # an out with settings is a mapping of one key
    names = tuple(str(next(iter(one))) if isinstance(one, dict) else str(one) for one in outs)
    return _found(root, deps, tuple(map(str, entry.get("params", []))), names)


def check(workspace: Workspace, stage: str, began: StageInputs) -> None:
    """Compare what a stage depends on with what it was at its start, and remove its outputs where that differs.

    What it has kept in .crackflow/state stays, but for a training whose data changed: that is of neither data.

    Args:
        workspace: the stage has written its outputs there.
        stage: its name.
        began: what `read` gave at its start.

    Raises:
        ChangedError: when anything differs, with what.
    """
    now = _found(workspace.root, began.deps, began.keys, began.outs)
    data = _changed(began.data, now.data)
    changed = [f"{name} in params.yaml" for name in _changed(began.params, now.params)]
    changed += [*_changed(began.code, now.code), *data]
    if not changed:
        return
    for name in began.outs:
        remove(workspace.root / name)
    if data and stage in _READS_AGAIN:
        remove(workspace.root / ".crackflow/state" / stage)
    more = f" and {len(changed) - SHOWN} more" if len(changed) > SHOWN else ""
    raise ChangedError(
        f"{', '.join(changed[:SHOWN])}{more} changed while the stage ran; expected the same from its start to its end; "
        "its outputs are removed, run it again"
    )


def _found(root: Path, deps: tuple[str, ...], keys: tuple[str, ...], outs: tuple[str, ...]) -> StageInputs:
    values = _values(root)
    params = {name: value for key in keys for name, value in _leaves(key, _value(values, key))}
    code = {dep: _digest(root / dep) for dep in deps if Path(dep).suffix in CODE}
    data = {name: found for dep in deps if dep not in code for name, found in _listing(root, dep)}
    return StageInputs(deps, keys, params, code, data, outs)


def _values(root: Path) -> Any:
    try:
        return read_yaml(root / "params.yaml")
    # half written by an editor, perhaps
    except (OSError, ParamsError):
        return {}


def _value(values: Any, key: str) -> Any:
    for name in key.split("."):
        if not isinstance(values, dict) or name not in values:
            return _ABSENT
        values = values[name]
    return values


def _leaves(key: str, value: object) -> Iterator[tuple[str, object]]:
    """A parameter's value, or those of a block one by one, so that a message can name what changed."""
    if not isinstance(value, dict) or not value:
        yield key, value
        return
    for name, inner in value.items():
        yield from _leaves(f"{key}.{name}", inner)


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError:
        return _ABSENT


def _listing(root: Path, name: str) -> Iterator[tuple[str, object]]:
    """Each file of a path, with its size and time; also those behind links to folders, into which DVC does not look."""
    top = root / name
    if not top.is_dir():
        yield name, _stat(top)
        return
    for folder, links, files in walk(top):
        for file in [*files, *links]:
            path = folder / file
            yield (path.relative_to(root) if path.is_relative_to(root) else path).as_posix(), _stat(path)


def _stat(path: Path) -> object:
    try:
        found = path.stat()
        return found.st_size, found.st_mtime_ns, str(path.readlink()) if path.is_symlink() else ""
    except OSError:
        return _ABSENT


def _changed(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    """What differs, in words: by name, with what became of it."""
    return [
        f"{name}{' (added)' if name not in before else ' (removed)' if name not in after else ''}"
        for name in sorted({*before, *after})
        if before.get(name, _ABSENT) != after.get(name, _ABSENT)
    ]
