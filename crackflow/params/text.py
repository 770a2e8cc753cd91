"""How parameters are written as a params.yaml."""

import textwrap
from typing import Any

import yaml
from pydantic import BaseModel

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
