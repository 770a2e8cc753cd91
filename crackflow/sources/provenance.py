"""What a pair's name tells: which source it comes from, and which photograph it was cut from.

Crops of one photograph overlap, or at least share light, camera and crack, so they belong on one side of a split. The
patterns are parameters (`split.parents`, `split.sources`). Their defaults know the public crack set that
khanhha/crack_segmentation merged from earlier ones and Kaggle holds. It is said to hold twelve sets, but its 11,298
names have eleven prefixes: under Sylvie_Chambon stand the photographs of CFD and those of at least one more set.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import regex

from crackflow.errors import DataError
from crackflow.params import SplitParams

NO_PREFIX = "photos"
"""The source of a name without any prefix, such as `kitchen`."""

TIME_LIMIT = 1.0
"""Seconds that one pattern may take for one name."""

_SHORTEST = 3
# Made by a program to be unlike any other: its first letters are chance.
_CHECKSUM = re.compile(r"[0-9a-fA-F-]{16,}")
_WHOLE_NAME = "photo"


@dataclass(frozen=True)
class NameRules:
    """How names of pairs are read.

    Attributes:
        parents: patterns with one named group, as `split.parents` describes them.
        sources: patterns with one named group, as `split.sources` describes them.
    """

    parents: tuple[str, ...]
    sources: tuple[str, ...]

    @classmethod
    def of(cls, params: SplitParams) -> Self:
        """The rules that the parameters hold."""
        return cls(params.parents, params.sources)

    def source(self, stem: str) -> str:
        """Say which source a pair comes from.

        Args:
            stem: file name of the pair without its suffix.

        Returns:
            What the first pattern of `sources` that fits finds; where none fits, what stands before the first
            underscore or digit (`IMG_1234` and `IMG1235` are both `IMG`), or `photos` where that has fewer than three
            letters or the name is a checksum or the like.

        Raises:
            DataError: when a pattern takes longer than `TIME_LIMIT`.
        """
        found = _first(self.sources, stem, "split.sources")
        if found is not None:
            return found[1]
        before = re.match(r"[^_\d]*(?=[_\d])", stem)
        prefix = before.group().rstrip(" -.(") if before else ""
        return prefix if len(prefix) >= _SHORTEST and not _CHECKSUM.fullmatch(stem) else NO_PREFIX

    def photograph(self, stem: str) -> str | None:
        """Name the photograph that a pair was cut from; None where no pattern of `parents` fits.

        Raises:
            DataError: when a pattern takes longer than `TIME_LIMIT`.
        """
        found = _first(self.parents, stem, "split.parents")
        if found is None:
            return None
        group, text = found
        return text if group == _WHOLE_NAME else f"{group}_{text}"

    def parent(self, stem: str) -> str:
        """Name the photograph that a pair was cut from, as far as its name tells; `stem` itself where it tells nothing.

        Raises:
            DataError: when a pattern takes longer than `TIME_LIMIT`.
        """
        return self.photograph(stem) or stem


def _first(patterns: Sequence[str], stem: str, key: str) -> tuple[str, str] | None:
    """Name and text of the group in the first pattern that fits the start of a name and finds any text."""
    for pattern in patterns:
        try:
            found = regex.match(pattern, stem, timeout=TIME_LIMIT)
        except TimeoutError:
            raise DataError(
                f"{key}: {pattern} takes more than {TIME_LIMIT:g} s for the name {stem}; expected a pattern that "
                "decides at once: write no repeat inside a repeat, such as (a+)+"
            ) from None
        if found:
            group, text = next(iter(found.groupdict().items()))
            if text:
                return group, text
    return None
