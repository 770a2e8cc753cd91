import pandas as pd
import pytest

from crackflow.errors import DataError
from crackflow.params import Params, render
from tasks import split
from tasks.__main__ import main
from tasks.workspace import Workspace

PARAMS = Params.model_validate({"split": {"mini_test": 2}})


def table(workspace, rows):
    """Write data/resized.csv from (stem, source, crack share, hash, reason)."""
    columns = ["stem", "source", "crack_share", "phash", "refused"]
    frame = pd.DataFrame(rows, columns=columns).assign(given="", width="48", height="32")
    workspace.resized_csv.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(workspace.resized_csv, index=False)


def digits(number):
    """Hashes that differ in 128 bits or more from each other for the numbers 1 to 9."""
    return f"{(number * 0x9E3779B97F4A7C15F39CC0605CEDC8341082276BF3A27251F86C6A11D0C18E95) % 2**256:064x}"


def result(workspace):
    frame = pd.read_csv(workspace.split_csv, dtype=str, keep_default_na=False)
    assert list(frame.columns) == ["stem", "source", "parent", "group", "subset", "mini_test"]
    return {row["stem"]: row for row in frame.to_dict("records")}


@pytest.fixture
def workspace(tmp_path):
    """12 pairs in 6 photographs; CFD_001 and forest_001 by name, 77777 and DeepCrack_3 by their looks, are one."""
    workspace = Workspace(tmp_path)
    crops = [(f"DeepCrack_{photo}-{crop}", "DeepCrack", "0.1", digits(photo)) for photo in (1, 2, 3) for crop in (1, 2)]
    rows = [
        *crops,
        ("CFD_001", "CFD", "0.02", digits(4)),
        ("forest_001", "forest", "0.02", digits(5)),
        ("noncrack_noncrack_concrete_wall_1_1", "noncrack", "0.00000000", digits(6)),
        ("noncrack_noncrack_concrete_wall_1_2", "noncrack", "0.00000000", digits(7)),
        ("77777", "photos", "0.1", f"{int(digits(3), 16) ^ 0xFF:064x}"),
        ("88888", "photos", "0.1", digits(8)),
    ]
    table(workspace, [(*row, "") for row in rows] + [("broken", "", "", "", "is truncated")])
    return workspace


def test_each_usable_pair_has_a_row(workspace):
    split.run(workspace, PARAMS)
    found = result(workspace)
    assert len(found) == 12
    assert list(found) == sorted(found)
    assert "broken" not in found
    assert found["forest_001"] | {"subset": "", "mini_test": ""} == {
        "stem": "forest_001",
        "source": "forest",
        "parent": "CFD_001",
        "group": "CFD_001",
        "subset": "",
        "mini_test": "",
    }
    assert found["77777"]["parent"] == "77777"
    assert found["77777"]["group"] == found["DeepCrack_3-1"]["group"] == "77777"


def test_no_photograph_is_on_two_sides_and_no_subset_is_empty(workspace):
    split.run(workspace, PARAMS)
    found = result(workspace).values()
    assert len({row["group"] for row in found}) == 6
    assert len({(row["group"], row["subset"]) for row in found}) == 6
    assert {row["subset"] for row in found} == {"train", "valid", "test"}


def test_mini_test_is_of_test(workspace):
    split.run(workspace, PARAMS)
    found = result(workspace).values()
    shown = [row for row in found if row["mini_test"] == "1"]
    assert {row["subset"] for row in shown} == {"test"}
    assert len(shown) == min(2, sum(row["subset"] == "test" for row in found))
    assert {row["mini_test"] for row in found} == {"0", "1"}


def test_without_a_distance_looks_do_not_join(workspace):
    split.run(workspace, Params.model_validate({"split": {"duplicate_distance": 7}}))
    assert result(workspace)["77777"]["group"] == "77777"
    assert result(workspace)["DeepCrack_3-1"]["group"] == "DeepCrack_3"


def test_the_same_table_gives_the_same_bytes(workspace):
    split.run(workspace, PARAMS)
    before = workspace.split_csv.read_bytes()
    workspace.split_csv.unlink()
    split.run(workspace, PARAMS)
    assert workspace.split_csv.read_bytes() == before
    assert b"\r" not in before


def test_another_seed_gives_another_split(workspace):
    found = set()
    for seed in range(5):
        split.run(workspace, Params.model_validate({"split": {"seed": seed}}))
        found.add(workspace.split_csv.read_bytes())
    assert len(found) > 1


def test_too_few_photographs(workspace, monkeypatch, capsys):
    table(workspace, [(f"DeepCrack_1-{crop}", "DeepCrack", "0.1", digits(crop), "") for crop in range(1, 6)])
    (workspace.root / "params.yaml").write_text(render(PARAMS))
    monkeypatch.chdir(workspace.root)
    assert main(["split"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: split: the 5 pairs come from too few photographs: 1 when")
    assert not workspace.split_csv.exists()


def test_nothing_usable(workspace):
    table(workspace, [("broken", "", "", "", "is truncated")])
    with pytest.raises(DataError, match=r"resized\.csv holds no usable pair; see its column `refused`"):
        split.run(workspace, PARAMS)
