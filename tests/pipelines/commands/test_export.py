import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from crackflow.errors import DataError
from crackflow.imaging.images import encode_classes, read_image, write_png
from crackflow.imaging.masks import read_mask
from crackflow.params import Params, render
from crackflow.sources.folder import find_pairs
from crackflow.splitting.protocols import Pairs, split_pairs
from pipelines.cli import app
from pipelines.commands import export as module
from pipelines.commands.export import export
from tasks.workspace import Workspace

SUBSETS = {"a": "train", "b.1": "train", "00012": "valid", "my wall #7": "test", "e": "test"}
SIDE = 8


def picture(number):
    return np.full((SIDE, SIDE, 3), 10 * number, np.uint8)


def make(root, params=None, classes=2):
    """A workspace with five resized pairs, writable as a stage leaves them, read-only as DVC does."""
    workspace = Workspace(root)
    for number, stem in enumerate(SUBSETS):
        write_png(workspace.resized / "images" / f"{stem}.png", picture(number))
        mask = np.zeros((SIDE, SIDE), np.uint8)
        mask[number] = classes - 1
        write_png(workspace.resized / "masks" / f"{stem}.png", encode_classes(mask, classes))
    pd.DataFrame({"stem": SUBSETS.keys(), "subset": SUBSETS.values()}).to_csv(workspace.split_csv, index=False)
    (root / "params.yaml").write_text(render(params or Params()))
    return workspace


@pytest.fixture
def workspace(tmp_path):
    return make(tmp_path / "checkout")


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def protect(workspace):
    """Leave the resized files as DVC leaves links to its cache."""
    for path in workspace.resized.rglob("*.png"):
        path.chmod(0o444)


def test_the_originals_tree(workspace, tmp_path):
    done = export(workspace, tmp_path / "dataset/Crack")
    assert done.pairs == {"train": 2, "valid": 1, "test": 2}
    assert files(tmp_path / "dataset/Crack") == sorted(
        f"{subset}/{kind}/{stem}.png" for stem, subset in SUBSETS.items() for kind in ("images", "masks")
    )
    assert files(tmp_path / "dataset") == [f"Crack/{name}" for name in files(tmp_path / "dataset/Crack")]


def test_a_folder_source_reads_it_back(workspace, tmp_path):
    export(workspace, tmp_path / "out")
    found = find_pairs(tmp_path / "out")
    assert found.rejected == ()
    assert {pair.stem: pair.given for pair in found.pairs} == SUBSETS
    for pair in found.pairs:
        number = list(SUBSETS).index(pair.stem)
        assert (read_image(pair.image) == picture(number)).all()
        assert (read_mask(pair.mask, tuple(Params().classes.values())).classes[number] == 1).all()


def test_the_official_protocol_on_it_is_the_same_split(workspace, tmp_path):
    export(workspace, tmp_path / "out")
    given = {pair.stem: pair.given for pair in find_pairs(tmp_path / "out").pairs}
    pairs = Pairs(
        sources=dict.fromkeys(given, "photos"),
        parents={stem: stem for stem in given},
        empty=dict.fromkeys(given, False),
        given=given,
        duplicates=(),
    )
    official = Params.model_validate({"split": {"protocol": "official"}}).split
    assert split_pairs(pairs, {}, official).subsets == dict(sorted(SUBSETS.items()))


def test_what_dvc_protects_is_linked_and_stays_protected(workspace, tmp_path):
    protect(workspace)
    done = export(workspace, tmp_path / "out")
    assert done.linked == 10
    for stem, subset in SUBSETS.items():
        goal = tmp_path / "out" / subset / "images" / f"{stem}.png"
        assert goal.samefile(workspace.resized / "images" / f"{stem}.png")
        assert not goal.is_symlink()
        assert not goal.stat().st_mode & 0o222


def test_a_file_that_can_be_written_is_copied(workspace, tmp_path):
    """Writing into the export must not change the workspace."""
    assert export(workspace, tmp_path / "out").linked == 0
    before = (workspace.resized / "images/a.png").read_bytes()
    (tmp_path / "out/train/images/a.png").write_bytes(b"edited")
    assert (workspace.resized / "images/a.png").read_bytes() == before


def test_symbolic_links_to_a_cache_are_followed(workspace, tmp_path):
    cache = tmp_path / "cache"
    cache.mkdir()
    for number, path in enumerate(sorted(workspace.resized.rglob("*.png"))):
        kept = cache / f"{number}"
        os.replace(path, kept)
        kept.chmod(0o444)
        path.symlink_to(kept)
    assert export(workspace, tmp_path / "out").linked == 10
    for path in (tmp_path / "out").rglob("*.png"):
        assert not path.is_symlink()
    assert (tmp_path / "out/train/images/a.png").samefile((workspace.resized / "images/a.png").resolve())


def test_copies_can_be_written(workspace, tmp_path):
    protect(workspace)
    assert export(workspace, tmp_path / "out", copy=True).linked == 0
    path = tmp_path / "out/train/masks/a.png"
    assert path.stat().st_mode & 0o200
    assert not path.samefile(workspace.resized / "masks/a.png")


def test_masks_of_several_classes_get_the_colours_of_the_classes(tmp_path):
    colours = {"background": (0, 0, 0), "crack": (255, 0, 0), "joint": (0, 255, 0)}
    workspace = make(tmp_path / "checkout", Params.model_validate({"classes": colours}), classes=3)
    protect(workspace)
    # the images alone are links
    assert export(workspace, tmp_path / "out").linked == 5
    (pair,) = [pair for pair in find_pairs(tmp_path / "out").pairs if pair.stem == "e"]
    mask = read_mask(pair.mask, tuple(colours.values()))
    assert (mask.classes[list(SUBSETS).index("e")] == 2).all()
    assert int((mask.classes > 0).sum()) == SIDE


def test_an_empty_folder_is_taken(workspace, tmp_path):
    (tmp_path / "out").mkdir()
    export(workspace, tmp_path / "out")
    assert len(files(tmp_path / "out")) == 10


def test_a_folder_in_use_is_left_alone(workspace, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine.txt").write_text("mine")
    with pytest.raises(DataError, match=r"out is not empty; name another folder, or remove it first"):
        export(workspace, tmp_path / "out")
    with pytest.raises(DataError, match=r"mine\.txt is no folder; name one that is absent or empty"):
        export(workspace, tmp_path / "out/mine.txt")
    assert files(tmp_path / "out") == ["mine.txt"]


def test_no_split_yet(tmp_path):
    with pytest.raises(DataError, match=r"no split at .*split\.csv; `crackflow rebuild split` makes it"):
        export(Workspace(tmp_path), tmp_path / "out")


def test_a_pair_that_is_gone_leaves_nothing_behind(workspace, tmp_path):
    (workspace.resized / "masks/e.png").unlink()
    with pytest.raises(DataError, match=r"e\.png is in data/split\.csv but not there; run `crackflow rebuild split`"):
        export(workspace, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkout"]


def test_a_mask_that_can_not_be_coloured_leaves_nothing_behind(tmp_path):
    colours = {"background": (0, 0, 0), "crack": (255, 0, 0)}
    workspace = make(tmp_path / "checkout", Params.model_validate({"classes": colours}))
    (workspace.resized / "masks/e.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"e\.png"):
        export(workspace, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkout"]


def test_a_place_that_can_not_be_written(workspace, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match=r"can't write .*file/out: Not a directory; name a folder elsewhere"):
        export(workspace, tmp_path / "file/out")


KILLED = """
import os, signal, sys
from pathlib import Path
import pipelines.commands.export as export
from tasks.workspace import Workspace

place, count = export._place, 0

def kill_in_the_middle(*args):
    global count
    count += 1
    if count == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return place(*args)

export._place = kill_in_the_middle
export.export(Workspace(Path(sys.argv[1])), Path(sys.argv[2]))
"""


def test_after_a_kill_in_the_middle_the_next_run_works(workspace, tmp_path):
    found = subprocess.run([sys.executable, "-c", KILLED, workspace.root, tmp_path / "out"], check=False)
    assert found.returncode == -9
    assert not (tmp_path / "out").exists()
    left = [path.name for path in tmp_path.iterdir() if path != workspace.root]
    assert [name.startswith(".crackflow-work-") for name in left] == [True, True]
    export(workspace, tmp_path / "out")
    assert len(files(tmp_path / "out")) == 10
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkout", "out"]


def test_two_exports_into_one_folder_give_one_whole_tree(workspace, tmp_path, monkeypatch):
    """The second is done while the first copies; both once shared the folder that they filled."""
    place = module._place

    def another_comes_between(*args):
        monkeypatch.setattr(module, "_place", place)
        export(workspace, tmp_path / "out")
        return place(*args)

    monkeypatch.setattr(module, "_place", another_comes_between)
    with pytest.raises(DataError, match="out is not empty; name another folder"):
        export(workspace, tmp_path / "out")
    assert len(files(tmp_path / "out")) == 10
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkout", "out"]


def test_a_folder_that_looks_like_that_of_an_earlier_version_is_kept(workspace, tmp_path):
    (tmp_path / ".out.crackflow-export").mkdir()
    (tmp_path / ".out.crackflow-export/mine").touch()
    export(workspace, tmp_path / "out")
    assert (tmp_path / ".out.crackflow-export/mine").exists()


def test_the_command(workspace, tmp_path, monkeypatch):
    monkeypatch.chdir(workspace.root)
    result = CliRunner().invoke(app, ["export-dataset", str(tmp_path / "out"), "--copy"])
    assert result.exit_code == 0
    assert result.stdout.endswith("out: train 2, valid 1, test 2 pairs; 10 files copied\n")
    again = CliRunner().invoke(app, ["export-dataset", str(tmp_path / "out")])
    assert again.exit_code == 2
    assert again.stderr.startswith("error: ")
    protect(workspace)
    linked = CliRunner().invoke(app, ["export-dataset", str(tmp_path / "linked")])
    assert linked.stdout.endswith("2 pairs; 10 of 10 files are links, read-only: copy before you edit\n")
