"""Keep an earlier split while a set grows: old pairs stay in their subset, and new pairs of their groups follow."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from scipy.cluster.hierarchy import DisjointSet

from crackflow.rejections import Rejection
from crackflow.splitting.grouping import SUBSETS


@dataclass(frozen=True)
class Joined:
    """What an earlier split decides about the pairs of today.

    Attributes:
        subsets: subset by stem of the old pairs and of the new ones that belong with them.
        free: group by stem of the new pairs that belong with no old one.
        set_aside: new pairs that belong with pairs of several subsets.
    """

    subsets: dict[str, str]
    free: dict[str, str]
    set_aside: tuple[Rejection, ...]


def join_previous(
    parents: Mapping[str, str], duplicates: Iterable[tuple[str, str]], previous: Mapping[str, str]
) -> Joined:
    """Give new pairs the subset of the old ones that they share a group with.

    New pairs are taken in the order of their stems. Each joins the pairs of its parent photograph and its
    near-duplicates among those taken before, together with all that these have joined. A pair that would join pairs
    of different subsets is set aside, so no pair that is taken links two subsets. Old pairs that contradict each other
    stay as they are.

    Args:
        parents: parent photograph by stem, of all pairs.
        duplicates: pairs of stems that look the same.
        previous: subset by stem of the old pairs; stems that are no longer there are skipped.

    Returns:
        Which pairs have a subset, which are free, and which are set aside. The order of the arguments does not matter.
    """
    old = {stem: previous[stem] for stem in sorted(parents) if stem in previous}
    new = [stem for stem in sorted(parents) if stem not in previous]
    alike: dict[str, list[str]] = {stem: [] for stem in parents}
    for one, other in duplicates:
        alike[one].append(other)
        alike[other].append(one)
    cells: DisjointSet = DisjointSet(sorted(parents))
    # by parent, a stem of each of its cells; there is one cell, unless old pairs contradict each other
    heads: dict[str, dict[str, str]] = {}
    for stem, subset in old.items():
        cells.merge(stem, heads.setdefault(parents[stem], {}).setdefault(subset, stem))
        for other in alike[stem]:
            if old.get(other) == subset:
                cells.merge(stem, other)
    fixed = {cells[stem]: subset for stem, subset in old.items()}
    taken, set_aside = set(old), []
    for stem in new:
        near = [*heads.get(parents[stem], {}).values(), *(other for other in sorted(alike[stem]) if other in taken)]
        sides = {fixed[root]: other for other in reversed(near) if (root := cells[other]) in fixed}
        if len(sides) > 1:
            set_aside.append(Rejection(stem, _why(sides)))
            continue
        taken.add(stem)
        for other in near:
            cells.merge(stem, other)
        heads[parents[stem]] = {"": stem}
        for subset in sides:
            fixed[cells[stem]] = subset
    subsets = {stem: fixed[cells[stem]] for stem in sorted(taken) if cells[stem] in fixed}
    free = _named([stem for stem in new if stem in taken and stem not in subsets], cells)
    return Joined(subsets, free, tuple(set_aside))


def _why(sides: Mapping[str, str]) -> str:
    named = " and ".join(f"{sides[subset]} of {subset}" for subset in SUBSETS if subset in sides)
    return f"belongs with {named}; split.previous keeps both where they are"


def _named(stems: Sequence[str], cells: DisjointSet) -> dict[str, str]:
    """Name each group by the first of its stems, which is the same however the groups were joined."""
    first: dict[str, str] = {}
    return {stem: first.setdefault(cells[stem], stem) for stem in stems}
