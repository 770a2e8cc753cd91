"""The near-duplicates that a split found: how many, and which of them tell most when looked at."""

from collections.abc import Mapping, Sequence
from typing import Any

Duplicate = Mapping[str, Any]


def most_telling(duplicates: Sequence[Duplicate], count: int) -> list[Duplicate]:
    """Choose those to look at: across names first, since names did not tell of them, the least alike ones first.

    Args:
        duplicates: mappings with one, other (stems), bits (that differ) and same_parent, as data/split.json holds them.
        count: how many; all where there are fewer.

    Returns:
        The chosen ones, in that order.
    """
    order = sorted(duplicates, key=lambda found: (found["same_parent"], -found["bits"], found["one"], found["other"]))
    return order[:count]


def described(duplicate: Duplicate) -> list[str]:
    """Say what a duplicate is, in lines for below its two pictures."""
    bits = duplicate["bits"]
    names = "same parent by name" if duplicate["same_parent"] else "names do not tell"
    subsets = " and ".join(dict.fromkeys(subset or "set aside" for subset in duplicate["subsets"]))
    return [
        duplicate["one"],
        duplicate["other"],
        f"{bits} bit{' differs' if bits == 1 else 's differ'}; {duplicate['turn']}",
        f"{names}; {subsets}",
    ]


def duplicates_summary(duplicates: Sequence[Duplicate], distance: int) -> dict[str, Any]:
    """Count the duplicates.

    Args:
        duplicates: as for `most_telling`, with turn and subsets.
        distance: the largest number of bits that a duplicate's two hashes may differ in.

    Returns:
        JSON values: distance, pairs, those that names did not tell of, those turned or mirrored, those in two subsets.
    """
    return {
        "distance": distance,
        "pairs": len(duplicates),
        "names_do_not_tell": sum(not found["same_parent"] for found in duplicates),
        "turned": sum(found["turn"] != "same" for found in duplicates),
        "in_two_subsets": sum(len(set(filter(None, found["subsets"]))) > 1 for found in duplicates),
    }
