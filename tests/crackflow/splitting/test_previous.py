"""crackflow/splitting/previous.py: a photograph keeps its subset, whatever its pairs are called now."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crackflow.errors import DataError
from crackflow.splitting.previous import Photograph, Row, match_previous, read_previous


def file(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "previous.csv"
    path.write_bytes(text.encode(encoding))
    return path


def test_a_copy_of_split_csv_serves(tmp_path):
    path = file(tmp_path, "stem,source,parent,group,subset,mini_test\n0012,photos,0012,0012,train,0\nä,b,c,d,test,1\n")
    assert read_previous(path) == (Row("0012", "train"), Row("ä", "test"))
    path = file(tmp_path, "stem,photograph,photograph_sha256,subset\na_tile0_1,a,12ab,valid\n")
    assert read_previous(path) == (Row("a_tile0_1", "valid", "a", "12ab"),)


def test_a_header_alone_is_nothing_before(tmp_path):
    assert read_previous(file(tmp_path, "stem,subset\n")) == ()


def test_columns_in_any_order_quotes_and_a_byte_order_mark(tmp_path):
    path = file(tmp_path, 'subset,stem\r\nvalid,"a, b"\r\n\r\n', "utf-8-sig")
    assert read_previous(path) == (Row("a, b", "valid"),)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "starts with 'nothing'; expected a header with stem,subset"),
        ("stem;subset\na;train\n", "starts with 'stem;subset'; expected a header with stem,subset"),
        ("name,subset\na,train\n", "starts with 'name,subset'; expected"),
        (
            "stem,subset\na,train\nb,training\n",
            "line 3: the subset of b is 'training'; expected one of train, valid, t",
        ),
        ("stem,subset\na\n", "line 2: the subset of a is ''; expected one of"),
        ("stem,subset\n,train\n", "line 2 has no stem; give"),
        ("stem,subset\na,train\nb,test\na,test\n", "line 4 has a a second time; keep one of its rows"),
        ('stem,subset\n"a,train\n', "can't be read (unexpected end of data); expected a CSV in UTF-8"),
    ],
)
def test_what_is_wrong_with_a_file_is_one_line(tmp_path, text, message):
    path = file(tmp_path, text)
    with pytest.raises(DataError) as caught:
        read_previous(path)
    assert str(caught.value).startswith(f"split.previous {path}")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_encoding_a_folder_and_nothing(tmp_path):
    with pytest.raises(DataError, match=r"can't be read \(.*utf-8.*; expected a CSV in UTF-8"):
        read_previous(file(tmp_path, "stem,subset\nä,train\n", "latin-1"))
    with pytest.raises(DataError, match=r"can't be read \(.*directory"):
        read_previous(tmp_path)
    with pytest.raises(DataError, match=r"names .*absent\.csv, which is not there; copy an earlier data/split\.csv"):
        read_previous(tmp_path / "absent.csv")


def cut(photograph, *parts, sha256="", set_name=""):
    """The pairs of a photograph that is cut, or of a whole one."""
    whole = Photograph(photograph, sha256, set_name)
    return {f"{photograph}_tile{part}": whole for part in parts} or {photograph: whole}


def rows(photograph, subset, *parts, sha256="", noted=True):
    names = [f"{photograph}_tile{part}" for part in parts] or [photograph]
    return [Row(stem, subset, photograph if noted else "", sha256) for stem in names]


def told(matched):
    return matched.subsets, sorted(matched.renamed), matched.gone


@pytest.mark.parametrize("noted", [True, False], ids=["with its column photograph", "of stem and subset alone"])
def test_a_photograph_that_was_cut_and_is_whole_now_keeps_its_subset(noted):
    earlier = [*rows("a", "test", "0_0", "0_1", noted=noted), *rows("b", "train", "0_0", "0_1", noted=noted)]
    matched = match_previous(earlier, cut("a") | cut("b") | cut("new"))
    assert told(matched) == ({"a": "test", "b": "train"}, ["a", "b"], 0)
    assert matched.earlier == 4


def test_a_photograph_that_is_cut_otherwise_keeps_its_subset():
    matched = match_previous(rows("a", "test", "0_0", "0_1", "0_2"), cut("a", "0_0", "0_1"))
    assert told(matched) == ({"a_tile0_0": "test", "a_tile0_1": "test"}, [], 0)
    matched = match_previous(rows("a", "test"), cut("a", "0_0", "0_1"))
    assert told(matched) == ({"a_tile0_0": "test", "a_tile0_1": "test"}, ["a_tile0_0", "a_tile0_1"], 0)


def test_parts_that_were_in_several_subsets_keep_theirs_and_are_set_aside_where_they_are_cut_otherwise():
    earlier = [*rows("a", "train", "0_0"), *rows("a", "test", "0_1")]
    assert match_previous(earlier, cut("a", "0_0", "0_1")).subsets == {"a_tile0_0": "train", "a_tile0_1": "test"}
    matched = match_previous(earlier, cut("a"))
    assert matched.subsets == {}
    (rejected,) = matched.set_aside
    assert rejected.name == "a"
    assert rejected.reason == "is of the same photograph as a_tile0_0 of train and a_tile0_1 of test in split.previous"


def test_all_photographs_in_several_subsets_are_set_aside():
    earlier = [
        row for name in "ab" for part, subset in (("0_0", "train"), ("0_1", "test")) for row in rows(name, subset, part)
    ]
    assert [rejected.name for rejected in match_previous(earlier, cut("a") | cut("b")).set_aside] == ["a", "b"]


def test_the_column_photograph_goes_before_what_a_name_looks_like():
    """A photograph that was itself called a_tile0_0 is no part of a."""
    assert told(match_previous([Row("a_tile0_0", "test", "a_tile0_0")], cut("a"))) == ({}, [], 1)


def test_a_file_is_known_by_its_checksum_whatever_it_is_called():
    earlier = [*rows("1", "train", sha256="aa"), *rows("2", "test", sha256="bb"), *rows("3", "valid", sha256="cc")]
    # photographs were numbered anew: what is 2 now is what was 1, and 3 is new
    today = cut("1", sha256="bb") | cut("2", sha256="aa") | cut("3", sha256="dd") | cut("4", sha256="ee")
    assert told(match_previous(earlier, today)) == ({"1": "test", "2": "train", "3": "valid"}, [], 0)
    # 3 was saved anew; where its old file is called otherwise, it is another photograph
    today |= cut("5", sha256="cc")
    assert told(match_previous(earlier, today)) == ({"1": "test", "2": "train", "5": "valid"}, ["5"], 0)


def test_a_file_that_is_there_twice_keeps_both_subsets():
    earlier = [*rows("a", "train", sha256="aa"), *rows("b", "test", sha256="aa")]
    assert match_previous(earlier, cut("a", sha256="aa") | cut("b", sha256="aa")).subsets == {"a": "train", "b": "test"}


def test_a_name_that_a_set_stands_before_now_or_no_longer_is_known():
    roads, walls = ({"sha256": sha256, "set_name": name} for sha256, name in (("aa", "roads"), ("bb", "walls")))
    today = cut("roads_2", **roads) | cut("walls_2", **walls)
    # with checksums one of the two is known; without, both may be
    assert match_previous(rows("2", "test", sha256="aa"), today).subsets == {"roads_2": "test"}
    assert match_previous(rows("2", "test"), today).subsets == {"roads_2": "test", "walls_2": "test"}
    earlier = [*rows("roads_2", "test"), *rows("walls_2", "train")]
    assert told(match_previous(earlier, cut("2", **roads))) == ({"2": "test"}, ["2"], 1)
    assert told(match_previous(earlier, cut("2"))) == ({}, [], 2)


def test_a_new_crop_follows_crops_of_its_photograph_that_are_gone():
    def parent(name):
        return name.partition("-")[0]

    earlier = [*rows("a-1", "test"), *rows("a-2", "test"), *rows("b-1", "train"), *rows("b-2", "valid")]
    matched = match_previous(earlier, cut("a-3") | cut("b-3") | cut("c-1"), parent)
    assert told(matched) == ({"a-3": "test"}, ["a-3"], 0)
    assert [rejected.name for rejected in matched.set_aside] == ["b-3"]
    # where one is still there, crackflow.splitting.incremental joins them
    assert match_previous(earlier, cut("a-2") | cut("a-3"), parent).subsets == {"a-2": "test"}


PARTS = st.lists(st.sampled_from(["0_0", "0_1", "1_0", "1_1"]), unique=True)
SETS = st.fixed_dictionaries(dict.fromkeys("abcde", PARTS))


@settings(deadline=None)
@given(
    before=SETS,
    after=SETS,
    subset=st.fixed_dictionaries({name: st.sampled_from(["train", "test"]) for name in "abcde"}),
)
def test_no_photograph_changes_its_subset_however_it_is_cut(before, after, subset):
    earlier = [row for name, parts in before.items() for row in rows(name, subset[name], *parts)]
    today = {stem: one for name, parts in after.items() for stem, one in cut(name, *parts).items()}
    matched = match_previous(earlier, today)
    assert matched.set_aside == ()
    assert all(subset[today[stem].name] == found for stem, found in matched.subsets.items())
    for name in "abcde":
        stems = [stem for stem, one in today.items() if one.name == name]
        assert any(stem in matched.subsets for stem in stems)
    assert match_previous(earlier[::-1], dict(reversed(today.items()))) == matched
