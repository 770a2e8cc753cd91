"""Reading JSON that crackflow wrote: known keys only, numbers as numbers, nothing infinite, nothing twice."""

import json
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

Shape = TypeVar("Shape")
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
# Version of the layout of a file. Files from before there was one have none.
Format = Literal[1]
FORMAT: Format = 1


class Strict(BaseModel):
    """An object of which every key is known; `parse` takes no text for a number and no number for a truth value."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


def parse(content: bytes, shape: type[Shape]) -> Shape:
    """Read JSON as one shape, and as nothing else.

    Args:
        content: UTF-8.
        shape: a class derived from `Strict`, or a dataclass.

    Returns:
        What it says.

    Raises:
        ValueError: with one line that says where it is wrong and what was expected.
    """
    try:
        # pydantic takes the last of two equal keys; which one was meant is not known
        json.loads(content, object_pairs_hook=_once)
        return TypeAdapter(shape).validate_json(content, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "content"
        raise ValueError(f"{where}: {first['msg']}, received {_short(first['input'])}") from None
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{_short(twice)} is there twice")
    return found


def _short(value: Any, most: int = 60) -> str:
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}..."
