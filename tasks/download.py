"""Stage download: pairs from the data source that params name, as they are, into data/raw."""

import hashlib
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import pandas as pd

from crackflow.errors import DataError
from crackflow.params import Params
from crackflow.progress import track
from crackflow.rejections import Rejection, check_rejections
from crackflow.sources.folder import Pair, find_pairs
from crackflow.sources.layouts import is_image, portable_key, stem_of
from crackflow.sources.registry import data_source
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
    found = find_pairs(fetched.folder, params.data.include, params.data.exclude, params.data.max_rejected)
    known = [*(pair.stem for pair in found.pairs), *(one.name for one in found.rejected)]
    rejected = [*found.rejected, *_pairs_left_out(fetched.left_out, known)]
    check_rejections(rejected, len(found.pairs) + len(rejected), params.data.max_rejected)
    ignored = [*fetched.left_out, *found.ignored]

    rows = [_row(pair) for pair in found.pairs]
    try:
        digest, size = _publish(workspace, found.pairs, rows, ours=fetched.folder.is_relative_to(work))
    except OSError as error:
        raise DataError(f"{workspace.raw} can't be written ({error.strerror}); make room") from None
    origin = source.origin()
    record = {
        "source": params.data.source,
        "origin": origin.words,
        "version": origin.version,
        "path": origin.path,
        "pairs": len(rows),
        "given": dict(sorted(Counter(pair.given for pair in found.pairs if pair.given).items())),
        "bytes": size,
        "sha256": digest,
        "rejected": [rejection._asdict() for rejection in rejected],
        "ignored": _counted(ignored),
    }
    write_json(workspace.raw_json, record)
    shutil.rmtree(work)
    print(f"{len(rows)} pairs, {size / 2**20:.1f} MiB; {len(rejected)} rejected, {len(ignored)} files ignored")


def _pairs_left_out(left_out: Sequence[Rejection], stems: Sequence[str]) -> list[Rejection]:
    """Return the pairs of which neither file was unpacked, so that they are counted as rejected too."""
    known = {portable_key(stem) for stem in stems}
    found: dict[str, Rejection] = {}
    for one in left_out:
        name = PurePosixPath(one.name).name
        stem = stem_of(name)
        if is_image(name) and portable_key(stem) not in known:
            found.setdefault(portable_key(stem), Rejection(stem, f"{one.name} {one.reason}"))
    return list(found.values())


def _publish(
    workspace: Workspace, pairs: Sequence[Pair], rows: Sequence[Mapping[str, str]], *, ours: bool
) -> tuple[str, int]:
    """Copy or move all pairs to data/raw; return the SHA-256 of their checksums, and their size in bytes."""
    digest, size = hashlib.sha256(), 0
    with new_folder(workspace.raw) as raw:
        for kind in ("images", "masks"):
            (raw / kind).mkdir()
        for pair, row in track(zip(pairs, rows, strict=True), "copy pairs", len(rows), unit="pair"):
            for source, target in (
                (pair.image, raw / "images" / row["image"]),
                (pair.mask, raw / "masks" / row["mask"]),
            ):
                digest.update(_transfer(source, target, move=ours))
                size += target.stat().st_size
        write_csv(raw / "pairs.csv", pd.DataFrame(rows))
    return digest.hexdigest(), size


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
    }
