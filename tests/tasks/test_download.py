import hashlib
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from crackflow.errors import DataError
from crackflow.params import Params, render
from tasks import download
from tasks.__main__ import main
from tasks.workspace import Workspace


def params_of(**data):
    return Params.model_validate({"data": data})


def photos(folder, *stems, given=""):
    for stem in stems:
        for kind, level in (("images", 90), ("masks", 255)):
            target = folder / given / kind / f"{stem}.png"
            target.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((8, 8), level - len(stem), np.uint8)).save(target)
    return folder


def packed(source, *broken):
    """A zip of a folder and of broken files in it, beside it."""
    archive = source.with_suffix(".zip")
    with zipfile.ZipFile(archive, "w") as opened:
        for path in source.rglob("*.*"):
            opened.write(path, path.relative_to(source.parent))
        for name in broken:
            opened.writestr(f"{source.name}/{name}", b"x")
    return archive


def listed(workspace):
    table = pd.read_csv(workspace.raw / "pairs.csv", dtype=str, keep_default_na=False)
    return [tuple(row) for row in table.itertuples(index=False)]


def record(workspace):
    return json.loads(workspace.raw_json.read_text())


@pytest.fixture
def workspace(tmp_path):
    return Workspace(tmp_path / "workspace")


def test_a_folder_is_copied_as_it_is(workspace, tmp_path):
    source = photos(tmp_path / "photos", "11111", "b")
    (source / "images/c.jpg").write_bytes(b"no mask")
    download.run(workspace, params_of(source="folder", path=str(source), max_rejected=0.5))
    assert listed(workspace) == [("11111", "11111.png", "11111.png", "", ""), ("b", "b.png", "b.png", "", "")]
    copies = [workspace.raw / kind / f"{stem}.png" for stem in ("11111", "b") for kind in ("images", "masks")]
    originals = [source / path.relative_to(workspace.raw) for path in copies]
    for copy, original in zip(copies, originals, strict=True):
        assert copy.read_bytes() == original.read_bytes()
        assert not copy.samefile(original)
    digests = b"".join(hashlib.sha256(path.read_bytes()).digest() for path in originals)
    assert record(workspace) == {
        "source": "folder",
        "origin": f"the folder {source}",
        "version": None,
        "path": str(source),
        "pairs": 2,
        "given": {},
        "bytes": sum(path.stat().st_size for path in originals),
        "sha256": hashlib.sha256(digests).hexdigest(),
        "rejected": [{"name": "c", "reason": "no mask for image images/c.jpg"}],
        "ignored": [],
    }
    assert sorted(path.name for path in (workspace.root / "data").iterdir()) == ["raw", "raw.json"]
    assert list((workspace.root / ".crackflow/state/download").iterdir()) == []


def test_a_path_is_relative_to_the_workspace(workspace):
    photos(workspace.root / "mine", "a")
    download.run(workspace, params_of(source="folder", path="mine"))
    assert record(workspace)["path"] == "mine"


def test_a_zip_with_given_subsets(workspace, tmp_path):
    photos(tmp_path / "set", "a", given="train")
    photos(tmp_path / "set", "bb", "ccc", given="test")
    workspace.root.mkdir()
    with zipfile.ZipFile(workspace.root / "set.zip", "w") as archive:
        for path in (tmp_path / "set").rglob("*.png"):
            archive.write(path, path.relative_to(tmp_path))
    download.run(workspace, params_of(source="folder", path="set.zip"))
    assert [(stem, given) for stem, _, _, given, _ in listed(workspace)] == [
        ("a", "train"),
        ("bb", "test"),
        ("ccc", "test"),
    ]
    assert record(workspace)["given"] == {"test": 2, "train": 1}
    assert (workspace.raw / "masks/bb.png").read_bytes() == (tmp_path / "set/test/masks/bb.png").read_bytes()
    assert list((workspace.root / ".crackflow/state/download").iterdir()) == []


def test_two_sets_one_linked_and_one_zipped(workspace, tmp_path):
    photos(tmp_path / "elsewhere", "1", "CFD_001", given="train")
    photos(tmp_path / "roads", "1", "22")
    sets = tmp_path / "sets"
    sets.mkdir()
    (sets / "walls").symlink_to("../elsewhere")
    packed(tmp_path / "roads", "notes.txt").rename(sets / "roads.zip")
    download.run(workspace, params_of(source="folder", path=str(sets)))
    assert listed(workspace) == [
        ("22", "22.png", "22.png", "", "roads"),
        ("CFD_001", "CFD_001.png", "CFD_001.png", "train", "walls"),
        ("roads_1", "roads_1.png", "roads_1.png", "", "roads"),
        ("walls_1", "walls_1.png", "walls_1.png", "train", "walls"),
    ]
    for stem, original in (("roads_1", "roads/masks/1.png"), ("walls_1", "elsewhere/train/masks/1.png")):
        assert (workspace.raw / f"masks/{stem}.png").read_bytes() == (tmp_path / original).read_bytes()
    assert len(list((tmp_path / "elsewhere").rglob("*.png"))) == 4
    assert list((workspace.root / ".crackflow/state/download").iterdir()) == []
    [roads, walls] = record(workspace)["sets"]

    def checksum(folder, *stems):
        """Of each pair the two SHA-256, image first; sorted, one after the other, and hashed again."""
        files = [[folder / kind / f"{stem}.png" for kind in ("images", "masks")] for stem in stems]
        sums = [b"".join(hashlib.sha256(file.read_bytes()).digest() for file in pair) for pair in files]
        return hashlib.sha256(b"".join(sorted(sums))).hexdigest()

    shared = {"pairs": 2, "renamed": 1}
    sums = checksum(tmp_path / "roads", "1", "22"), checksum(tmp_path / "elsewhere/train", "1", "CFD_001")
    assert roads == {"name": "roads", **shared, "path": "roads.zip", "link": None, "sha256": sums[0]}
    assert walls == {"name": "walls", **shared, "path": "walls", "link": "../elsewhere", "sha256": sums[1]}
    ignored = [{"reason": "is not an image file", "count": 1, "names": ["roads/roads/notes.txt"]}]
    assert record(workspace)["ignored"] == ignored


def test_a_bad_set_stops_the_stage_and_is_named(workspace, tmp_path):
    photos(tmp_path / "sets/walls", "a")
    (tmp_path / "sets/roads.zip").write_text("no zip")
    with pytest.raises(DataError, match=r"sets/roads\.zip is damaged or not a zip"):
        download.run(workspace, params_of(source="folder", path=str(tmp_path / "sets")))
    assert not workspace.raw.exists()


def test_ignored_files_are_counted_by_reason_and_not_as_rejected(workspace, tmp_path):
    source = photos(tmp_path / "set", "a", "bb")
    for i in range(7):
        (source / f"images/note{i}.txt").write_text("x")
    (source / "README.md").write_text("x")
    archive = packed(source, ".hidden.png", "images/A.PNG")
    # a.png and A.PNG are set aside with one another, and a's mask is left alone
    download.run(workspace, params_of(source="folder", path=str(archive), max_rejected=0.5))
    assert [stem for stem, *_ in listed(workspace)] == ["bb"]
    assert record(workspace)["rejected"] == [{"name": "a", "reason": "no image for mask set/masks/a.png"}]
    assert record(workspace)["ignored"] == [
        {"reason": "is a hidden or OS metadata file", "count": 1, "names": ["set/.hidden.png"]},
        {
            "reason": "is not an image file",
            "count": 8,
            "names": ["set/README.md", *(f"set/images/note{i}.txt" for i in range(4))],
        },
        {
            "reason": "is one of 2 files whose names are the same or differ only in case or accents",
            "count": 2,
            "names": ["set/images/A.PNG", "set/images/a.png"],
        },
    ]


def test_a_pair_of_which_both_files_were_left_out_counts_as_rejected(workspace, tmp_path):
    source = photos(tmp_path / "set", "a", "bb")
    archive = packed(source, "images/A.PNG", "masks/A.PNG")
    reason = "is one of 2 files whose names are the same or differ only in case or accents"
    download.run(workspace, params_of(source="folder", path=str(archive), max_rejected=0.5))
    assert [stem for stem, *_ in listed(workspace)] == ["bb"]
    [rejected] = record(workspace)["rejected"]
    assert rejected["name"] in "aA"
    assert rejected["reason"].endswith(reason)
    with pytest.raises(DataError, match=r"1 of 2 pairs \(50.0%\) can't be used, at most 40.0% may be"):
        download.run(workspace, params_of(source="folder", path=str(archive), max_rejected=0.4))


def test_the_limits_of_an_archive_are_those_of_the_parameters(workspace, tmp_path):
    source = photos(tmp_path / "set", "a")
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as opened:
        opened.write(source / "images/a.png", "images/a.png")
    params = params_of(source="folder", path=str(tmp_path / "set.zip"), archive={"max_gib": 1e-9})
    with pytest.raises(DataError, match=r"set\.zip unpacks to 0\.000 GiB or more, expected at most 1e-09"):
        download.run(workspace, params)


def test_photographs_and_masks_side_by_side_become_pairs(workspace, tmp_path):
    source = tmp_path / "set"
    source.mkdir()
    for name in ("a.jpg", "a.png", "b.jpg.jpg", "b_mask.PNG"):
        Image.fromarray(np.full((8, 8), len(name), np.uint8)).save(source / name)
    download.run(workspace, params_of(source="folder", path=str(source)))
    assert listed(workspace) == [("a", "a.jpg", "a.png", "", ""), ("b", "b.jpg", "b.PNG", "", "")]
    assert (workspace.raw / "masks/b.PNG").read_bytes() == (source / "b_mask.PNG").read_bytes()


def test_the_sample_is_made_and_patterns_select_from_it(workspace):
    params = params_of(source="sample", sample={"images": 12, "size": 64}, exclude=["noncrack*"])
    download.run(workspace, params)
    stems = [stem for stem, *_ in listed(workspace)]
    assert 0 < len(stems) < 12
    assert not any(stem.startswith("noncrack") for stem in stems)
    assert record(workspace)["source"] == "sample"
    assert record(workspace)["path"] is None
    assert record(workspace)["version"] == "64 px, seed 7"
    before = record(workspace)
    download.run(workspace, params)
    assert record(workspace) == before


def test_kaggle_is_taken_from_its_cache_and_the_cache_is_unchanged(workspace, tmp_path, monkeypatch):
    place = tmp_path / "cache/datasets/owner/cracks"
    photos(place / "versions/4/crack_segmentation_dataset", "a", "bb")
    photos(place / "versions/4/crack_segmentation_dataset", "a", given="test")
    (place / "4.complete").touch()
    monkeypatch.setenv("KAGGLEHUB_CACHE", str(tmp_path / "cache"))
    download.run(workspace, params_of(source="kaggle", kaggle={"handle": "owner/cracks", "version": 4}))
    assert [(stem, given) for stem, _, _, given, _ in listed(workspace)] == [("a", "test"), ("bb", "")]
    assert (record(workspace)["path"], record(workspace)["version"]) == ("owner/cracks", 4)
    assert len(list(place.rglob("*.png"))) == 6


def test_what_was_there_before_is_gone(workspace, tmp_path):
    params = params_of(source="folder", path=str(tmp_path / "photos"))
    download.run(workspace, params_of(source="folder", path=str(photos(tmp_path / "first", "old"))))
    photos(tmp_path / "photos", "new")
    download.run(workspace, params)
    assert sorted(path.name for path in workspace.raw.rglob("*.png")) == ["new.png", "new.png"]


def test_a_failure_leaves_what_was_there(workspace, tmp_path):
    source = photos(tmp_path / "photos", "a", "bb")
    params = params_of(source="folder", path=str(source))
    download.run(workspace, params)
    before = record(workspace)
    (source / "masks/bb.png").unlink()
    with pytest.raises(DataError, match=r"1 of 2 pairs \(50\.0%\).*bb: no mask for image images/bb\.png"):
        download.run(workspace, params)
    assert record(workspace) == before
    assert len(listed(workspace)) == 2


@pytest.mark.parametrize(
    ("prepare", "message"),
    [
        (lambda root: None, "mine is not a folder; expected images/ and masks/"),
        (lambda root: (root / "mine").mkdir(), "mine holds nothing; expected images/ and masks/"),
        (lambda root: (root / "mine").write_text("x"), "mine is damaged or not a zip"),
        (lambda root: (root / "mine/images").mkdir(parents=True), "mine holds images; expected images/ and masks/"),
    ],
)
def test_the_stage_says_what_is_wrong_and_writes_nothing(workspace, monkeypatch, capsys, prepare, message):
    workspace.root.mkdir()
    prepare(workspace.root)
    (workspace.root / "params.yaml").write_text(render(params_of(source="folder", path="mine")))
    monkeypatch.chdir(workspace.root)
    assert main(["download"]) == 2
    said = capsys.readouterr().err.strip()
    assert said.startswith("error: download: ")
    assert message in said
    assert "\n" not in said
    assert not (workspace.root / "data").exists()
    assert not workspace.ran("download").exists()
