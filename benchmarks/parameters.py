"""Write docs/reference/parameters.md from the models that params.yaml is parsed into: `make params`."""

import sys
from pathlib import Path

from pydantic import BaseModel

from crackflow.params import Params

PAGE = Path(__file__).resolve().parents[1] / "docs/reference/parameters.md"
HEAD = """# Parameters

Every key of params.yaml and its default. The page is written by `make params` from `crackflow/params.py`. A key that is
misspelt, missing or out of range stops a run before any work.

| key | default | what it is |
|---|---|---|
"""


def main() -> int:
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8", newline="\n")
    return 0


def page() -> str:
    """The whole page."""
    return HEAD + "".join(rows(Params(), ""))


def rows(block: BaseModel, prefix: str) -> list[str]:
    """A table row a key, blocks first by their own line."""
    found = []
    for name, field in type(block).model_fields.items():
        value = getattr(block, name)
        if isinstance(value, BaseModel):
            title = (type(value).__doc__ or "").splitlines()[0]
            found += [f"| **{prefix}{name}** | | {title} |\n", *rows(value, f"{prefix}{name}.")]
        else:
            default = str(block.model_dump(mode="json")[name]).replace("|", "\\|")
            found.append(f"| {prefix}{name} | `{default}` | {(field.description or '').replace('|', 'or')} |\n")
    return found


if __name__ == "__main__":
    sys.exit(main())
