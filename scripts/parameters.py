"""Write params.yaml and docs/reference/parameters.md from crackflow/params: `make params`."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel

from crackflow.params import ArchitectureParams, Params, architectures, render

LONGEST = 120  # characters of a default that is shown; params.yaml has the others
ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/reference/parameters.md"
HEAD = """# Parameters

Every key of params.yaml, its default and what else it may be. The page is written by `make params` from
`crackflow/params`. A key that is misspelt, missing or out of range stops a run before any work.
What must fit together:

- resize.size and train.crop are multiples of the stride of the network;
- the stride of FlexUNet is model.stem_stride * 2^(model.num_layers - 1);
- train.crop is no larger than resize.size;
- the three of split.shares add to 1;
- model.widths is empty or has model.num_layers entries;
- model.head is refine where model.stem_stride is 1;
- train.deep_supervision above 0 needs model.num_layers of 4 or more;
- train.monitor is val_loss, or val_ and one of train.metrics.

`crackflow profile NAME` writes params.yaml from the defaults and one of these ([profiles/](../../profiles)):

| profile | data | network and training |
|---|---|---|
| quick | the built-in sample | the compact default, minutes on two cores; what is committed |
| photos | a folder or zip of one's own | [the recipe](../explanation/recipe.md), seventy minutes |
| kaggle | Kaggle's set | the compact default over the whole set, a night |
| original | Kaggle's set | the original experiment's, 124,996,866 parameters; a fortnight and more |

| key | default | allowed | what it is |
|---|---|---|---|
"""


def main() -> int:
    # not by `crackflow profile quick`, which writes nothing where comments alone differ
    (ROOT / "params.yaml").write_text(render(Params()), encoding="utf-8", newline="\n")
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
            others = architectures().values() if isinstance(value, ArchitectureParams) else ()
            blocks = [member.model_validate({}) for member in others] or [value]
            for one in blocks:
                title = (type(one).__doc__ or "").splitlines()[0]
                found += [f"| **{prefix}{name}** | | | {title} |\n", *rows(one, f"{prefix}{name}.")]
        else:
            default = str(block.model_dump(mode="json")[name]).replace("|", "\\|")
            if len(default) > LONGEST:
                default = "see params.yaml"
            what = (field.description or "").replace("|", "or")
            found.append(f"| {prefix}{name} | `{default}` | {allowed(field.annotation, field.metadata)} | {what} |\n")
    return found


def allowed(annotation: Any, metadata: Sequence[Any] = ()) -> str:
    """The words that a value may be, or its bounds; empty where anything of the default's kind will do."""
    if get_origin(annotation) is Literal:
        return ", ".join(map(str, get_args(annotation)))
    if get_origin(annotation) is Annotated:
        annotation, *metadata = get_args(annotation)
    bounds = [
        f"{sign} {getattr(bound, name):g}"
        for bound in metadata
        for name, sign in (("gt", ">"), ("ge", "≥"), ("lt", "<"), ("le", "≤"))
        if hasattr(bound, name)
    ]
    return ", ".join(bounds) or next((found for part in get_args(annotation) if (found := allowed(part))), "")


if __name__ == "__main__":
    sys.exit(main())
