"""Types that the parameters share: numbers with bounds, colours, patterns of names."""

import math
from typing import Annotated

import regex
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]
Part = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(gt=0)]
Amount = Annotated[float, Field(ge=0)]
Level = Annotated[int, Field(ge=0, le=255)]
Colour = tuple[Level, Level, Level]
Range = tuple[float, float]
_CLASS_NAME = regex.compile(r"\w(?:[\w .()+-]{0,38}[\w)])?")
_COUNT = regex.compile(r"\{(\d*),?(\d*)\}")
_MOST_REPEATS = 10_000


def _one_named_group(pattern: str) -> str:
    """Return a pattern for names of pairs, or say why it can't be one.

    How long it takes for a name is limited where it is used. What compiling takes is limited here: counts inside counts
    multiply, and each repeat needs memory.
    """
    repeats = math.prod(max(1, *(int(count or 1) for count in found.groups())) for found in _COUNT.finditer(pattern))
    if repeats > _MOST_REPEATS:
        raise ValueError(f"{pattern} repeats {repeats} times in all, expected at most {_MOST_REPEATS}; count less")
    try:
        groups = list(regex.compile(pattern).groupindex)
    except regex.error as error:
        raise ValueError(f"{pattern} is no regular expression: {error}; correct it") from None
    if len(groups) != 1:
        raise ValueError(
            f"{pattern} has {len(groups)} named groups, expected one: write (?P<photo>...) or (?P<source>...) around "
            "the part of the name that counts, and (?:...) around other groups"
        )
    return pattern


def _class_name(name: str) -> str:
    """Return the name of a class, or say why it can't be one: names stand in tables, pages and terminals."""
    if not _CLASS_NAME.fullmatch(name):
        raise ValueError(
            f"{name!r} is no name of a class, expected 1 to 40 letters, digits, spaces and any of _ . ( ) + - that "
            "begin with a letter or a digit; write another"
        )
    return name


def _place(path: str) -> str:
    """Return a path, or say why no disk can hold it."""
    if any(letter == "\0" or "\ud800" <= letter <= "\udfff" for letter in path):
        raise ValueError(f"{path!r} is no path, expected one without NUL and without halves of characters; correct it")
    return path


Place = Annotated[str, AfterValidator(_place)]
ClassName = Annotated[str, AfterValidator(_class_name)]
NamePattern = Annotated[str, Field(max_length=200), AfterValidator(_one_named_group)]
NamePatterns = Annotated[tuple[NamePattern, ...], Field(max_length=100)]


class Block(BaseModel):
    """A block of params.yaml: its keys and no others, never changed after parsing."""

    model_config = ConfigDict(extra="forbid", frozen=True)
