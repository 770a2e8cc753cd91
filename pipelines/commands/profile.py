"""`crackflow profile`: write params.yaml from a named set of differences from the defaults, or upgrade an old one."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import BaseModel

from crackflow.atomic import replacing
from crackflow.errors import ParamsError, one_line
from crackflow.params import ArchitectureParams, Params, architectures, dump, parse, render
from crackflow.params.text import parse_value
from crackflow.params.text import read_yaml as params_yaml

DEFAULTS = "quick"
ABSENT = "(absent)"
# Block and name of each key that once had another name, and the name that it has now.
RENAMED = {("data", "max_refused"): "max_rejected"}


class Change(NamedTuple):
    """One value that a profile changes: its dotted key, and what it is and will be, as YAML on one line."""

    key: str
    old: str
    new: str


class Upgrade(NamedTuple):
    """An old params.yaml brought up to date: dotted keys that were added, and old and new names of renamed ones."""

    params: Params
    added: list[str]
    renamed: list[tuple[str, str]]


def names(folder: Path) -> list[str]:
    """Give the profiles there are, the defaults first."""
    return [DEFAULTS, *sorted(path.stem for path in folder.glob("*.yaml"))]


def load(folder: Path, name: str, settings: Sequence[str] = ()) -> Params:
    """Read a profile.

    Args:
        folder: holds NAME.yaml files, each a nested difference from the defaults.
        name: the profile; `quick` is the defaults themselves.
        settings: further differences, each KEY=VALUE with a dotted key and a YAML value.

    Returns:
        The defaults with the differences, checked.

    Raises:
        ParamsError: on an unknown profile, key or value.
    """
    if name not in names(folder):
        raise ParamsError(f"no profile {name}; expected one of {', '.join(names(folder))}")
    values = dump(Params())
    if name != DEFAULTS:
        difference = read_yaml(folder / f"{name}.yaml")
        values = _merged(Params(), values, difference)
    origin = f"profiles/{name}.yaml"
    for setting in settings:
        values = _merged(Params(), values, _nested(setting))
        origin = "--set"
    return parse(values, origin)


def upgrade(values: Mapping[str, Any]) -> Upgrade:
    """Give the values of an old params.yaml the keys of today.

    Args:
        values: as read from it.

    Returns:
        Every value that there was, under today's name of its key, and the defaults of the keys that are new.

    Raises:
        ParamsError: on a key that is neither known nor renamed, or a value that no run can use.
    """
    renamed = []
    for (block, old), new in RENAMED.items():
        inner = values.get(block)
        if isinstance(inner, Mapping) and old in inner and new not in inner:
            values = {**values, block: {new if key == old else key: value for key, value in inner.items()}}
            renamed.append((f"{block}.{old}", f"{block}.{new}"))
    params = parse(_merged(Params(), dump(Params()), values))
    before = dict(_flat(values))
    added = [key for key, _ in _flat(dump(params)) if key not in before]
    return Upgrade(params, added, renamed)


def write(path: Path, params: Params) -> None:
    """Write a params.yaml whole or not at all, and only if reading it gives `params` again.

    Raises:
        ParamsError: when reading gives something else; the file stays as it was.
        OSError: when it can't be written.
    """
    with replacing(path, sync=True, among_theirs=True) as part:
        part.write_text(render(params), encoding="utf-8", newline="\n")
        read = read_yaml(part)
        if parse(read) != params:
            wrong = changes(dump(params), read)
            raise ParamsError(
                f"{path.name} was left as it was: written and read again, {wrong[0].key if wrong else 'a value'} "
                "differs, and the same was expected; edit the file by hand, and report this"
            )


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a mapping from a YAML file.

    Raises:
        ParamsError: when it is not YAML or holds no mapping.
    """
    try:
        return params_yaml(path)
    except OSError as error:
        raise ParamsError(f"{path.name} can't be read: {one_line(error)}") from None


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Change]:
    """Compare two nested mappings, in the order of `new`; keys that `old` alone has come last."""
    before, after = dict(_flat(old)), dict(_flat(new))
    keys = [*after, *(key for key in before if key not in after)]
    found = [Change(key, _text(before, key), _text(after, key)) for key in keys]
    return [change for change in found if change.old != change.new]


def _merged(block: BaseModel, values: Mapping[str, Any], difference: Mapping[str, Any]) -> dict[str, Any]:
    """Replace values key by key, block by block; what a field itself maps (classes, train.loss) is one value."""
    chosen = architectures().get(str(difference.get("architecture")))
    if isinstance(block, ArchitectureParams) and chosen and values["architecture"] != difference["architecture"]:
        # another network has other keys: start from its own defaults
        block = chosen.model_validate({})
        values = block.model_dump(mode="json")
    merged = dict(values)
    for key, value in difference.items():
        inner = getattr(block, str(key), None)
        if isinstance(inner, BaseModel) and isinstance(value, Mapping):
            merged[key] = _merged(inner, values[key], value)
        else:
            merged[key] = value
    return merged


def _nested(setting: str) -> dict[str, Any]:
    """Turn "train.epochs=3" into {"train": {"epochs": 3}}."""
    key, equals, text = setting.partition("=")
    if not (key and equals):
        raise ParamsError(f"--set {setting}: expected KEY=VALUE, for instance --set train.epochs=3")
    value = parse_value(text.encode("utf-8", "surrogatepass"), f"--set {setting}:")
    for part in reversed(key.split(".")):
        value = {part: value}
    return dict(value)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _text(values: Mapping[str, Any], key: str) -> str:
    if key not in values:
        return ABSENT
    return yaml.safe_dump(values[key], default_flow_style=True, width=10_000).splitlines()[0]
