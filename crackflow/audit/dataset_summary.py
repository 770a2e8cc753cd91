"""What a set of pairs holds: how many of which source in which subset, how much crack, how its masks were drawn."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from crackflow.splitting.foreign import FOREIGN
from crackflow.splitting.grouping import SUBSETS


def by_source_and_subset(split: pd.DataFrame) -> pd.DataFrame:
    """Count pairs.

    Args:
        split: columns source and subset, a row a pair.

    Returns:
        A row a source (the index, sorted), a column for each of SUBSETS, in that order, and for each foreign subset
        that there is.
    """
    return pd.crosstab(split["source"], split["subset"]).reindex(columns=_subsets(split), fill_value=0)


def _subsets(split: pd.DataFrame) -> list[str]:
    return [*SUBSETS, *(subset for subset in FOREIGN if (split["subset"] == subset).any())]


def summary(resized: pd.DataFrame, split: pd.DataFrame) -> dict[str, Any]:
    """Describe the pairs.

    Args:
        resized: columns stem, width, height, crack_share (0..1) and rejected (empty, or the reason), all text.
        split: columns stem, source, group and subset, a row a usable pair.

    Returns:
        JSON values: `pairs`; `subsets` and `sources`, each with pairs, groups, largest_group, empty_masks and the mean
        crack_share; `sizes` before resizing; `groups` with their number, the largest, and how many lie in several
        subsets; `rejected` names and reasons.
    """
    usable = resized[resized["rejected"] == ""]
    used = split.merge(usable[["stem", "width", "height", "crack_share"]], on="stem", validate="one_to_one")
    used["crack_share"] = used["crack_share"].astype(float)
    sizes = (used["width"] + "x" + used["height"]).value_counts()
    spread_over = used.groupby("group")["subset"].nunique()
    table = by_source_and_subset(split)
    rejected = resized[resized["rejected"] != ""].sort_values("stem")
    return {
        "pairs": len(used),
        "subsets": {subset: _described(used[used["subset"] == subset]) for subset in table.columns},
        "sources": {
            str(source): _described(used[used["source"] == source]) | {s: int(row[s]) for s in table.columns}
            for source, row in table.iterrows()
        },
        "sizes": {size: int(sizes[size]) for size in sorted(sizes.index)},
        "groups": {
            "number": len(spread_over),
            "largest": _largest_group(used),
            "in_several_subsets": int((spread_over > 1).sum()),
        },
        "rejected": [
            {"name": name, "reason": reason}
            for name, reason in zip(rejected["stem"], rejected["rejected"], strict=True)
        ],
    }


def mask_files(resized: pd.DataFrame) -> dict[str, Any]:
    """Say how the files held the masks.

    Args:
        resized: columns source, width, height, crack_share, mask_kind, faint_share (0..1) and rejected, all text.

    Returns:
        JSON values: `kinds`, masks by kind; `with_greys`, how many hold levels between those of the classes;
        `faint_over_crack`, the area that reads as background though it is not black, over the crack's area: what taking
        every level above 0 for crack would add (None without a crack); and by source the last two and `masks`.
    """
    usable = resized[resized["rejected"] == ""]
    area = usable["width"].astype(float) * usable["height"].astype(float)
    table = pd.DataFrame(
        {
            "source": usable["source"],
            "faint": usable["faint_share"].astype(float) * area,
            "crack": usable["crack_share"].astype(float) * area,
        }
    )
    kinds = usable["mask_kind"].value_counts()
    return {
        "kinds": {kind: int(kinds[kind]) for kind in sorted(kinds.index)},
        **_greys(table),
        "sources": {str(source): {"masks": len(rows)} | _greys(rows) for source, rows in table.groupby("source")},
    }


def thickness_table(thickness: Mapping[str, float | None], sources: Mapping[str, str]) -> pd.DataFrame:
    """Say how thick each source draws.

    Args:
        thickness: of each mask, px, by stem; None where it is empty.
        sources: source by stem.

    Returns:
        A row a source that has any crack (the index, sorted): masks (with a crack), p10, median and p90 of them, px.
    """
    drawn = pd.DataFrame(
        [(sources[stem], value) for stem, value in thickness.items() if value is not None], columns=["source", "px"]
    ).astype({"px": float})
    grouped = drawn.groupby("source")["px"]
    columns = {
        "masks": grouped.size(),
        **{name: grouped.quantile(q) for name, q in (("p10", 0.1), ("median", 0.5), ("p90", 0.9))},
    }
    return pd.DataFrame(columns)


def _greys(table: pd.DataFrame) -> dict[str, Any]:
    crack = float(table["crack"].sum())
    return {
        "with_greys": int((table["faint"] > 0).sum()),
        "faint_over_crack": round(float(table["faint"].sum()) / crack, 4) if crack else None,
    }


def _described(pairs: pd.DataFrame) -> dict[str, Any]:
    return {
        "pairs": len(pairs),
        "groups": int(pairs["group"].nunique()),
        "largest_group": _largest_group(pairs),
        "empty_masks": int((pairs["crack_share"] == 0).sum()),
        "crack_share": round(float(pairs["crack_share"].mean()), 6) if len(pairs) else None,
    }


def _largest_group(pairs: pd.DataFrame) -> int:
    return int(pairs["group"].value_counts().max()) if len(pairs) else 0
