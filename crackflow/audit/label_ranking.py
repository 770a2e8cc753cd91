"""Rank labels by how wrong they look, so that people look at the first few; no label is changed or left out.

Each measure (crackflow.audit.label_features) becomes a suspicion: 0 up to a normal value, its weight from a wrong value
on, and a straight line between the two. A label's score is the largest of its suspicions, and its reason is that one's
name. So of two labels with the reason `too thick`, the one with the larger excess comes first. The values were chosen
by looking at the first 24 of each measure among 1,758 real pairs; docs/explanation/labels.md says what was seen.
"""

from collections.abc import Hashable, Mapping
from typing import Any, NamedTuple

import pandas as pd

from crackflow.audit.label_features import Measures

SUSPICIOUS = 0.5
"""A label with at least this score is counted as suspicious."""


class Rule(NamedTuple):
    """How one measure becomes a suspicion.

    Attributes:
        reason: its name.
        measure: a column of `ranked`.
        normal: up to this value there is no suspicion.
        wrong: a value that hardly any right label has.
        weight: the suspicion at `wrong` and beyond it.
        words: the value as text.
    """

    reason: str
    measure: str
    normal: float
    wrong: float
    weight: float
    words: str


RULES = (
    Rule("shows nothing", "standing_out", 0.30, 0.05, 1.0, "{:.0%} of it stands out"),
    Rule("too thick", "excess", 3.0, 8.0, 1.0, "{:.1f} times the core of the crack"),
    Rule("covers half", "covered", 0.4, 0.6, 1.0, "{:.0%} of the image"),
    Rule("frame", "border", 0.3, 0.6, 1.0, "{:.0%} of the image's border"),
    # Joints and stains are lines too, and most of what this finds is right, so its weight is below SUSPICIOUS.
    Rule("unmarked lines", "unmarked", 0.1, 1.0, 0.4, "{:.1f} sides of the image long"),
)


def ranked(measures: Mapping[str, Measures]) -> pd.DataFrame:
    """Put the labels that look most wrong first.

    Args:
        measures: of each label, by stem.

    Returns:
        A row a label, by falling score and then by stem: stem, score (0..1), reason (empty where the score is 0), words
        (the reason's measure), then the measures, and `standing_out`, the larger of darker and brighter. NaN where a
        measure is undefined.
    """
    table = pd.DataFrame(list(measures.values()), columns=list(Measures._fields), index=list(measures), dtype=float)
    table["standing_out"] = table[["darker", "brighter"]].max(axis=1)
    suspicions = pd.DataFrame(
        {rule.reason: (table[rule.measure] - rule.normal) / (rule.wrong - rule.normal) for rule in RULES}
    )
    suspicions = suspicions.clip(0, 1).fillna(0.0) * [rule.weight for rule in RULES]
    table.insert(0, "score", suspicions.max(axis=1))
    table.insert(1, "reason", suspicions.idxmax(axis=1).where(table["score"] > 0, ""))
    table.insert(2, "words", "")
    for rule in RULES:
        rows = table["reason"] == rule.reason
        table.loc[rows, "words"] = table.loc[rows, rule.measure].map(rule.words.format)
    return table.rename_axis("stem").reset_index().sort_values(["score", "stem"], ascending=[False, True])


def same_masks(masks: Mapping[str, Hashable], groups: Mapping[str, str]) -> dict[str, str]:
    """Find masks that two photographs have; for one of them the mask must be wrong.

    Args:
        masks: what identifies each mask that shows a crack, for instance a digest of its pixels, by stem.
        groups: group by stem; pairs of one group may have the same mask.

    Returns:
        For each stem whose mask is also that of a pair in another group, the first such stem.
    """
    holders: dict[Hashable, list[str]] = {}
    for stem in sorted(masks):
        holders.setdefault(masks[stem], []).append(stem)
    found = {}
    for stem, mask in masks.items():
        others = [other for other in holders[mask] if groups[other] != groups[stem]]
        if others:
            found[stem] = others[0]
    return found


def audit_summary(labels: pd.DataFrame) -> dict[str, Any]:
    """Count the suspicious labels.

    Args:
        labels: as `ranked` gives it, with the columns source and same_mask_as (empty where no other pair has it).

    Returns:
        JSON values: `labels`, `suspicious` (a score of SUSPICIOUS or more), those by reason and by source, and the
        labels with a `same_mask`.
    """
    suspicious = labels[labels["score"] >= SUSPICIOUS]
    reasons, sources = suspicious["reason"].value_counts(), suspicious["source"].value_counts()
    return {
        "labels": len(labels),
        "from_score": SUSPICIOUS,
        "suspicious": len(suspicious),
        "reasons": {rule.reason: int(reasons.get(rule.reason, 0)) for rule in RULES},
        "sources": {source: int(sources[source]) for source in sorted(sources.index)},
        "same_mask": int((labels["same_mask_as"] != "").sum()),
    }
