"""Count what a split leaks: test pairs whose photograph is in train or valid as well."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

HELD_BACK = "test"


@dataclass(frozen=True)
class Leaks:
    """What a split leaks.

    Attributes:
        test_pairs: pairs in test.
        test_sharing_parent: those of them whose parent photograph has a pair outside test.
        test_with_duplicate: those of them with a near-duplicate outside test.
        test_leaked: those of them with either.
        share: test_leaked / test_pairs, 0..1; 0 without a test pair.
        parents_across: parent photographs with pairs in several subsets, whichever these are.
        duplicates_across: near-duplicates, counted as pairs, that are in different subsets.
    """

    test_pairs: int
    test_sharing_parent: int
    test_with_duplicate: int
    test_leaked: int
    share: float
    parents_across: int
    duplicates_across: int

    def as_dict(self) -> dict[str, Any]:
        """The figures by name, the share to four places."""
        return {**asdict(self), "share": round(self.share, 4)}


def count_leaks(subsets: Mapping[str, str], parents: Mapping[str, str], duplicates: Iterable[tuple[str, str]]) -> Leaks:
    """Count the leaks of a split.

    Args:
        subsets: subset by stem, of which `test` is the one held back. Pairs that are not in it have no subset.
        parents: parent photograph by stem.
        duplicates: pairs of stems that look the same.

    Returns:
        The counts.
    """
    where: dict[str, set[str]] = {}
    for stem, subset in subsets.items():
        where.setdefault(parents[stem], set()).add(subset)
    test = {stem for stem, subset in subsets.items() if subset == HELD_BACK}
    sharing = {stem for stem in test if len(where[parents[stem]]) > 1}
    across = [
        (one, other)
        for one, other in duplicates
        if one in subsets and other in subsets and subsets[one] != subsets[other]
    ]
    copied = {stem for pair in across for stem in pair} & test
    leaked = len(sharing | copied)
    return Leaks(
        test_pairs=len(test),
        test_sharing_parent=len(sharing),
        test_with_duplicate=len(copied),
        test_leaked=leaked,
        share=leaked / len(test) if test else 0.0,
        parents_across=sum(len(found) > 1 for found in where.values()),
        duplicates_across=len(across),
    )


def mean_leaks(several: Sequence[Leaks]) -> Leaks:
    """Average over several splits; counts are rounded to whole pairs, the share is not rounded."""
    means = {field.name: sum(getattr(leaks, field.name) for leaks in several) / len(several) for field in fields(Leaks)}
    return Leaks(**{name: mean if name == "share" else round(mean) for name, mean in means.items()})
