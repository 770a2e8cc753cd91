"""An earlier split: read from its file, and brought to the pairs of today, which may have other names.

A pair is another one when photographs are cut otherwise (`resize.mode`, `resize.size`), and has another name when a set
comes or goes (crackflow.sources.set_names). Its photograph is the same. So the subset follows the photograph, by the
checksum of its file where the earlier split notes it, else by its name.
"""

import csv
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from crackflow.errors import DataError
from crackflow.rejections import Rejection
from crackflow.splitting.foreign import FOREIGN
from crackflow.splitting.grouping import SUBSETS

_COLUMNS = ("stem", "subset")
# what stage resize calls a part of a photograph
_PART = re.compile(r"_tile\d+_\d+$")


class Photograph(NamedTuple):
    """The photograph that a pair is, or is a part of."""

    name: str
    sha256: str = ""
    """of its file; empty where that is not known"""
    set_name: str = ""
    """of the set that it came in; empty where there is one"""


class Row(NamedTuple):
    """A pair of an earlier split."""

    stem: str
    subset: str
    photograph: str = ""
    """its name; empty where the file does not tell"""
    sha256: str = ""


@dataclass(frozen=True)
class Matched:
    """What an earlier split says of the pairs of today.

    Attributes:
        subsets: subset by stem of today.
        set_aside: pairs of today that are of a photograph whose earlier pairs, of other names, were in several subsets.
        renamed: those of `subsets` that had another name.
        gone: how many of the earlier pairs are of no photograph of today.
        earlier: how many there were.
    """

    subsets: dict[str, str]
    set_aside: tuple[Rejection, ...] = ()
    renamed: frozenset[str] = frozenset()
    gone: int = 0
    earlier: int = 0


def read_previous(path: Path) -> tuple[Row, ...]:
    """Read an earlier split: a CSV with the columns stem and subset.

    The columns photograph and photograph_sha256, which a copy of data/split.csv has, are read where they are there.

    Args:
        path: the file, UTF-8 with or without a byte order mark.

    Returns:
        Its rows; none where the file holds only a header.

    Raises:
        DataError: when it is absent or no CSV of these columns, or when a row has no stem, a stem for the second time,
            or a word that is no subset.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                found = ",".join(reader.fieldnames or ()) or "nothing"
                raise DataError(f"split.previous {path} starts with {found!r}; expected a header with stem,subset")
            rows: dict[str, Row] = {}
            for row in reader:
                _take(row, rows, f"split.previous {path} line {reader.line_num}")
    except FileNotFoundError:
        raise DataError(
            f"split.previous names {path}, which is not there; copy an earlier data/split.csv to it, "
            "or set split.previous to data/previous.csv, which holds no pair"
        ) from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"split.previous {path} can't be read ({error}); expected a CSV in UTF-8 with the columns stem,subset"
        ) from None
    return tuple(rows.values())


def _take(row: Mapping[str, str | None], rows: dict[str, Row], where: str) -> None:
    """Add one row.

    Raises:
        DataError: when the row can't be used.
    """
    stem, subset = row["stem"], row["subset"]
    if not stem:
        raise DataError(f"{where} has no stem; give the pair's file name without its suffix")
    if subset not in (*SUBSETS, *FOREIGN):
        known = ", ".join((*SUBSETS, *FOREIGN))
        raise DataError(f"{where}: the subset of {stem} is {subset or ''!r}; expected one of {known}")
    if stem in rows:
        raise DataError(f"{where} has {stem} a second time; keep one of its rows")
    rows[stem] = Row(stem, subset, row.get("photograph") or "", row.get("photograph_sha256") or "")


def match_previous(
    rows: Sequence[Row], today: Mapping[str, Photograph], parent: Callable[[str], str] = lambda name: name
) -> Matched:
    """Find the earlier pairs of each photograph of today, and give its pairs their subset.

    A photograph's earlier pairs are those of the same file; else those of the same name, unless their file is here
    under another name; else those of the name that it had while its set did or did not stand before it; else those of
    its parent, where that has no photograph of the steps before.

    Its pairs keep the subset of their own name. Where the earlier names are not all there, the photograph is cut
    otherwise now. Then all its pairs get the subset of the earlier ones, and are set aside where these were in several.

    Args:
        rows: the earlier split.
        today: the photograph by stem of each pair.
        parent: names the photograph that a photograph was cut from, as crackflow.sources.provenance does.

    Returns:
        What follows. The order of the arguments does not matter.
    """
    parts: dict[Photograph, list[str]] = defaultdict(list)
    for stem in sorted(today):
        parts[today[stem]].append(stem)
    names = {one.name for one in parts}
    whole = [row if row.photograph else row._replace(photograph=_photograph(row.stem, names)) for row in sorted(rows)]
    claims = _claims(whole, parts, parent)
    subsets, aside = {}, []
    for photograph, stems in parts.items():
        found = claims.get(photograph, [])
        earlier = {photograph.name + row.stem.removeprefix(row.photograph): row for row in found}
        if len(earlier) == len(found) and earlier.keys() <= set(stems):
            # cut as before: of the others the file says nothing
            told = {stem: row.subset for stem, row in earlier.items()}
        elif len({row.subset for row in found}) == 1:
            told = dict.fromkeys(stems, found[0].subset)
        else:
            told = {}
            aside += [Rejection(stem, _why(found)) for stem in stems]
        subsets.update(told)
    gone = len(rows) - len({row.stem for found in claims.values() for row in found})
    renamed = frozenset(subsets) - {row.stem for row in rows}
    return Matched(dict(sorted(subsets.items())), tuple(sorted(aside)), renamed, gone, len(rows))


def _photograph(stem: str, names: set[str]) -> str:
    return stem if stem in names else _PART.sub("", stem)


def _claims(
    rows: Sequence[Row], photographs: Iterable[Photograph], parent: Callable[[str], str]
) -> dict[Photograph, list[Row]]:
    """The earlier pairs of each photograph that has any."""
    files, names, parents = defaultdict(list), defaultdict(list), defaultdict(list)
    here = {one.sha256 for one in photographs}
    for row in rows:
        if row.sha256 and row.sha256 in here:
            files[row.sha256].append(row)
        else:
            names[row.photograph].append(row)
    claims: dict[Photograph, list[Row]] = {}
    for one in photographs:
        # a file that is known by its checksum is not known by half a name
        half = [row for name in _other_names(one) for row in names.get(name, ()) if not row.sha256]
        same = files.get(one.sha256, [])
        # the same file may be there by two names
        same = [row for row in same if row.photograph == one.name] or same
        if found := same or names.get(one.name) or half:
            claims[one] = found
    claimed = {row.stem for found in claims.values() for row in found}
    for row in rows:
        parents[parent(row.photograph)].append(row)
    for one in photographs:
        found = parents.get(parent(one.name), [])
        # where some are here, the new ones follow them: crackflow.splitting.incremental
        if one not in claims and found and not any(row.stem in claimed for row in found):
            claims[one] = found
    return claims


def _other_names(one: Photograph) -> list[str]:
    if not one.set_name:
        return []
    before = f"{one.set_name}_"
    return [one.name.removeprefix(before) if one.name.startswith(before) else before + one.name]


def _why(found: Sequence[Row]) -> str:
    first = {row.subset: row.stem for row in reversed(found)}
    named = " and ".join(f"{first[subset]} of {subset}" for subset in (*SUBSETS, *FOREIGN) if subset in first)
    return f"is of the same photograph as {named} in split.previous"
