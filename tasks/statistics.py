"""Stage statistics: what the data looks like, and which labels look wrong, before anything is trained on it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from crackflow.audit.crack_width import thickness
from crackflow.audit.dataset_summary import by_source_and_subset, mask_files, summary, thickness_table
from crackflow.audit.duplicate_sheet import caption_lines, near_duplicate_summary, select_near_duplicates
from crackflow.audit.label_features import Measures, measure
from crackflow.audit.label_ranking import audit_summary, ranked, same_masks
from crackflow.errors import DataError
from crackflow.imaging.images import encode_classes, write_png
from crackflow.imaging.pairs import KINDS, ResizedPairs
from crackflow.parallel.engine import WorkerTimes, fan_out
from crackflow.parallel.kept import Kept, content_key
from crackflow.params import Params, StatisticsParams
from crackflow.progress import track
from crackflow.splitting.examples import pick_examples
from crackflow.visualization.contact_sheet import Picture, captioned, sheet
from crackflow.visualization.dataset_charts import subsets_and_sources, thickness_by_source
from crackflow.visualization.overlays import outlined
from tasks.code_closure import fingerprint
from tasks.engine import open_engine, record_times
from tasks.outputs import write_csv, write_json
from tasks.workspace import Workspace

COLUMNS = 6
PICTURE_WIDTH = 192
# An entry has two images, so a row holds fewer of them.
PAIR_COLUMNS = 3
DUPLICATES_SHOWN = 24
# The sheets show the same pairs each time. Which ones does not matter, so it is no parameter.
SEED = 0


class _Measured(NamedTuple):
    thickness: float | None
    label: Measures
    digest: bytes


def run(workspace: Workspace, params: Params) -> None:
    """Count, chart and show the pairs, and rank their labels.

    Args:
        workspace: data/resized, data/resized.csv, data/split.csv and data/split.json are read; reports are written.
        params: classes, resize.size, statistics and compute are read.

    Raises:
        DataError: when there is no train pair.
    """
    resized = pd.read_csv(workspace.resized_csv, dtype=str, keep_default_na=False)
    split = pd.read_csv(workspace.split_csv, dtype=str, keep_default_na=False)
    proof = json.loads(workspace.split_json.read_text(encoding="utf-8"))
    if not (split["subset"] == "train").any():
        raise DataError("data/split.csv has no train pair; add pairs or raise split.shares.train")
    pairs = ResizedPairs(workspace.resized, len(params.classes))
    sources = dict(zip(split["stem"], split["source"], strict=True))
    measured = _measured(workspace, params, pairs, list(sources))
    thick = thickness_table({stem: found.thickness for stem, found in measured.items()}, sources)
    labels = _labels(measured, split)
    found = summary(resized, split)

    _samples(workspace, pairs, resized, split, params.statistics)
    shown = labels[labels["score"] > 0].head(params.statistics.suspicious)
    _suspicious(workspace, pairs, shown)
    _duplicates(workspace, pairs, proof["duplicates"])
    shares = {source: values["crack_share"] for source, values in found["sources"].items()}
    subsets_and_sources(workspace.reports / "Crack_Statistics.png", by_source_and_subset(split), shares)
    thickness_by_source(workspace.reports / "label_thickness.png", thick)
    write_csv(workspace.reports / "suspicious.csv", labels)
    for source, row in thick[["p10", "median", "p90"]].round(2).iterrows():
        found["sources"][source]["thickness"] = row.to_dict()
    values = {
        "resized_to": params.resize.size,
        **found,
        "split": {key: proof[key] for key in ("protocol", "leaks", "previous", "parents_by_name")},
        "set_aside": proof["set_aside"],
        "masks": mask_files(resized.merge(split[["stem", "source"]], on="stem")),
        "duplicates": near_duplicate_summary(proof["duplicates"], proof["duplicate_distance"]),
        "labels": {**audit_summary(labels), "shown": len(shown)},
    }
    write_json(workspace.reports / "dataset.json", values)


@dataclass(frozen=True)
class _Work:
    """What a worker does with one pair; it is sent to workers in other processes."""

    pairs: ResizedPairs
    kept: Kept

    def __call__(self, stem: str) -> tuple[str, _Measured]:
        """Measure a pair, unless it has been; and the key under which it is kept."""
        try:
            key = content_key(*(self.pairs.path(kind, stem) for kind in KINDS))
        except FileNotFoundError:
            self.pairs.pair(stem)  # which says what is missing
            raise
        held = self.kept.get(key)
        if held is not None:
            thick, label, digest = held
            return key, _Measured(thick, Measures(*label), bytes.fromhex(digest))
        crack = self.pairs.mask(stem) > 0
        digest = hashlib.sha256(crack.tobytes()).digest() if crack.any() else b""
        found = _Measured(thickness(crack), measure(self.pairs.grey(stem), crack), digest)
        self.kept.put(key, [found.thickness, list(found.label), digest.hex()])
        return key, found


def _measured(workspace: Workspace, params: Params, pairs: ResizedPairs, stems: Sequence[str]) -> dict[str, _Measured]:
    settings = [len(params.classes), fingerprint("tasks.statistics")]
    state = hashlib.sha256(json.dumps(settings).encode()).hexdigest()[:16]
    kept, times = Kept(workspace.state("statistics", state)), WorkerTimes()
    with open_engine(workspace, params.compute, "tasks.statistics") as engine:
        results = fan_out(engine, _Work(pairs, kept), stems, times=times)
        done = list(track(results, "statistics", len(stems), unit="pair"))
    record_times(workspace, "statistics", times)
    kept.keep_only({key for key, _ in done})
    return {stem: found for stem, (_, found) in zip(stems, done, strict=True)}


def _outlined(pairs: ResizedPairs, stem: str) -> Picture:
    image, mask = pairs.pair(stem)
    return outlined(image, mask > 0)


def _labels(measured: Mapping[str, _Measured], split: pd.DataFrame) -> pd.DataFrame:
    """The table of suspicious.csv."""
    labels = ranked({stem: found.label for stem, found in measured.items()})
    labels["thickness"] = [measured[stem].thickness for stem in labels["stem"]]
    drawn = {stem: found.digest for stem, found in measured.items() if found.digest}
    twins = same_masks(drawn, dict(zip(split["stem"], split["group"], strict=True)))
    labels["same_mask_as"] = [twins.get(stem, "") for stem in labels["stem"]]
    labels = labels.merge(split[["stem", "source", "subset"]], on="stem", validate="one_to_one")
    labels.insert(0, "rank", np.arange(1, len(labels) + 1))
    first = ["rank", "stem", "source", "subset", "score", "reason"]
    return labels[first + [name for name in labels.columns if name not in first]]


def _samples(
    workspace: Workspace, pairs: ResizedPairs, resized: pd.DataFrame, split: pd.DataFrame, settings: StatisticsParams
) -> None:
    """Three sheets with the same pairs in the same places: images, masks, and both."""
    train = split[split["subset"] == "train"]
    usable = resized[resized["rejected"] == ""]
    shares = dict(zip(usable["stem"], usable["crack_share"].astype(float), strict=True))
    groups = dict(zip(train["stem"], train["group"], strict=True))
    sources = dict(zip(train["stem"], train["source"], strict=True))
    empty = {stem: shares[stem] == 0 for stem in sources}
    chosen = pick_examples(groups, sources, empty, settings.sheet_images, SEED)
    stems = sorted(chosen, key=lambda stem: (sources[stem], stem))
    captions = [f"crack {100 * shares[stem]:.2f} %" for stem in stems]
    masks = [encode_classes(pairs.mask(stem), pairs.num_classes) for stem in stems]
    write_png(workspace.reports / "sample_images.png", _sheet([pairs.image(stem) for stem in stems], stems))
    write_png(workspace.reports / "sample_masks.png", _sheet(masks, captions))
    write_png(workspace.reports / "sample_overlays.png", _sheet([_outlined(pairs, stem) for stem in stems], captions))


def _sheet(pictures: list[Picture], captions: list[str]) -> Picture:
    starts = range(0, len(pictures), COLUMNS)
    rows = [pictures[start : start + COLUMNS] for start in starts]
    return sheet(rows, [captions[start : start + COLUMNS] for start in starts], (), PICTURE_WIDTH)


def _suspicious(workspace: Workspace, pairs: ResizedPairs, labels: pd.DataFrame) -> None:
    shown = [
        captioned(
            [pairs.image(row["stem"]), _outlined(pairs, row["stem"])],
            [f"{row['rank']}. {row['stem']}", _reason(row)],
            PICTURE_WIDTH,
        )
        for row in labels.to_dict("records")
    ]
    _write_entries(workspace, "suspicious", shown)


def _reason(row: Mapping[Any, Any]) -> str:
    twin = f"; mask of {row['same_mask_as']}" if row["same_mask_as"] else ""
    return f"{row['score']:.2f} {row['reason']}: {row['words']}{twin}"


def _duplicates(workspace: Workspace, pairs: ResizedPairs, duplicates: Sequence[Mapping[str, Any]]) -> None:
    shown = [
        captioned([pairs.image(found["one"]), pairs.image(found["other"])], caption_lines(found), PICTURE_WIDTH)
        for found in select_near_duplicates(duplicates, DUPLICATES_SHOWN)
    ]
    _write_entries(workspace, "duplicates", shown)


def _write_entries(workspace: Workspace, name: str, shown: list[Picture]) -> None:
    """A stage writes all that it declares, so an empty list makes a blank image, which the report leaves out."""
    rows = [shown[start : start + PAIR_COLUMNS] for start in range(0, len(shown), PAIR_COLUMNS)]
    picture = sheet(rows, width=shown[0].shape[1]) if shown else np.full((1, 1, 3), 255, np.uint8)
    write_png(workspace.reports / f"{name}.png", picture)
