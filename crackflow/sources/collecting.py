"""The pairs of a fetched set, or of several as one list: what was left out counts, and no two pairs share a name."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from crackflow.errors import DataError
from crackflow.rejections import Rejection, check_rejections
from crackflow.sources.folder import Found, find_pairs
from crackflow.sources.layouts import is_image, portable_key, shown, stem_of
from crackflow.sources.pairing import why_too_long
from crackflow.sources.set_names import names_apart
from crackflow.sources.source import Fetched, PairSet


def collect_pairs(fetched: Fetched, include: Sequence[str], exclude: Sequence[str], max_rejected: float) -> Found:
    """Find the pairs of what a source fetched.

    Args:
        fetched: one set, or several.
        include: fnmatch patterns; a stem must match one of them, as it is in its set.
        exclude: fnmatch patterns; a stem must match none of them.
        max_rejected: the largest share, 0..1, of pairs that may be rejected, in each set.

    Returns:
        The pairs of all sets, sorted by name, with the rejected ones and what was ignored. A file of one of several
        sets is named SET/....

    Raises:
        DataError: as `find_pairs`, with the set named; when no pair of any set matches the patterns; when two sets
            can't be told apart by name.
    """
    if not fetched.sets:
        found = find_pairs(fetched.folder, include, exclude, max_rejected)
        return _with_left_out(found, fetched.left_out, max_rejected)
    of_each = {one.name: _of_one(one, include, exclude, max_rejected) for one in fetched.sets}
    if not any(found.pairs for found in of_each.values()):
        raise DataError(
            f"no pair in {fetched.folder}: data.include {list(include)} and data.exclude {list(exclude)} match no name "
            f"in any of its {len(of_each)} sets"
        )
    found = _with_left_out(_together(of_each), fetched.left_out, max_rejected)
    beside = [Rejection(shown(name), "lies beside the sets") for name in _files_beside(fetched)]
    return replace(found, ignored=(*found.ignored, *beside))


def _files_beside(fetched: Fetched) -> list[str]:
    sets = {one.path for one in fetched.sets}
    return sorted(path.name for path in fetched.folder.iterdir() if path.is_file() and path.name not in sets)


def _of_one(one: PairSet, include: Sequence[str], exclude: Sequence[str], max_rejected: float) -> Found:
    """Find the pairs of one of several sets; none when the patterns match no name in it."""
    left_out = [Rejection(f"{one.name}/{file.name}", file.reason) for file in one.left_out]
    try:
        found = find_pairs(one.folder, include, exclude, max_rejected, base=one.folder.parent, may_match_none=True)
        return _with_left_out(found, left_out, max_rejected)
    except DataError as error:
        raise DataError(f"set {one.name}: {error}") from None


def _with_left_out(found: Found, left_out: Sequence[Rejection], max_rejected: float) -> Found:
    """Add the pairs of which neither file was unpacked to the rejected ones, and the files to the ignored ones."""
    known = {portable_key(stem) for stem in found.stems}
    lost: dict[str, Rejection] = {}
    for one in left_out:
        name = PurePosixPath(one.name).name
        stem = stem_of(name)
        if is_image(name) and portable_key(stem) not in known:
            lost.setdefault(portable_key(stem), Rejection(stem, f"{one.name} {one.reason}"))
    rejected = (*found.rejected, *lost.values())
    check_rejections(rejected, len(found.pairs) + len(rejected), max_rejected)
    return replace(found, rejected=rejected, ignored=(*left_out, *found.ignored))


def _together(of_each: Mapping[str, Found]) -> Found:
    names = names_apart({one: sorted({*found.stems}) for one, found in of_each.items()})
    pairs, rejected, renamed = [], [], Counter(dict.fromkeys(of_each, 0))
    for one, found in of_each.items():
        rejected += [Rejection(names[one, lost.name], lost.reason) for lost in found.rejected]
        for pair in found.pairs:
            name = names[one, pair.stem]
            renamed[one] += name != pair.stem
            reason = why_too_long(name)
            if reason:
                rejected.append(Rejection(name, reason))
            else:
                pairs.append(replace(pair, stem=name, set=one))
    return Found(
        tuple(sorted(pairs, key=lambda pair: pair.stem)),
        tuple(sorted(rejected)),
        tuple(one for found in of_each.values() for one in found.ignored),
        dict(renamed),
    )
