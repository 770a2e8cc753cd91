"""Stage split: the subset of each pair, as a table and not as three folders of copies, and what the split leaks."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from crackflow.errors import DataError
from crackflow.imaging.pairs import ResizedPairs
from crackflow.parallel.engine import WorkerTimes
from crackflow.parallel.kept import Kept
from crackflow.params import Params
from crackflow.sources.provenance import NameRules
from crackflow.splitting.examples import pick_examples
from crackflow.splitting.features.content_search import same_pavement
from crackflow.splitting.grouping import group_pairs
from crackflow.splitting.near_duplicates import NearDuplicate, apart, near_duplicates
from crackflow.splitting.previous import Photograph, match_previous, read_previous
from crackflow.splitting.protocols import Pairs, split_pairs
from crackflow.splitting.split_report import describe
from tasks.code_closure import fingerprint
from tasks.engine import open_engine, record_times
from tasks.outputs import write_csv, write_json
from tasks.workspace import Workspace

COLUMNS = ["stem", "photograph", "photograph_sha256", "source", "parent", "group", "subset", "mini_test"]


def run(workspace: Workspace, params: Params) -> None:
    """Write data/split.csv and data/split.json.

    Args:
        workspace: holds data/resized.csv, data/resized and the file that `split.previous` names.
        params: `split` and `compute` are read.

    Raises:
        DataError: when there is no usable pair, too few photographs for three subsets, or `split.previous` can't be
            used.
    """
    table = pd.read_csv(workspace.resized_csv, dtype=str, keep_default_na=False).sort_values("stem")
    usable = table[table["rejected"] == ""]
    if usable.empty:
        raise DataError(f"{workspace.resized_csv} holds no usable pair; see its column `rejected` for the reasons")
    names = NameRules.of(params.split)
    of = zip(usable["photograph"], usable["photograph_sha256"], usable["set"], strict=True)
    today = {stem: Photograph(*one) for stem, one in zip(usable["stem"], of, strict=True)}
    previous = match_previous(read_previous(workspace.root / Path(params.split.previous)), today, names.parent)
    usable = usable[~usable["stem"].isin([one.name for one in previous.set_aside])]
    stems = usable["stem"].tolist()
    # parts of a photograph belong to it, whatever the patterns make of their own names
    whole = {stem: today[stem].name for stem in stems}
    photographs = {stem: names.photograph(photograph) for stem, photograph in whole.items()}
    hashes = dict(zip(stems, usable["phash"], strict=True))
    parents = {stem: found or whole[stem] for stem, found in photographs.items()}
    duplicates = near_duplicates(hashes, params.split.duplicate_distance)
    if params.split.local_features:
        duplicates += _by_features(workspace, params, hashes, parents, duplicates)
    pairs = Pairs(
        sources={stem: names.source(photograph) for stem, photograph in whole.items()},
        parents=parents,
        empty=dict(zip(stems, usable["crack_share"].astype(float) == 0, strict=True)),
        given=dict(zip(stems, usable["given"], strict=True)),
        duplicates=tuple((found.one, found.other) for found in duplicates),
    )
    split = split_pairs(pairs, previous.subsets, params.split)
    split = replace(split, set_aside=previous.set_aside + split.set_aside)
    groups = pairs.groups(split.subsets)
    test = {stem: group for stem, group in groups.items() if split.subsets[stem] == "test"}
    shown = pick_examples(test, pairs.sources, pairs.empty, params.split.mini_test, params.split.seed)
    rows = [
        (stem, *today[stem][:2], pairs.sources[stem], pairs.parents[stem], groups[stem], subset, int(stem in shown))
        for stem, subset in split.subsets.items()
    ]
    proof = describe(pairs, split, previous, duplicates, params.split)
    # how many names say which photograph they are of; 0 leaves near-duplicates alone to tell
    proof["parents_by_name"] = sum(photographs[stem] is not None for stem in split.subsets)
    write_json(workspace.split_json, proof)
    write_csv(workspace.split_csv, pd.DataFrame(rows, columns=COLUMNS))
    print(_summary(proof))


def _by_features(
    workspace: Workspace,
    params: Params,
    hashes: Mapping[str, str],
    parents: Mapping[str, str],
    known: Sequence[NearDuplicate],
) -> list[NearDuplicate]:
    """Near-duplicates that neither names nor hashes tell."""
    groups = group_pairs(parents, [(found.one, found.other) for found in known])
    state = hashlib.sha256(fingerprint("crackflow.splitting.features.content_search").encode()).hexdigest()[:16]
    kept, times = Kept(workspace.state("split", state)), WorkerTimes()
    pairs = ResizedPairs(workspace.resized, num_classes=2)  # no mask is read
    with open_engine(workspace, params.compute, "tasks.split") as engine:
        same = same_pavement(engine, pairs, kept, groups, times)
    record_times(workspace, "split", times)
    return [
        NearDuplicate(found.one, found.other, apart(hashes[found.one], hashes[found.other]), found.turn, found.places)
        for found in same
    ]


def _summary(proof: dict[str, Any]) -> str:
    """One line for the log: the size of each subset, and what leaks."""
    parts = ", ".join(f"{subset} {count} ({count / proof['pairs']:.1%})" for subset, count in proof["subsets"].items())
    this, random = proof["leaks"]["this"], proof["leaks"]["random"]
    aside = f"; {len(proof['set_aside'])} set aside" if proof["set_aside"] else ""
    label = f" ({proof['label']})" if proof["label"] else ""
    old = proof["previous"]
    kept = (
        f"; kept of split.previous: {old['kept']} pairs, {old['renamed']} of them by another name; new: {old['new']}; "
        f"gone: {old['gone']} of its {old['earlier']}"
        if old
        else ""
    )
    unknown = "" if proof["parents_by_name"] else "; parents unknown: by content alone"
    return (
        f"{parts}; {proof['groups']} groups, {len(proof['duplicates'])} near-duplicate pairs{aside}{kept}; "
        f"test pairs that leak: {this['test_leaked']} of {this['test_pairs']}{label}, "
        f"{random['test_leaked']} of {random['test_pairs']} when split at random{unknown}"
    )
