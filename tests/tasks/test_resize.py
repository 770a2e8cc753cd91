import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from crackflow.errors import DataError
from crackflow.imaging import images, masks
from crackflow.imaging.images import decode_classes, read_image
from crackflow.imaging.masks import read_pair
from crackflow.params import Params, render
from tasks import resize
from tasks.workspace import Workspace

SIZE = 64


def params_of(max_rejected=0.5, size=SIZE, mode="stretch", **more):
    blocks = {"data": {"max_rejected": max_rejected}, "resize": {"size": size, "mode": mode}, "train": {"crop": SIZE}}
    return Params.model_validate(blocks | more)


def photo(seed, width=48, height=32):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def add(workspace, stem, image, mask, given="", suffix=".png"):
    """Put one pair into data/raw as download leaves it."""
    for kind, pixels in (("images", image), ("masks", mask)):
        target = workspace.raw / kind / (stem + suffix)
        target.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(target)
    table = workspace.raw / "pairs.csv"
    if not table.exists():
        table.write_text("stem,image,mask,given,set\n")
        workspace.raw_json.write_text(json.dumps({"rejected": []}))
    table.write_text(table.read_text() + f"{stem},{stem}{suffix},{stem}{suffix},{given},\n")


def rows(workspace):
    table = pd.read_csv(workspace.resized_csv, dtype=str, keep_default_na=False)
    return {row["stem"]: row for row in table.to_dict("records")}


def outputs(workspace):
    files = [*sorted(workspace.resized.rglob("*.png")), workspace.resized_csv]
    return {str(path.relative_to(workspace.root)): path.read_bytes() for path in files}


@pytest.fixture
def workspace(tmp_path):
    """Three pairs of 48 x 32 px: a mask of 6 rows in 32, one without a crack, one in grey."""
    workspace = Workspace(tmp_path)
    mask = np.zeros((32, 48), np.uint8)
    mask[8:14] = 255
    add(workspace, "CFD_001", photo(1), mask, given="test")
    add(workspace, "11111", photo(2), np.zeros_like(mask))
    add(workspace, "DeepCrack_7-1", photo(3)[..., 0], mask)
    return workspace


@pytest.fixture
def decoded(monkeypatch):
    """Names of the photographs that are decoded."""
    names = []

    def counted(image_path, mask_path, colours):
        names.append(image_path.name)
        return read_pair(image_path, mask_path, colours)

    monkeypatch.setattr(masks, "read_pair", counted)
    return names


def test_pairs_become_squares_and_rows(workspace):
    resize.run(workspace, params_of())
    found = rows(workspace)
    assert list(found) == ["11111", "CFD_001", "DeepCrack_7-1"]
    assert found["CFD_001"] | {"phash": ""} == {
        "stem": "CFD_001",
        "photograph": "CFD_001",
        "photograph_sha256": hashlib.sha256((workspace.raw / "images/CFD_001.png").read_bytes()).hexdigest(),
        "given": "test",
        "set": "",
        "width": "48",
        "height": "32",
        "crack_share": "0.18750000",  # 6 / 32
        "phash": "",
        "mask_kind": "levels",
        "faint_share": "0.00000000",
        "rejected": "",
    }
    assert found["11111"]["crack_share"] == "0.00000000"
    assert all(len(row["phash"]) == 64 for row in found.values())
    assert len({row["phash"] for row in found.values()}) == 3
    assert sorted(path.name for path in workspace.resized.rglob("*.png")) == sorted(
        [f"{stem}.png" for stem in found] * 2
    )
    image = np.asarray(Image.open(workspace.resized / "images/DeepCrack_7-1.png"))
    mask = np.asarray(Image.open(workspace.resized / "masks/CFD_001.png"))
    assert image.shape == (SIZE, SIZE, 3)
    assert mask.shape == (SIZE, SIZE)
    # 32 rows become 64: rows 8 to 13 become 16 to 27
    expected = np.zeros((SIZE, SIZE), np.uint8)
    expected[16:28] = 255
    np.testing.assert_array_equal(mask, expected)


@pytest.fixture
def strips(tmp_path):
    """A strip of 16 x 64 px with a line of 4 rows in its last quarter, and a square without a crack."""
    workspace = Workspace(tmp_path)
    mask = np.zeros((16, 64), np.uint8)
    mask[4:8, 48:] = 255
    add(workspace, "CFD_001", photo(1, 64, 16), mask, given="test")
    add(workspace, "CFD_002", photo(2, 16, 16), np.zeros((16, 16), np.uint8))
    return workspace


def test_a_strip_is_cut_into_squares_of_which_each_is_a_pair(strips, capsys):
    resize.run(strips, params_of(mode="tile"))
    found = rows(strips)
    parts = [f"CFD_001_tile0_{column}" for column in range(4)]
    assert list(found) == [*parts, "CFD_002"]
    assert {row["photograph"] for stem, row in found.items() if stem in parts} == {"CFD_001"}
    assert found["CFD_002"]["photograph"] == "CFD_002"
    assert {(row["given"], row["width"], row["height"]) for stem, row in found.items() if stem in parts} == {
        ("test", "16", "16")
    }
    # 4 of 16 rows
    assert [float(found[stem]["crack_share"]) for stem in parts] == [0, 0, 0, 0.25]
    assert "5 pairs of 2 photographs of 64 px (tile); 0 rejected" in capsys.readouterr().out
    whole, part = (
        read_image(strips.root / f"data/{name}")
        for name in ("raw/images/CFD_001.png", "resized/images/CFD_001_tile0_2.png")
    )
    np.testing.assert_array_equal(part, cv2.resize(whole[:, 32:48], (64, 64), interpolation=cv2.INTER_CUBIC))
    expected = np.zeros((64, 64), np.uint8)
    expected[16:32] = 255
    np.testing.assert_array_equal(cv2.imread(str(strips.resized / "masks/CFD_001_tile0_3.png"), 0), expected)


def test_parts_are_kept_and_not_decoded_again(strips, decoded):
    resize.run(strips, params_of(mode="tile"))
    first = outputs(strips)
    assert sorted(decoded) == ["CFD_001.png", "CFD_002.png"]
    resize.run(strips, params_of(mode="tile"))
    assert len(decoded) == 2
    assert outputs(strips) == first


def test_a_part_that_would_be_called_as_another_pair_is_an_error(strips):
    add(strips, "CFD_001_tile0_1", photo(3, 16, 16), np.zeros((16, 16), np.uint8))
    with pytest.raises(DataError, match="would be called CFD_001_tile0_1, as another pair is; rename that pair"):
        resize.run(strips, params_of(mode="tile"))


def test_that_strips_lose_their_cracks_when_stretched_is_said(strips, capsys):
    resize.run(strips, params_of())
    assert "1 of 2 photographs are 2 times as long as wide or more: stretched to a square" in capsys.readouterr().out


def test_nothing_is_said_of_photographs_near_to_squares(workspace, capsys):
    resize.run(workspace, params_of())
    assert "as long as wide" not in capsys.readouterr().out


def test_three_classes_keep_their_numbers(tmp_path):
    workspace = Workspace(tmp_path)
    mask = np.zeros((32, 32, 3), np.uint8)
    mask[:, 8:16] = (255, 0, 0)
    mask[:, 16:20] = (250, 240, 255)
    add(workspace, "a", photo(1, 32), mask)
    classes = {"background": (0, 0, 0), "crack": (255, 0, 0), "spall": (255, 255, 255)}
    resize.run(workspace, params_of(classes=classes))
    levels = np.asarray(Image.open(workspace.resized / "masks/a.png"))
    assert np.unique(levels).tolist() == [0, 127, 255]
    expected = np.repeat([0, 1, 2, 0], (16, 16, 8, 24))
    assert decode_classes(levels, 3)[20].tolist() == expected.tolist()
    assert rows(workspace)["a"]["crack_share"] == "0.37500000"  # 12 of 32 columns


def test_bad_pairs_are_set_aside_with_their_reasons(workspace):
    add(workspace, "other_size", photo(4), np.zeros((20, 30), np.uint8))
    add(workspace, "broken", photo(5), np.zeros((32, 48), np.uint8), suffix=".jpg")
    path = workspace.raw / "images/broken.jpg"
    path.write_bytes(path.read_bytes()[:-100])
    workspace.raw_json.write_text(
        json.dumps({"rejected": [{"name": "alone", "reason": "no mask for image alone.jpg"}]})
    )
    resize.run(workspace, params_of())
    found = rows(workspace)
    rejected = {stem: row["rejected"] for stem, row in found.items() if row["rejected"]}
    assert rejected == {
        "alone": "no mask for image alone.jpg",
        "broken": "broken.jpg is truncated or not an image; replace it or leave the pair out",
        "other_size": "image 48x32, mask 30x20; expected one size: replace the one that is wrong",
    }
    assert all(not row[key] for row in found.values() if row["rejected"] for key in ("width", "phash"))
    assert list(found) == sorted(found)
    assert len(list((workspace.resized / "images").iterdir())) == 3


def test_too_many_bad_pairs_stop_the_stage(workspace):
    resize.run(workspace, params_of())
    before = outputs(workspace)
    add(workspace, "bad", photo(4), np.zeros((20, 30), np.uint8))
    with pytest.raises(DataError, match=r"1 of 4 pairs \(25\.0%\).*bad: image 48x32, mask 30x20.*data\.max_rejected"):
        resize.run(workspace, params_of(max_rejected=0.24))
    assert outputs(workspace) == before


def test_what_is_done_already_is_not_decoded_again(workspace, decoded):
    resize.run(workspace, params_of())
    before = outputs(workspace)
    decoded.clear()
    resize.run(workspace, params_of())
    assert decoded == []
    assert outputs(workspace) == before
    add(workspace, "new", photo(9), np.zeros((32, 48), np.uint8))
    resize.run(workspace, params_of())
    assert decoded == ["new.png"]
    assert len(rows(workspace)) == 4


@pytest.mark.parametrize("module", ["tasks/resize.py", "crackflow/imaging/resize.py"])
def test_other_code_decodes_all_again(workspace, decoded, copied_code, module):
    resize.run(workspace, params_of())
    first = sorted(decoded)
    decoded.clear()
    with (copied_code / module).open("a") as file:
        file.write("# changed\n")
    resize.run(workspace, params_of())
    assert sorted(decoded) == first != []


def test_the_same_pairs_give_the_same_bytes_without_the_store(workspace, tmp_path):
    resize.run(workspace, params_of())
    before = outputs(workspace)
    for path in (tmp_path / ".crackflow").rglob("*.json"):
        path.unlink()
    resize.run(workspace, params_of())
    assert outputs(workspace) == before


def test_a_run_that_died_is_taken_up_again(workspace, monkeypatch, decoded):
    written = []
    write_png = images.write_png

    def dies(path, array):
        if len(written) == 3:
            raise KeyboardInterrupt
        written.append(path)
        write_png(path, array)

    monkeypatch.setattr(images, "write_png", dies)
    monkeypatch.setenv("CRACKFLOW_COMPUTE", "threads:1")
    with pytest.raises(KeyboardInterrupt):
        resize.run(workspace, params_of())
    assert not workspace.resized.exists()
    assert not workspace.resized_csv.exists()
    monkeypatch.setattr(images, "write_png", write_png)
    decoded.clear()
    resize.run(workspace, params_of())
    # each pair takes two pictures: the first pair was whole, the second half done
    assert len(decoded) == 2
    assert len(rows(workspace)) == 3


# Ends itself once it has kept five pairs.
KILLED = """
import os, signal, sys
from tasks import resize
from tasks.__main__ import main

keep, kept = resize._Store.keep, []
def keep_five(*given):
    keep(*given)
    kept.append(given)
    if len(kept) == 5:
        os.kill(os.getpid(), signal.SIGKILL)
resize._Store.keep = keep_five
sys.exit(main(["resize"]))
"""


def test_a_killed_run_is_taken_up_again(workspace, decoded):
    """By SIGKILL, in a process of its own: nothing tidies up after it."""
    for number in range(25):
        add(workspace, f"CFD_1{number:02}", photo(number, 400, 300), np.zeros((300, 400), np.uint8))
    (workspace.root / "params.yaml").write_text(render(params_of(size=512)))
    killed = subprocess.run(
        [sys.executable, "-c", KILLED],
        cwd=workspace.root,
        env=os.environ | {"PYTHONPATH": str(Path(resize.__file__).parents[1])},
        stderr=subprocess.DEVNULL,
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    rows_of = workspace.root / ".crackflow/state/resize"
    assert not workspace.resized.exists()
    assert not workspace.resized_csv.exists()
    finished = len([path for path in rows_of.glob("*/rows/*.json") if not path.name.startswith(".")])
    assert 5 <= finished < 28
    resize.run(workspace, params_of(size=512))
    assert len(decoded) == 28 - finished
    assert len(rows(workspace)) == 28
    assert all(read_image(path).shape == (512, 512, 3) for path in (workspace.resized / "images").iterdir())
    left = [path.name for path in rows_of.rglob("*") if path.name.endswith(".part")]
    assert left == []


def test_a_changed_mask_is_read_again(workspace, decoded):
    resize.run(workspace, params_of())
    decoded.clear()
    Image.fromarray(np.full((32, 48), 255, np.uint8)).save(workspace.raw / "masks/11111.png")
    resize.run(workspace, params_of())
    assert decoded == ["11111.png"]
    assert rows(workspace)["11111"]["crack_share"] == "1.00000000"


def test_one_changed_photograph_is_one_pair(workspace, decoded):
    resize.run(workspace, params_of())
    before = rows(workspace)
    decoded.clear()
    Image.fromarray(photo(77)).save(workspace.raw / "images/CFD_001.png")
    resize.run(workspace, params_of())
    assert decoded == ["CFD_001.png"]
    after = rows(workspace)
    assert {stem for stem in after if after[stem] != before[stem]} == {"CFD_001"}


@pytest.mark.parametrize("mode", ["letterbox", "crop"])
def test_the_mode_is_that_of_the_parameters(workspace, mode):
    resize.run(workspace, params_of())
    resize.run(workspace, params_of(mode=mode))
    mask = np.asarray(Image.open(workspace.resized / "masks/CFD_001.png"))
    image = np.asarray(Image.open(workspace.resized / "images/CFD_001.png"))
    crack = np.flatnonzero(mask.any(axis=1))
    if mode == "crop":
        # rows 8 to 13 of 32, doubled, and a square of 32 columns out of 48
        assert (crack[0], crack[-1], mask[crack].all()) == (16, 27, True)
        assert rows(workspace)["CFD_001"]["width"] == "48"
    else:
        # 48 columns become 64 and 32 rows 43, from row 10: rows 8 to 13 become 10 + 10.75 to 10 + 18.8
        assert (crack[0], crack[-1], mask[crack].all()) == (21, 28, True)
        mean = cv2.mean(photo(1))[:3]
        assert len(np.unique(image[:10].reshape(-1, 3), axis=0)) == 1
        np.testing.assert_allclose(image[0, 0], mean, atol=3)
    # of the mask as it is stored
    assert rows(workspace)["CFD_001"]["crack_share"] == f"{(mask > 0).mean():.8f}"


def test_a_crack_that_is_cut_away_is_none(workspace):
    wide = np.zeros((16, 48), np.uint8)
    wide[:, :4] = 255
    add(workspace, "edge", photo(5, 48, 16), wide)
    resize.run(workspace, params_of(mode="crop"))
    assert rows(workspace)["edge"]["crack_share"] == "0.00000000"


def test_a_picture_that_was_damaged_in_the_store_is_made_again(workspace, decoded):
    resize.run(workspace, params_of())
    picture = workspace.resized / "masks/CFD_001.png"
    whole = picture.read_bytes()
    # the store has the same file: a crash of the machine can leave it empty
    picture.write_bytes(b"")
    decoded.clear()
    resize.run(workspace, params_of())
    assert decoded == ["CFD_001.png"]
    assert picture.read_bytes() == whole


def test_the_store_holds_no_more_than_the_outputs(workspace, tmp_path):
    resize.run(workspace, params_of(size=128))
    resize.run(workspace, params_of())
    table = workspace.raw / "pairs.csv"
    table.write_text("\n".join(line for line in table.read_text().splitlines() if "11111" not in line) + "\n")
    resize.run(workspace, params_of())
    stores = list((tmp_path / ".crackflow/state/resize").iterdir())
    assert len(stores) == 1
    assert len(list(stores[0].rglob("*.png"))) == 4
    # the pictures are the outputs themselves, linked
    assert all(path.stat().st_nlink == 2 for path in workspace.resized.rglob("*.png"))
    assert read_image(workspace.resized / "images/CFD_001.png").shape == (SIZE, SIZE, 3)


@pytest.mark.skipif(sys.platform != "linux", reason="the limit on addresses is Linux's")
def test_a_lack_of_memory_rejects_no_pair(workspace, tmp_path):
    import resource

    # 144 MB of pixels in a file of half a megabyte
    add(workspace, "large", np.zeros((6000, 8000, 3), np.uint8), np.zeros((6000, 8000), np.uint8))
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (held + 100 * 2**20, before[1]))
    try:
        with pytest.raises(MemoryError):
            resize.run(workspace, params_of(max_rejected=1.0))
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert not workspace.resized_csv.exists()


def test_a_set_with_codes_beside_class_numbers_is_rejected_as_a_whole(workspace):
    pixels = np.zeros((32, 48), np.uint8)
    pixels[4], pixels[9] = 1, 255
    add(workspace, "coded", photo(1), pixels)
    with pytest.raises(DataError, match=r"coded\.png holds the class numbers 0, 1 and 255 beside them"):
        resize.run(workspace, params_of(max_rejected=1.0))
    assert not workspace.resized_csv.exists()
