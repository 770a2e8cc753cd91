import pandas as pd
import pytest

from crackflow.audit.dataset_summary import by_source_and_subset, mask_files, summary, thickness_table


@pytest.fixture
def split():
    rows = [
        ("r1", "road", "g1", "train"),
        ("r2", "road", "g1", "train"),
        ("r3", "road", "g2", "test"),
        ("w1", "wall", "w1", "train"),
    ]
    return pd.DataFrame(rows, columns=["stem", "source", "group", "subset"])


@pytest.fixture
def resized():
    rows = [
        ("r1", "448", "448", "0.1", ""),
        ("r2", "448", "448", "0.3", ""),
        ("r3", "544", "384", "0.2", ""),
        ("w1", "448", "448", "0.0", ""),
        ("bad", "", "", "", "bad.jpg is truncated"),
    ]
    return pd.DataFrame(rows, columns=["stem", "width", "height", "crack_share", "rejected"])


def test_counts_by_source_and_subset_keep_empty_subsets(split):
    table = by_source_and_subset(split)
    assert list(table.columns) == ["train", "valid", "test"]
    assert table.loc["road"].tolist() == [2, 0, 1]
    assert table.loc["wall"].tolist() == [1, 0, 0]


def test_summary_by_hand(split, resized):
    found = summary(resized, split)
    assert found["pairs"] == 4
    assert found["subsets"]["train"] == {
        "pairs": 3,
        "groups": 2,
        "largest_group": 2,
        "empty_masks": 1,
        "crack_share": 0.133333,
    }
    assert found["subsets"]["valid"] == {
        "pairs": 0,
        "groups": 0,
        "largest_group": 0,
        "empty_masks": 0,
        "crack_share": None,
    }
    assert found["sources"]["road"] == {
        "pairs": 3,
        "groups": 2,
        "largest_group": 2,
        "empty_masks": 0,
        "crack_share": 0.2,
        "train": 2,
        "valid": 0,
        "test": 1,
    }
    assert found["sizes"] == {"448x448": 3, "544x384": 1}
    assert found["groups"] == {"number": 3, "largest": 2, "in_several_subsets": 0}
    assert found["rejected"] == [{"name": "bad", "reason": "bad.jpg is truncated"}]


def test_a_group_on_two_sides_is_counted(split, resized):
    split.loc[1, "subset"] = "test"
    assert summary(resized, split)["groups"]["in_several_subsets"] == 1


def test_a_stem_that_was_also_rejected_once_does_no_harm(split, resized):
    resized.loc[4, "stem"] = "r1"
    assert summary(resized, split)["pairs"] == 4


def test_greys_of_mask_files_by_hand():
    """Road: faint 0.01 of 100 x 100 and 0.04 of 200 x 100 are 100 + 800 px; crack 0.1 and 0.1 are 1000 + 2000 px."""
    rows = [
        ("road", "100", "100", "0.1", "levels", "0.01", ""),
        ("road", "200", "100", "0.1", "palette", "0.04", ""),
        ("wall", "100", "100", "0.0", "levels", "0.0", ""),
        ("", "", "", "", "", "", "bad.jpg is truncated"),
    ]
    columns = ["source", "width", "height", "crack_share", "mask_kind", "faint_share", "rejected"]
    assert mask_files(pd.DataFrame(rows, columns=columns)) == {
        "kinds": {"levels": 2, "palette": 1},
        "with_greys": 2,
        "faint_over_crack": 0.3,
        "sources": {
            "road": {"masks": 2, "with_greys": 2, "faint_over_crack": 0.3},
            "wall": {"masks": 1, "with_greys": 0, "faint_over_crack": None},
        },
    }


def test_thickness_by_hand():
    """Of 0, 1, .., 10 px, a tenth lies below 1, half below 5, nine tenths below 9; empty masks do not count."""
    thickness = {f"r{px}": float(px) for px in range(11)} | {"r empty": None, "w empty": None}
    table = thickness_table(thickness, {stem: "road" if stem[0] == "r" else "wall" for stem in thickness})
    assert list(table.index) == ["road"]
    assert table.loc["road"].tolist() == [11, 1, 5, 9]
    assert thickness_table({"w": None}, {"w": "wall"}).empty
