"""Stage download: pairs from the data source that params name, as they are, into data/raw."""

import hashlib
import shutil
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from crackflow.errors import DataError
from crackflow.params import Params
from crackflow.progress import track
from crackflow.rejections import Rejection
from crackflow.sources.collecting import collect_pairs
from crackflow.sources.folder import Found, Pair
from crackflow.sources.registry import data_source
from crackflow.sources.source import Fetched
from tasks.endings import os_error_line
from tasks.outputs import new_folder, write_csv, write_json
from tasks.workspace import Workspace

# Ignored files named in raw.json, for each reason.
_NAMED = 5


def run(workspace: Workspace, params: Params) -> None:
    """Write data/raw and data/raw.json.

    Args:
        workspace: where to.
        params: `data` alone is read.

    Raises:
        DataError: when there is no pair, or too many can't be used.
    """
    work = workspace.state("download", "work")
    shutil.rmtree(work)
    work.mkdir()
    source = data_source(params.data, workspace.root)
    fetched = source.fetch(work)
    found = collect_pairs(fetched, params.data.include, params.data.exclude, params.data.max_rejected)

    rows = [_row(pair) for pair in found.pairs]
    try:
        sums, size = _publish(workspace, found.pairs, rows, work)
    except OSError as error:
        raise DataError(os_error_line(error, workspace.raw)) from None
    origin = source.origin()
    record = {
        "source": params.data.source,
        "origin": origin.words,
        "version": origin.version,
        "path": origin.path,
        "pairs": len(rows),
        "given": dict(sorted(Counter(pair.given for pair in found.pairs if pair.given).items())),
        "bytes": size,
        "sha256": hashlib.sha256(b"".join(sums)).hexdigest(),
        "rejected": [rejection._asdict() for rejection in found.rejected],
        "ignored": _counted(found.ignored),
    }
    if fetched.sets:
        record["sets"] = _sets(fetched, found, sums)
    write_json(workspace.raw_json, record)
    shutil.rmtree(work)
    of = f" of {len(fetched.sets)} sets" if fetched.sets else ""
    renamed = f"; {sum(found.renamed.values())} named with their set" if any(found.renamed.values()) else ""
    print(
        f"{len(rows)} pairs{of}, {size / 2**20:.1f} MiB{renamed}; {len(found.rejected)} rejected, "
        f"{len(found.ignored)} files ignored"
    )


def _publish(
    workspace: Workspace, pairs: Sequence[Pair], rows: Sequence[Mapping[str, str]], work: Path
) -> tuple[list[bytes], int]:
    """Copy all pairs to data/raw, or move those in `work`; return the two SHA-256 of each, and the bytes in all."""
    sums, size = [], 0
    with new_folder(workspace.raw) as raw:
        for kind in ("images", "masks"):
            (raw / kind).mkdir()
        for pair, row in track(zip(pairs, rows, strict=True), "copy pairs", len(rows), unit="pair"):
            image, mask = raw / "images" / row["image"], raw / "masks" / row["mask"]
            sums.append(
                b"".join(
                    _transfer(source, target, move=source.is_relative_to(work))
                    for source, target in ((pair.image, image), (pair.mask, mask))
                )
            )
            size += image.stat().st_size + mask.stat().st_size
        write_csv(raw / "pairs.csv", pd.DataFrame(rows))
    return sums, size


def _sets(fetched: Fetched, found: Found, sums: Sequence[bytes]) -> list[dict[str, Any]]:
    """Say of each set how many pairs it gave, where it lies, and its checksum, which no name or other set changes."""
    of_each: dict[str, list[bytes]] = defaultdict(list)
    for pair, both in zip(found.pairs, sums, strict=True):
        of_each[pair.set].append(both)
    return [
        {
            "name": one.name,
            "pairs": len(of_each[one.name]),
            "renamed": found.renamed[one.name],
            "path": one.path,
            "link": one.link,
            "sha256": hashlib.sha256(b"".join(sorted(of_each[one.name]))).hexdigest(),
        }
        for one in fetched.sets
    ]


def _counted(ignored: Sequence[Rejection]) -> list[dict[str, Any]]:
    """Count the ignored files by reason, and name the first few."""
    names: dict[str, list[str]] = {}
    for one in ignored:
        names.setdefault(one.reason, []).append(one.name)
    return [
        {"reason": reason, "count": len(found), "names": sorted(found)[:_NAMED]}
        for reason, found in sorted(names.items())
    ]


def _transfer(source: Path, target: Path, *, move: bool) -> bytes:
    """Copy or move one file; return its SHA-256. Users' files are never linked, since DVC makes files read-only."""
    try:
        (shutil.move if move else shutil.copyfile)(source, target)
    except OSError as error:
        raise DataError(f"{source} can't be copied ({error.strerror}); make it readable, or make room") from None
    with target.open("rb") as taken:
        return hashlib.file_digest(taken, "sha256").digest()


def _row(pair: Pair) -> dict[str, str]:
    """Return a row of pairs.csv; files are named by stem, so that `a.jpg.jpg` becomes `a.jpg`."""
    return {
        "stem": pair.stem,
        "image": pair.stem + pair.image.suffix,
        "mask": pair.stem + pair.mask.suffix,
        "given": pair.given,
        "set": pair.set,
    }
