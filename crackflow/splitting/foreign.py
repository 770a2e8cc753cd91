"""Sources that are left out of training whole (places never seen), or used for training alone."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from crackflow.errors import DataError
from crackflow.params import SplitParams
from crackflow.rejections import Rejection

TRAIN, VALID, TEST = "train", "foreign_valid", "foreign_test"
FOREIGN = (VALID, TEST)
"""Subsets of places never seen, beside train, valid and test."""
CHOSEN_ON = ("valid", VALID)
"""Subsets that epoch and operating point are chosen on."""


@dataclass(frozen=True)
class BySource:
    """What the names of sources decide.

    Attributes:
        subsets: subset by stem of the pairs whose source names their subset.
        home: the other pairs, in the order of their stems.
        set_aside: pairs that look like, or are cut from, a photograph of another of these places.
    """

    subsets: dict[str, str]
    home: tuple[str, ...]
    set_aside: tuple[Rejection, ...]


def divide(
    sources: Mapping[str, str], group: Callable[[Mapping[str, object]], Mapping[str, str]], params: SplitParams
) -> BySource:
    """Take the foreign sources, and those for training alone, out of the pairs.

    A group (crops of one photograph, near-duplicates) that reaches over the border is kept on one side: foreign_test
    before foreign_valid before the others, whose pairs of it are set aside, so nothing leaks. A pair that belongs with
    those for training alone is trained on as well.

    Args:
        sources: source by stem.
        group: gives the group by stem of some of the pairs.
        params: foreign and train_only are read.

    Returns:
        Which pairs have their subset, which are left to assign, and which are set aside.

    Raises:
        DataError: when a name is no source of these pairs.
    """
    wanted = {
        **dict.fromkeys(params.foreign.valid, VALID),
        **dict.fromkeys(params.foreign.test, TEST),
        **dict.fromkeys(params.train_only, TRAIN),
    }
    unknown = sorted(set(wanted) - set(sources.values()))
    if unknown:
        raise DataError(
            f"split.foreign and split.train_only name {', '.join(unknown)}, which is no source of these pairs; "
            f"expected some of {', '.join(sorted(set(sources.values())))}"
        )
    if not wanted:
        return BySource({}, tuple(sorted(sources)), ())
    groups = group(sources)
    side = {stem: wanted.get(source, "") for stem, source in sources.items()}
    # of several sides of a group the last one counts
    strongest = {groups[stem]: subset for subset in (TRAIN, *FOREIGN) for stem in sources if side[stem] == subset}
    subsets, aside = {}, []
    for stem in sorted(sources):
        subset = strongest.get(groups[stem], "")
        if subset == side[stem] or (subset == TRAIN and not side[stem]):
            subsets[stem] = subset
        else:
            aside.append(Rejection(stem, f"belongs with pairs of {subset}, which split.foreign keeps out of training"))
    home = [stem for stem, subset in subsets.items() if not subset]
    return BySource({stem: subset for stem, subset in subsets.items() if subset}, tuple(home), tuple(aside))
