"""What a set of pairs holds: how many of which source in which subset, how much crack, what was left out."""

from typing import Any

import pandas as pd

from crackflow.splitting import SUBSETS


def by_source_and_subset(split: pd.DataFrame) -> pd.DataFrame:
    """Count pairs.

    Args:
        split: columns source and subset, a row a pair.

    Returns:
        A row a source (the index, sorted), a column for each of SUBSETS, in that order.
    """
    return pd.crosstab(split["source"], split["subset"]).reindex(columns=list(SUBSETS), fill_value=0)


def summary(resized: pd.DataFrame, split: pd.DataFrame) -> dict[str, Any]:
    """Describe the pairs.

    Args:
        resized: columns stem, width, height, crack_share (0..1) and refused (empty, or the reason), all text.
        split: columns stem, source, group and subset, a row a usable pair.

    Returns:
        JSON values: `pairs`; `subsets` and `sources`, each with pairs, groups, empty_masks and the mean crack_share;
        `sizes` before resizing; `groups` with their number, the largest, and how many lie in several subsets, which
        is 0 unless the split is wrong; `refused` names and reasons.
    """
    usable = resized[resized["refused"] == ""]
    used = split.merge(usable[["stem", "width", "height", "crack_share"]], on="stem", validate="one_to_one")
    used["crack_share"] = used["crack_share"].astype(float)
    sizes = (used["width"] + "x" + used["height"]).value_counts()
    spread_over = used.groupby("group")["subset"].nunique()
    table = by_source_and_subset(split)
    refused = resized[resized["refused"] != ""].sort_values("stem")
    return {
        "pairs": len(used),
        "subsets": {subset: _described(used[used["subset"] == subset]) for subset in SUBSETS},
        "sources": {
            str(source): _described(used[used["source"] == source]) | {s: int(row[s]) for s in SUBSETS}
            for source, row in table.iterrows()
        },
        "sizes": {size: int(sizes[size]) for size in sorted(sizes.index)},
        "groups": {
            "number": len(spread_over),
            "largest": int(used["group"].value_counts().max()) if len(used) else 0,
            "in_several_subsets": int((spread_over > 1).sum()),
        },
        "refused": [
            {"name": name, "reason": reason} for name, reason in zip(refused["stem"], refused["refused"], strict=True)
        ],
    }


def _described(pairs: pd.DataFrame) -> dict[str, Any]:
    return {
        "pairs": len(pairs),
        "groups": int(pairs["group"].nunique()),
        "empty_masks": int((pairs["crack_share"] == 0).sum()),
        "crack_share": round(float(pairs["crack_share"].mean()), 6) if len(pairs) else None,
    }
