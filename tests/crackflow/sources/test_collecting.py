import pytest

from crackflow.errors import DataError
from crackflow.rejections import Rejection
from crackflow.sources.collecting import collect_pairs
from crackflow.sources.source import Fetched, PairSet


def lay(root, *stems, images=(), masks=()):
    for kind, also in (("images", images), ("masks", masks)):
        (root / kind).mkdir(parents=True)
        for stem in (*stems, *also):
            (root / kind / f"{stem}.png").write_text(f"{root.name} {kind} {stem}")
    return root


def collect(root, *, left_out=None, include=("*",), exclude=(), max_rejected=1.0, **outer):
    sets = [PairSet(path.name, path, path.name) for path in sorted(root.iterdir()) if path.is_dir()]
    sets = [PairSet(one.name, one.folder, one.path, None, (left_out or {}).get(one.name, ())) for one in sets]
    return collect_pairs(Fetched(root, sets=tuple(sets), **outer), include, exclude, max_rejected)


def test_one_set_has_no_name(tmp_path):
    found = collect_pairs(Fetched(lay(tmp_path / "a", "1", images=["2"])), ("*",), (), 1.0)
    assert [(pair.stem, pair.set) for pair in found.pairs] == [("1", "")]
    assert found.rejected == (Rejection("2", "no mask for image images/2.png"),)
    assert found.renamed == {}


def test_names_that_two_sets_share_get_the_sets_name(tmp_path):
    lay(tmp_path / "walls", "1", "CFD_001")
    lay(tmp_path / "roads", "1", "2")
    found = collect(tmp_path)
    assert [(pair.stem, pair.set) for pair in found.pairs] == [
        ("2", "roads"),
        ("CFD_001", "walls"),
        ("roads_1", "roads"),
        ("walls_1", "walls"),
    ]
    assert found.pairs[2].image == tmp_path / "roads/images/1.png"
    assert found.pairs[3].mask == tmp_path / "walls/masks/1.png"
    assert found.renamed == {"roads": 1, "walls": 1}
    assert found.rejected == ()


def test_a_rejected_pair_has_its_set_in_name_and_reason(tmp_path):
    lay(tmp_path / "walls", "1", "3")
    lay(tmp_path / "roads", "2", images=["1"], masks=["4"])
    found = collect(tmp_path)
    assert [tuple(one) for one in found.rejected] == [
        ("4", "no image for mask roads/masks/4.png"),
        ("roads_1", "no mask for image roads/images/1.png"),
    ]
    # the other keeps clear of it: both have a row in data/resized.csv
    assert [pair.stem for pair in found.pairs] == ["2", "3", "walls_1"]


def test_too_many_rejected_in_one_set_stop_the_run_and_name_it(tmp_path):
    lay(tmp_path / "walls", *map(str, range(50)))
    lay(tmp_path / "roads", "a", images=["b"])
    with pytest.raises(DataError, match=r"set roads: 1 of 2 pairs .*b: no mask for image roads/images/b\.png"):
        collect(tmp_path, max_rejected=0.1)


def test_a_set_without_a_pair_stops_the_run(tmp_path):
    lay(tmp_path / "walls", "1")
    lay(tmp_path / "roads", images=["2"])
    with pytest.raises(DataError, match=r"set roads: no pair in .*roads: 1 can't be used, the first is 2"):
        collect(tmp_path)


def test_an_empty_set_stops_the_run(tmp_path):
    lay(tmp_path / "walls", "1")
    lay(tmp_path / "roads")
    with pytest.raises(DataError, match=r"set roads: no pair in .*roads: images/ and masks/ hold no image files"):
        collect(tmp_path)


def test_patterns_may_leave_out_a_whole_set_but_not_all(tmp_path):
    lay(tmp_path / "walls", "wall_1")
    lay(tmp_path / "roads", "road_1")
    found = collect(tmp_path, include=["wall*"])
    assert [pair.stem for pair in found.pairs] == ["wall_1"]
    assert found.renamed == {"roads": 0, "walls": 0}
    with pytest.raises(DataError, match=r"data\.include \['x\*'\] .* match no name in any of its 2 sets"):
        collect(tmp_path, include=["x*"])


def test_patterns_read_names_as_they_are_in_the_set(tmp_path):
    lay(tmp_path / "walls", "1", "2")
    lay(tmp_path / "roads", "1", "3")
    assert [pair.stem for pair in collect(tmp_path, exclude=["1"]).pairs] == ["2", "3"]


def test_what_a_zip_left_out_is_counted_in_its_set(tmp_path):
    lay(tmp_path / "walls", "1")
    lay(tmp_path / "roads", "2")
    reason = "has a name that Windows, macOS or Linux can't store; rename it"
    # roads lost its pair 1, though walls has one of that name
    left_out = {"roads": (Rejection("images/1.png", reason), Rejection("notes.txt", "is not an image file"))}
    found = collect(tmp_path, left_out=left_out)
    assert [pair.stem for pair in found.pairs] == ["2", "walls_1"]
    assert found.rejected == (Rejection("roads_1", f"roads/images/1.png {reason}"),)
    assert found.ignored == (
        Rejection("roads/images/1.png", reason),
        Rejection("roads/notes.txt", "is not an image file"),
    )
    with pytest.raises(DataError, match=r"set roads: 1 of 2 pairs"):
        collect(tmp_path, left_out=left_out, max_rejected=0.4)


def test_files_beside_the_sets_are_ignored(tmp_path):
    lay(tmp_path / "walls", "1")
    lay(tmp_path / "roads", "2")
    (tmp_path / "README.md").write_text("x")
    (tmp_path / "walls/notes.txt").write_text("x")
    assert [tuple(one) for one in collect(tmp_path).ignored] == [
        ("walls/notes.txt", "lies outside the folders of images and masks"),
        ("README.md", "lies beside the sets"),
    ]


def test_a_name_that_becomes_too_long_is_rejected(tmp_path):
    lay(tmp_path / "walls", "x" * 235, "1")
    lay(tmp_path / "roads", "x" * 235, "2")
    found = collect(tmp_path)
    assert [pair.stem for pair in found.pairs] == ["1", "2"]
    assert {one.reason for one in found.rejected} == {"a name of 241 bytes, expected at most 240: shorten it"}
