import json

import numpy as np
import pytest

from crackflow.errors import ImageError
from crackflow.imaging.images import write_png
from crackflow.imaging.pairs import ResizedPairs
from crackflow.parallel.engine import WorkerTimes
from crackflow.parallel.kept import Kept
from crackflow.parallel.processes import Processes
from crackflow.parallel.threads import Threads
from crackflow.splitting.features.content_search import same_pavement
from tests.crackflow.splitting.features.textures import moved, pavement

MIRRORED_COPY = np.ascontiguousarray(moved(pavement(1)[:, ::-1].copy(), degrees=-10, zoom=0.9))
PICTURES = {f"road{seed}": pavement(seed) for seed in range(5)} | {
    "crop": np.ascontiguousarray(pavement(0)[20:111, 30:121]),
    "copy": MIRRORED_COPY,
    "flat": np.full((128, 128), 90, np.uint8),
}
ALONE = {stem: stem for stem in sorted(PICTURES)}


@pytest.fixture
def pairs(tmp_path):
    for stem, grey in PICTURES.items():
        write_png(tmp_path / "resized/images" / f"{stem}.png", np.repeat(grey[..., None], 3, axis=2))
    return ResizedPairs(tmp_path / "resized", 2)


@pytest.fixture
def kept(tmp_path):
    folder = tmp_path / "state/one"
    folder.mkdir(parents=True)
    return Kept(folder)


def files(kept):
    return {path.name: path.stat().st_mtime_ns for path in kept.folder.glob("*/*")}


def test_a_crop_and_a_turned_mirrored_copy_are_found_and_nothing_else(pairs, kept):
    found = same_pavement(Threads(), pairs, kept, ALONE)
    assert [(one.one, one.other, one.turn) for one in found] == [
        ("copy", "road1", "mirrored, rotated 350, zoom 1.11"),
        ("crop", "road0", "zoom 0.71"),
    ]
    assert min(one.places for one in found) >= 10


def test_what_belongs_together_already_is_not_compared(pairs, kept):
    assert same_pavement(Threads(), pairs, kept, ALONE | {"crop": "road0", "copy": "road1"}) == []


def test_any_engine_gives_the_same(pairs, kept):
    times = WorkerTimes()
    expected = same_pavement(Threads(1), pairs, kept, ALONE)
    assert same_pavement(Threads(3), pairs, kept, ALONE) == expected
    assert same_pavement(Processes(1), pairs, kept, ALONE, times) == expected
    assert times.rows()


def test_features_are_kept_by_content(pairs, kept):
    same_pavement(Threads(), pairs, kept, ALONE)
    before = files(kept)
    assert len(before) == len(PICTURES)
    pairs.path("images", "flat").write_bytes(pairs.path("images", "road4").read_bytes())
    assert len(same_pavement(Threads(), pairs, kept, ALONE)) == 3
    # road4's are those of "flat" too, and what no picture needs is gone
    assert files(kept).items() < before.items()
    assert len(files(kept)) == len(PICTURES) - 1


def test_features_that_a_killed_run_left_in_part_are_found_again(pairs, kept):
    expected = same_pavement(Threads(), pairs, kept, ALONE)
    whole = {path: path.read_bytes() for path in kept.folder.glob("*/*.json")}
    for path, content in whole.items():
        path.write_bytes(content[:100])
    assert same_pavement(Threads(), pairs, kept, ALONE) == expected
    assert {path: path.read_bytes() for path in whole} == whole


def test_too_few_to_compare(pairs, kept):
    assert same_pavement(Threads(), pairs, kept, {"road0": "road0"}) == []
    assert same_pavement(Threads(), pairs, kept, {}) == []


def test_a_photograph_that_is_gone_is_named(pairs, kept):
    pairs.path("images", "road2").unlink()
    with pytest.raises(ImageError, match=r"road2\.png"):
        same_pavement(Threads(), pairs, kept, ALONE)


def test_what_is_kept_is_json_that_says_no_more_than_features(pairs, kept):
    same_pavement(Threads(), pairs, kept, {"flat": "flat"})
    (path,) = kept.folder.glob("*/*.json")
    assert json.loads(path.read_text()) == ["", "", ""]
