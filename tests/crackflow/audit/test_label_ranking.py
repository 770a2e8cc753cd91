import pandas as pd
import pytest

from crackflow.audit.label_features import Measures
from crackflow.audit.label_ranking import audit_summary, ranked, same_masks

SOUND = Measures(darker=0.8, brighter=0.0, excess=1.4, covered=0.05, border=0.02, unmarked=0.0, frayed=0.0)


@pytest.fixture
def table():
    return ranked(
        {
            "b sound": SOUND,
            "a sound": SOUND,
            # (0.3 - 0.175) / (0.3 - 0.05) = 0.5
            "half gone": SOUND._replace(darker=0.175),
            "gone": SOUND._replace(darker=0.04, excess=None),
            "bright": SOUND._replace(darker=0.0, brighter=0.9),
            # (6 - 3) / (8 - 3) = 0.6
            "thick": SOUND._replace(excess=6.0),
            # (0.52 - 0.4) / (0.6 - 0.4) = 0.6, more than (0.33 - 0.3) / (0.6 - 0.3) = 0.1
            "large": SOUND._replace(covered=0.52, border=0.33),
            # never above 0.4
            "joint": SOUND._replace(unmarked=7.0),
            "empty": Measures(None, None, None, 0.0, 0.0, 0.0, None),
        }
    )


def test_scores_are_the_largest_suspicion_by_hand(table):
    rows = table.set_index("stem")
    expected = {
        "gone": (1.0, "shows nothing", "4% of it stands out"),
        "large": (0.6, "covers half", "52% of the image"),
        "thick": (0.6, "too thick", "6.0 times the core of the crack"),
        "half gone": (0.5, "shows nothing", "18% of it stands out"),
        "joint": (0.4, "unmarked lines", "7.0 sides of the image long"),
    }
    for stem, (score, reason, words) in expected.items():
        assert rows.loc[stem, "score"] == pytest.approx(score), stem
        assert rows.loc[stem, "reason"] == reason
        assert rows.loc[stem, "words"] == words
    for stem in ("a sound", "b sound", "bright", "empty"):
        assert rows.loc[stem, ["score", "reason", "words"]].tolist() == [0, "", ""]


def test_the_most_suspicious_come_first_and_names_decide_ties(table):
    assert table["stem"].iloc[0] == "gone"
    assert list(table["stem"])[3:] == ["half gone", "joint", "a sound", "b sound", "bright", "empty"]


def test_measures_are_kept(table):
    row = table.set_index("stem").loc["bright"]
    assert (row["standing_out"], row["brighter"], row["excess"]) == (0.9, 0.9, 1.4)
    assert pd.isna(table.set_index("stem").loc["empty", "standing_out"])


def test_the_summary_counts_from_half_on(table):
    table["source"] = ["road" if stem == "gone" else "wall" for stem in table["stem"]]
    table["same_mask_as"] = ["thick" if stem == "gone" else "" for stem in table["stem"]]
    found = audit_summary(table)
    assert found["labels"] == 9
    assert found["suspicious"] == 4
    assert found["reasons"] == {"shows nothing": 2, "too thick": 1, "covers half": 1, "frame": 0, "unmarked lines": 0}
    assert found["sources"] == {"road": 1, "wall": 3}
    assert found["same_mask"] == 1


def test_one_mask_in_two_groups_is_found_and_in_one_group_is_not():
    masks = {"c": 1, "a": 1, "b": 1, "d": 2, "e": 2, "f": 3}
    groups = {"a": "g1", "b": "g1", "c": "g2", "d": "g3", "e": "g3", "f": "g4"}
    assert same_masks(masks, groups) == {"a": "c", "b": "c", "c": "a"}
