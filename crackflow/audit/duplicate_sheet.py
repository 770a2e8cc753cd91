"""The near-duplicates that a split found: how many there are, and which of them people should look at."""

from collections.abc import Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
"""A near-duplicate as data/split.json holds it: one, other (stems), bits, turn, places, same_parent, subsets."""


def select_near_duplicates(duplicates: Sequence[Row], count: int) -> list[Row]:
    """Choose near-duplicates to look at.

    Those that content alone found come first, since names do not confirm them. Among equals the least alike come first.

    Args:
        duplicates: of a split.
        count: how many; all where there are fewer.

    Returns:
        The chosen ones, in that order.
    """
    order = sorted(duplicates, key=lambda found: (found["same_parent"], -found["bits"], found["one"], found["other"]))
    return order[:count]


def caption_lines(row: Row) -> list[str]:
    """Describe a near-duplicate, in lines for below its two images."""
    bits, places = row["bits"], row["places"]
    alike = f"{places} places agree" if places else f"{bits} bit{' differs' if bits == 1 else 's differ'}"
    names = "same parent by name" if row["same_parent"] else "different parents by name"
    subsets = " and ".join(dict.fromkeys(subset or "set aside" for subset in row["subsets"]))
    return [
        row["one"],
        row["other"],
        f"{alike}; {row['turn']}",
        f"{names}; {subsets}",
    ]


def near_duplicate_summary(duplicates: Sequence[Row], distance: int) -> dict[str, Any]:
    """Count the near-duplicates.

    Args:
        duplicates: of a split.
        distance: the largest number of bits that the two hashes may differ in.

    Returns:
        JSON values: distance, pairs, those whose names give different parents, those turned or mirrored, those in two
        subsets, those that local features found and hashes did not.
    """
    return {
        "distance": distance,
        "pairs": len(duplicates),
        "names_do_not_tell": sum(not found["same_parent"] for found in duplicates),
        "turned": sum(found["turn"].startswith(("mirrored", "rotated")) for found in duplicates),
        "in_two_subsets": sum(len(set(filter(None, found["subsets"]))) > 1 for found in duplicates),
        "by_features": sum(found["places"] > 0 for found in duplicates),
    }
