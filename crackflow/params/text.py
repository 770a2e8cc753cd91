"""How parameters are written as a params.yaml, and how YAML that people write is read: one meaning or none.

A key that is there twice, an alias and deep nesting are errors.
"""

import textwrap
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from crackflow.errors import ParamsError
from crackflow.params.run import Params


def render(params: Params) -> str:
    """Write `params` as the text of a params.yaml, each key with its description as a comment."""
    header = (
        "# Every parameter of a run. `crackflow profile NAME` writes it; `dvc repro` reruns what a change affects.\n"
    )
    return header + "\n".join(_render(params, 0)) + "\n"


_LONGEST_LIST = 120
"""Characters of a list that is written on one line; a longer one has a line an entry."""


def _render(block: BaseModel, depth: int) -> list[str]:
    lines = []
    for name, field in type(block).model_fields.items():
        value = getattr(block, name)
        indent = "  " * depth
        if isinstance(value, BaseModel):
            title = (type(value).__doc__ or "").splitlines()[0]
            lines += ["", f"{indent}# {title}"] if depth == 0 else [f"{indent}# {title}"]
            lines += [f"{indent}{name}:", *_render(value, depth + 1)]
            continue
        plain = type(block).model_validate(block).model_dump(mode="json")[name]
        if isinstance(plain, dict) and plain:
            if field.description:
                lines.append(f"{indent}# {field.description}")
            lines.append(f"{indent}{name}:")
            lines += [f"{indent}  {_scalar(key)}: {_scalar(item)}" for key, item in plain.items()]
            continue
        line = f"{indent}{name}: {_scalar(plain)}"
        if isinstance(plain, list) and len(line) > _LONGEST_LIST:
            lines += [f"{indent}# {text}" for text in textwrap.wrap(field.description or "", 110)]
            lines += [f"{indent}{name}:", *(f"{indent}- {_scalar(item)}" for item in plain)]
            continue
        lines.append(f"{line}  # {field.description}" if field.description else line)
    return lines


def _scalar(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("\n").removesuffix("\n...")


MAX_BYTES = 1 << 20
_DEEPEST = 30
_OTHER_ENCODINGS = ((b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))


class _Loader(yaml.SafeLoader):
    """PyYAML's, which takes the last of two equal keys, and for which aliases of aliases take all memory."""

    depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call] # PyYAML's own
        if isinstance(event, yaml.AliasEvent):
            mark: Any = event.start_mark
            raise yaml.constructor.ConstructorError(None, None, "an alias (*name), expected the value itself", mark)
        self.depth += 1
        if self.depth > _DEEPEST:
            raise yaml.constructor.ConstructorError(None, None, f"nested deeper than {_DEEPEST}", event.start_mark)
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen = set()
        for key, _ in node.value:
            name = (key.tag, str(key.value))
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value} is there twice", key.start_mark
                )
            seen.add(name)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """Read a mapping from a YAML file.

    Raises:
        FileNotFoundError: when it is absent.
        ParamsError: when it can't be read, is not YAML, or holds no mapping; one line.
    """
    try:
        if path.is_fifo():  # whose other end may never come
            raise ParamsError(f"{path.name} can't be read: a named pipe; expected a text file")
        content = path.read_bytes()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ParamsError(f"{path.name} can't be read: {error.strerror}; expected a text file") from None
    return parse_yaml(content, path.name)


def parse_yaml(content: bytes, name: str) -> dict[str, Any]:
    """Read a mapping from YAML.

    Args:
        content: UTF-8.
        name: of the file, for messages.

    Raises:
        ParamsError: as `read_yaml`.
    """
    values = parse_value(content, name)
    if not isinstance(values, dict):
        raise ParamsError(f"{name} holds {type(values).__name__}, expected blocks such as data: and train:")
    return values


def parse_value(content: bytes, name: str) -> Any:
    """Read any YAML value; the arguments and errors are those of `parse_yaml`."""
    if len(content) > MAX_BYTES:
        raise ParamsError(f"{name} has {len(content):,} bytes, expected at most {MAX_BYTES:,}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        found = next((kind for sign, kind in _OTHER_ENCODINGS if content.startswith(sign)), "")
        line = content[: error.start].count(b"\n") + 1
        raise ParamsError(f"{name} is {found or f'not UTF-8 (line {line})'}, expected UTF-8; save it as that") from None
    try:
        return yaml.load(text, _Loader)  # noqa: S506 # derived from SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise ParamsError(f"{name}{where} is not YAML: {_one_line(problem)}") from None
    except (ValueError, RecursionError) as error:
        # a date or a number that can't be
        raise ParamsError(f"{name} is not YAML: {_one_line(str(error))}") from None


def _one_line(text: str) -> str:
    return " ".join(text.split())[:200]
