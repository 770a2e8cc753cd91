"""Folds for cross-validation: every group of photographs is tested in one of them."""

from collections.abc import Mapping

from crackflow.errors import DataError
from crackflow.splitting.grouping import assign_subsets

FEWEST = 3
"""Train, valid and test need one each."""


def make_folds(
    groups: Mapping[str, str], sources: Mapping[str, str], empty: Mapping[str, bool], number: int, seed: int
) -> dict[str, int]:
    """Assign whole groups to folds of about equal size.

    Args:
        groups: group by stem.
        sources: source by stem; each is spread over the folds as far as its groups allow.
        empty: whether the pair has no crack, by stem; within a source these are spread too.
        number: how many folds, FEWEST or more.
        seed: decides between groups of equal size.

    Returns:
        Fold by stem, from 0.

    Raises:
        DataError: when there are fewer folds than FEWEST, or fewer groups with cracks than folds.
    """
    if number < FEWEST:
        raise DataError(f"received {number} folds, expected {FEWEST} or more: one to test, one for valid, one to train")
    cracked = {group for stem, group in groups.items() if not empty[stem]}
    if len(cracked) < number:
        raise DataError(
            f"received {number} folds for {len(cracked)} photographs with cracks, expected at least one for each "
            "fold; add photographs, or ask for fewer folds"
        )
    shares = {str(fold): 1 / number for fold in range(number)}
    found = assign_subsets(groups, sources, empty, shares, seed)
    return {stem: int(fold) for stem, fold in found.items()}


def fold_subsets(folds: Mapping[str, int], tested: int) -> dict[str, str]:
    """Give the subset of each pair: the fold tested is test, the next one valid, the others train.

    Args:
        folds: fold by stem, from 0.
        tested: which fold is test.
    """
    valid = (tested + 1) % (max(folds.values()) + 1)
    return {stem: "test" if fold == tested else "valid" if fold == valid else "train" for stem, fold in folds.items()}
