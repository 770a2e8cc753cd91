"""Names of pairs of several sets: as they are, unless two sets share one. Nothing here reads a disk."""

from collections import defaultdict
from collections.abc import Collection, Mapping

from crackflow.errors import DataError
from crackflow.sources.layouts import portable_key


def names_apart(stems: Mapping[str, Collection[str]]) -> dict[tuple[str, str], str]:
    """Name pairs so that no two sets share a name.

    A stem that no other set has stays as it is, so that the rules for parents and sources still read it. Where two or
    more sets have it, or have names that some disks can't tell from it, each puts `SET_` before it.

    Args:
        stems: the stems of each set, by the set's name.

    Returns:
        A name for each set and stem.

    Raises:
        DataError: when two sets' names with their stems are one text, such as `a` + `b_1` and `a_b` + `1`.

    >>> names_apart({"walls": ["1", "2"], "roads": ["2"]})
    {('walls', '1'): '1', ('walls', '2'): 'walls_2', ('roads', '2'): 'roads_2'}
    """
    names = {(one, stem): stem for one, found in stems.items() for stem in found}
    while clashing := _clashing(names):
        plain = [key for key in clashing if names[key] == key[1]]
        if not plain:
            shown = " and ".join(f"{stem} of {one}" for one, stem in clashing[:2])
            raise DataError(
                f"{shown} would both be called {names[clashing[0]]}, expected a name for each; rename one of the sets"
            )
        # a new name may be one that a third set has already
        names |= {(one, stem): f"{one}_{stem}" for one, stem in plain}
    return names


def _clashing(names: Mapping[tuple[str, str], str]) -> list[tuple[str, str]]:
    """Return the pairs whose name another pair has; names that differ only in case within one set are left alone."""
    owners: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for (one, stem), name in names.items():
        owners[portable_key(name)].add((one, portable_key(stem)))
    return [key for key, name in names.items() if len(owners[portable_key(name)]) > 1]
