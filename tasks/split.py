"""Stage split: which pair goes where, as a manifest and not as three folders of copies."""

import pandas as pd

from crackflow.errors import DataError
from crackflow.examples import pick_examples
from crackflow.hashing import near_duplicates
from crackflow.names import parent_of
from crackflow.params import Params
from crackflow.splitting import SUBSETS, assign_subsets, group_pairs
from tasks.outputs import write_csv
from tasks.workspace import Workspace


def run(workspace: Workspace, params: Params) -> None:
    """Write data/split.csv.

    Args:
        workspace: holds data/resized.csv.
        params: `split` alone is read.

    Raises:
        DataError: when there is no usable pair, or too few photographs for three subsets.
    """
    table = pd.read_csv(workspace.resized_csv, dtype=str, keep_default_na=False).sort_values("stem")
    usable = [row for row in table.to_dict("records") if not row["refused"]]
    if not usable:
        raise DataError(f"{workspace.resized_csv} holds no usable pair; see its column `refused` for the reasons")
    sources: dict[str, str] = {row["stem"]: row["source"] for row in usable}
    empty = {row["stem"]: float(row["crack_share"]) == 0 for row in usable}
    parents = {stem: parent_of(stem) for stem in sources}
    duplicates = near_duplicates({row["stem"]: row["phash"] for row in usable}, params.split.duplicate_distance)
    groups = group_pairs(parents, duplicates)
    subsets = assign_subsets(
        groups,
        {stem: f"{source}, crack-free" if empty[stem] else source for stem, source in sources.items()},
        params.split.shares.model_dump(),
        params.split.seed,
    )
    test = {stem: group for stem, group in groups.items() if subsets[stem] == "test"}
    shown = pick_examples(test, sources, empty, params.split.mini_test, params.split.seed)
    rows = [
        (stem, source, parents[stem], groups[stem], subsets[stem], int(stem in shown))
        for stem, source in sources.items()
    ]
    columns = ["stem", "source", "parent", "group", "subset", "mini_test"]
    write_csv(workspace.split_csv, pd.DataFrame(rows, columns=columns))
    counts = pd.Series(subsets).value_counts()
    parts = ", ".join(f"{subset} {counts[subset]} ({counts[subset] / len(rows):.1%})" for subset in SUBSETS)
    print(f"{parts}; {len(set(groups.values()))} groups, {len(duplicates)} near-duplicate pairs")
