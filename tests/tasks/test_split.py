import hashlib
import json
import shutil

import numpy as np
import pandas as pd
import pytest

from crackflow.errors import DataError
from crackflow.imaging.images import write_png
from crackflow.params import Params, render
from tasks import split
from tasks.__main__ import main
from tasks.workspace import Workspace
from tests.crackflow.splitting.features.textures import pavement

PARAMS = Params.model_validate({"split": {"mini_test": 2}})


def table(workspace, rows):
    """Write data/resized.csv from (stem, crack share, hash, reason)."""
    columns = ["stem", "crack_share", "phash", "rejected"]
    frame = pd.DataFrame(rows, columns=columns).assign(given="", set="", width="48", height="32")
    frame["photograph"] = frame["stem"].str.replace(r"_tile\d+_\d+$", "", regex=True)
    frame["photograph_sha256"] = [hashlib.sha256(name.encode()).hexdigest() for name in frame["photograph"]]
    workspace.resized_csv.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(workspace.resized_csv, index=False)
    (workspace.root / "data/previous.csv").write_text("stem,subset\n")
    for stem, _, _, rejected in rows:
        if not rejected:
            # without texture, so that names and hashes alone tell
            write_png(workspace.resized / "images" / f"{stem}.png", np.full((8, 8, 3), 128, np.uint8))


def digits(number):
    """Hashes that differ in 128 bits or more from each other for the numbers 1 to 9."""
    return f"{(number * 0x9E3779B97F4A7C15F39CC0605CEDC8341082276BF3A27251F86C6A11D0C18E95) % 2**256:064x}"


def result(workspace):
    frame = pd.read_csv(workspace.split_csv, dtype=str, keep_default_na=False)
    assert list(frame.columns) == split.COLUMNS
    return {row["stem"]: row for row in frame.drop(columns="photograph_sha256").to_dict("records")}


@pytest.fixture
def workspace(tmp_path):
    """12 pairs in 6 photographs; CFD_001 and forest_001 by name, 77777 and DeepCrack_3 by their looks, are one."""
    workspace = Workspace(tmp_path)
    crops = [(f"DeepCrack_{photo}-{crop}", "0.1", digits(photo)) for photo in (1, 2, 3) for crop in (1, 2)]
    rows = [
        *crops,
        ("CFD_001", "0.02", digits(4)),
        ("forest_001", "0.02", digits(5)),
        ("noncrack_noncrack_concrete_wall_1_1", "0.00000000", digits(6)),
        ("noncrack_noncrack_concrete_wall_1_2", "0.00000000", digits(7)),
        ("77777", "0.1", f"{int(digits(3), 16) ^ 0xFF:064x}"),
        ("88888", "0.1", digits(8)),
    ]
    table(workspace, [(*row, "") for row in rows] + [("broken", "", "", "is truncated")])
    return workspace


def test_each_usable_pair_has_a_row(workspace):
    split.run(workspace, PARAMS)
    found = result(workspace)
    assert len(found) == 12
    assert list(found) == sorted(found)
    assert "broken" not in found
    assert found["forest_001"] | {"subset": "", "mini_test": ""} == {
        "stem": "forest_001",
        "photograph": "forest_001",
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


def cropped(workspace):
    """wall5 is a crop of the middle of wall1, turned by a quarter; neither its name nor its hash says so."""
    table(workspace, [(f"wall{photo}", "0.1", digits(photo), "") for photo in range(1, 8)])
    for photo in range(1, 8):
        grey = pavement(1, 128)[20:111, 20:111].T if photo == 5 else pavement(photo, 128)
        write_png(workspace.resized / "images" / f"wall{photo}.png", np.repeat(grey[..., None], 3, axis=2))


def test_a_crop_that_no_name_tells_is_found_by_its_features(workspace):
    cropped(workspace)
    split.run(workspace, PARAMS)
    found = result(workspace)
    assert found["wall5"]["group"] == found["wall1"]["group"] == "wall1"
    assert len({row["group"] for row in found.values()}) == 6
    (same,) = proof(workspace)["duplicates"]
    assert (same["one"], same["other"], same["turn"]) == ("wall1", "wall5", "mirrored, rotated 90, zoom 1.41")
    assert same["places"] >= 10
    assert same["bits"] > 60
    # a division that the pairs came in is not clean then
    frame = pd.read_csv(workspace.resized_csv, dtype=str, keep_default_na=False)
    frame["given"] = ["train", "valid", "train", "train", "test", "train", "train"]
    frame.to_csv(workspace.resized_csv, index=False)
    split.run(workspace, PARAMS)
    assert proof(workspace)["leaks"]["official"]["test_leaked"] == 1
    assert proof(workspace)["label"].startswith("assigned anew: 1 of 1 test pairs leak as given")


def test_without_local_features_hashes_alone_tell(workspace):
    cropped(workspace)
    split.run(workspace, Params.model_validate({"split": {"local_features": False}}))
    assert len({row["group"] for row in result(workspace).values()}) == 7
    assert proof(workspace)["duplicates"] == []


def test_who_works_changes_no_byte(workspace):
    cropped(workspace)
    found = set()
    for compute in ({"workers": 1}, {"workers": 3}):
        shutil.rmtree(workspace.root / ".crackflow", ignore_errors=True)
        split.run(workspace, Params.model_validate({"compute": compute}))
        found.add((workspace.split_csv.read_bytes(), workspace.split_json.read_bytes()))
    assert len(found) == 1


def test_another_seed_gives_another_split(workspace):
    found = set()
    for seed in range(5):
        split.run(workspace, Params.model_validate({"split": {"seed": seed}}))
        found.add(workspace.split_csv.read_bytes())
    assert len(found) > 1


def test_too_few_photographs(workspace, monkeypatch, capsys):
    table(workspace, [(f"DeepCrack_1-{crop}", "0.1", digits(crop), "") for crop in range(1, 6)])
    (workspace.root / "params.yaml").write_text(render(PARAMS))
    monkeypatch.chdir(workspace.root)
    assert main(["split"]) == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.startswith("error: split: the 5 pairs come from too few photographs: 1 when")
    assert not workspace.split_csv.exists()


def test_nothing_usable(workspace):
    table(workspace, [("broken", "", "", "is truncated")])
    with pytest.raises(DataError, match=r"resized\.csv holds no usable pair; see its column `rejected`"):
        split.run(workspace, PARAMS)


def proof(workspace):
    return json.loads(workspace.split_json.read_text())


def test_the_proof_beside_the_manifest(workspace):
    split.run(workspace, PARAMS)
    found = proof(workspace)
    manifest = result(workspace)
    assert found["protocol"] == "auto"
    assert found["pairs"] == 12
    # all but 77777 and 88888
    assert found["parents_by_name"] == 10
    assert found["groups"] == 6
    assert found["subsets"] == {
        name: sum(row["subset"] == name for row in manifest.values()) for name in ("train", "valid", "test")
    }
    assert {name: (of["pairs"], of["groups"], of["largest"]) for name, of in found["groups_by_source"].items()} == {
        "CFD": (1, 1, 1),
        "DeepCrack": (6, 3, 2),
        "forest": (1, 1, 1),
        "noncrack": (2, 1, 2),
        "photos": (2, 2, 1),
    }
    subset = {stem: row["subset"] for stem, row in manifest.items()}
    # both crops of a photograph have one hash here, so the three photographs are near-duplicates within, too
    same = {(found["one"], found["other"]): found for found in found["duplicates"]}
    assert same["77777", "DeepCrack_3-1"] == {
        "one": "77777",
        "other": "DeepCrack_3-1",
        "bits": 8,
        "turn": "same",
        "places": 0,
        "same_parent": False,
        "subsets": [subset["77777"], subset["DeepCrack_3-1"]],
    }
    assert same["DeepCrack_1-1", "DeepCrack_1-2"]["same_parent"]
    this, random = found["leaks"]["this"], found["leaks"]["random"]
    assert (this["test_leaked"], this["parents_across"], this["duplicates_across"], this["share"]) == (0, 0, 0, 0)
    assert this["test_pairs"] == found["subsets"]["test"]
    assert random["share"] > 0.4
    assert found["leaks"]["official"] is None
    assert found["previous"] is None
    assert found["set_aside"] == []


def test_which_crops_belong_together_and_their_sources_are_parameters(workspace, capsys):
    rows = [(f"wall{photo}_cut{crop}", "0.1", digits(photo), "") for photo in range(1, 8) for crop in (1, 2)]
    table(workspace, rows)
    names = {"parents": [r"(?P<photo>wall\d)_cut"], "sources": [r"(?P<source>wall\d)"], "duplicate_distance": 0}
    split.run(workspace, Params.model_validate({"split": names}))
    found = result(workspace)
    assert found["wall3_cut2"] | {"subset": "", "mini_test": ""} == {
        "stem": "wall3_cut2",
        "photograph": "wall3_cut2",
        "source": "wall3",
        "parent": "wall3",
        "group": "wall3",
        "subset": "",
        "mini_test": "",
    }
    assert proof(workspace)["parents_by_name"] == 14
    assert "parents unknown" not in capsys.readouterr().out


def test_parts_of_a_photograph_stay_together_and_have_its_source(workspace):
    """Their looks differ, and no pattern of `parents` fits a name without a digit."""
    names = ["wall", "road", "deck", "pier", "slab", "kerb", "dam"]
    rows = [
        (f"{name}_tile0_{part}", "0.1", digits(2 * number + part), "")
        for number, name in enumerate(names, 1)
        for part in (0, 1)
    ]
    table(workspace, rows)
    split.run(workspace, Params.model_validate({"split": {"duplicate_distance": 0}}))
    found = result(workspace)
    for name in names:
        one, other = found[f"{name}_tile0_0"], found[f"{name}_tile0_1"]
        assert one["subset"] == other["subset"]
        assert {one["photograph"], one["parent"], other["group"]} == {name}


def test_a_photograph_that_is_cut_now_keeps_its_subset(workspace):
    table(workspace, [(f"wall{n}_tile0_{part}", "0.1", digits(n), "") for n in range(1, 8) for part in (0, 1)])
    (workspace.root / "data/previous.csv").write_text("stem,subset\nwall1,test\nwall2,valid\ngone,train\n")
    split.run(workspace, PARAMS)
    found = result(workspace)
    assert {found[f"wall1_tile0_{part}"]["subset"] for part in (0, 1)} == {"test"}
    assert {found[f"wall2_tile0_{part}"]["subset"] for part in (0, 1)} == {"valid"}
    previous = proof(workspace)["previous"]
    assert (previous["kept"], previous["gone"], previous["new"]) == (4, 1, 10)


@pytest.mark.parametrize("columns", [split.COLUMNS, ["stem", "subset"]], ids=["data/split.csv", "stem and subset"])
def test_photographs_that_were_cut_and_are_whole_now_keep_their_subset(workspace, capsys, columns):
    """resize.mode goes from tile to stretch: each photograph of test would be a new pair, free to go to train."""
    rows = [(f"wall{n}_tile0_{part}", "0.1", digits(n + 9 * part), "") for n in range(1, 10) for part in (0, 1)]
    table(workspace, rows)
    split.run(workspace, PARAMS)
    before = {row["photograph"]: row["subset"] for row in result(workspace).values()}
    earlier = pd.read_csv(workspace.split_csv, dtype=str)[columns]
    table(workspace, [(f"wall{n}", "0.1", digits(n + 18), "") for n in range(1, 11)])
    earlier.to_csv(workspace.root / "data/previous.csv", index=False)
    for seed in range(5):
        split.run(workspace, Params.model_validate({"split": {"mini_test": 2, "seed": seed}}))
        after = {stem: row["subset"] for stem, row in result(workspace).items()}
        assert {name: after[name] for name in before} == before
    previous = proof(workspace)["previous"]
    assert [previous[name] for name in ("earlier", "kept", "renamed", "new", "gone")] == [18, 9, 9, 1, 0]
    words = "; kept of split.previous: 9 pairs, 9 of them by another name; new: 1; gone: 0 of its 18; "
    assert words in capsys.readouterr().out


def test_a_photograph_whose_parts_were_in_several_subsets_is_set_aside_when_it_is_whole(workspace):
    table(workspace, [(f"wall{n}", "0.1", digits(n), "") for n in range(1, 8)])
    (workspace.root / "data/previous.csv").write_text("stem,subset\nwall1_tile0_0,train\nwall1_tile0_1,test\n")
    split.run(workspace, PARAMS)
    assert "wall1" not in result(workspace)
    (aside,) = proof(workspace)["set_aside"]
    assert aside["name"] == "wall1"
    assert "wall1_tile0_0 of train and wall1_tile0_1 of test" in aside["reason"]


def test_names_that_tell_nothing_are_said(workspace, capsys):
    table(workspace, [(f"wall{photo}", "0.1", digits(photo), "") for photo in range(1, 8)])
    split.run(workspace, PARAMS)
    assert proof(workspace)["parents_by_name"] == 0
    assert capsys.readouterr().out.rstrip().endswith("when split at random; parents unknown: by content alone")


def test_an_earlier_split_is_kept(workspace, capsys):
    (workspace.root / "data/previous.csv").write_text(
        "stem,subset\nDeepCrack_1-1,test\nDeepCrack_2-1,valid\n77777,train\n88888,test\ngone,train\n"
    )
    split.run(workspace, PARAMS)
    found = {stem: row["subset"] for stem, row in result(workspace).items()}
    assert {stem: found[stem] for stem in ("DeepCrack_1-2", "DeepCrack_2-2", "DeepCrack_3-1", "88888")} == {
        "DeepCrack_1-2": "test",
        "DeepCrack_2-2": "valid",
        "DeepCrack_3-1": "train",
        "88888": "test",
    }
    previous = proof(workspace)["previous"]
    assert {**previous, "new_subsets": sum(previous["new_subsets"].values())} == {
        "earlier": 5,
        "kept": 4,
        "renamed": 0,
        "gone": 1,
        "new": 8,
        "new_subsets": 8,
    }


def test_a_pair_between_two_subsets_is_set_aside_and_reported(workspace, capsys):
    (workspace.root / "data/previous.csv").write_text("stem,subset\nDeepCrack_3-2,test\n77777,train\n")
    split.run(workspace, PARAMS)
    assert "DeepCrack_3-1" not in result(workspace)
    found = proof(workspace)
    assert found["pairs"] == 11
    reason = "belongs with 77777 of train and DeepCrack_3-2 of test; split.previous keeps both where they are"
    assert found["set_aside"] == [{"name": "DeepCrack_3-1", "reason": reason}]
    # the two old pairs look alike: they stay, and are counted
    assert found["leaks"]["this"]["duplicates_across"] == 1
    assert found["leaks"]["this"]["test_leaked"] == 1
    assert ["train", "test"] in [pair["subsets"] for pair in found["duplicates"]]
    assert ["train", ""] in [pair["subsets"] for pair in found["duplicates"]]
    words = (
        "; 1 set aside; kept of split.previous: 2 pairs, 0 of them by another name; new: 9; gone: 0 of its 2; test pa"
    )
    assert f"{words}irs that leak: 1 of " in capsys.readouterr().out


def test_official_and_what_it_leaks(workspace):
    frame = pd.read_csv(workspace.resized_csv, dtype=str, keep_default_na=False)
    frame["given"] = ["test" if stem.endswith("-2") else "train" for stem in frame.stem]
    frame.to_csv(workspace.resized_csv, index=False)
    split.run(workspace, Params.model_validate({"split": {"protocol": "official"}}))
    found = proof(workspace)
    assert found["label"] == "leaky: the subsets that the data came with"
    # DeepCrack_1-2, _2-2 and _3-2 each have their first crop in train or valid; 77777 looks like DeepCrack_3
    leaked = {
        "test_pairs": 3,
        "test_sharing_parent": 3,
        "test_with_duplicate": 3,
        "test_leaked": 3,
        "share": 1.0,
        "parents_across": 3,
        "duplicates_across": 4,
    }
    assert found["leaks"]["official"] == leaked
    assert {key: found["leaks"]["this"][key] for key in list(leaked)[:5]} == dict(list(leaked.items())[:5])


def test_a_division_that_leaks_is_said_and_assigned_anew(workspace, capsys):
    frame = pd.read_csv(workspace.resized_csv, dtype=str, keep_default_na=False)
    split.run(workspace, PARAMS)
    without = workspace.split_csv.read_text()
    frame["given"] = ["test" if stem.endswith("-2") else "train" for stem in frame.stem]
    frame.to_csv(workspace.resized_csv, index=False)
    capsys.readouterr()
    split.run(workspace, PARAMS)
    label = "assigned anew: 3 of 3 test pairs leak as given; 3 photographs and 4 near-duplicates are in several subsets"
    assert proof(workspace)["label"] == label
    assert f"({label})" in capsys.readouterr().out
    assert workspace.split_csv.read_text() == without


def test_a_wrong_file_is_one_line(workspace, monkeypatch, capsys):
    (workspace.root / "data/previous.csv").write_text("stem,subset\n77777,training\n")
    (workspace.root / "params.yaml").write_text(render(PARAMS))
    monkeypatch.chdir(workspace.root)
    assert main(["split"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("error: split: split.previous ")
    assert said.endswith(
        "line 2: the subset of 77777 is 'training'; expected one of train, valid, test, foreign_valid, foreign_test\n"
    )
    assert not workspace.split_csv.exists()
