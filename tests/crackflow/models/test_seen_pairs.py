import pytest

from crackflow.errors import ModelError
from crackflow.models.seen_pairs import known, read_hashes, render, stem_hash


def test_a_hash_is_the_start_of_what_sha256sum_prints():
    # printf abc | sha256sum: the test vector of FIPS 180-2, appendix B.1
    assert stem_hash("abc") == "ba7816bf8f01cfea"
    # and of UTF-8, by sha256sum itself
    assert stem_hash("Straße #7") == "d4eff36622bc959e"


def test_what_was_written_is_read_again_and_the_order_of_stems_has_no_say(tmp_path):
    text = render(["b", "a", "c", "a"])
    assert text == render(["c", "b", "a"])
    assert len(text.splitlines()) == 2 + 3
    assert text.splitlines()[2:] == sorted(text.splitlines()[2:])
    (tmp_path / "list.txt").write_text(text)
    assert read_hashes(tmp_path / "list.txt") == {stem_hash(stem) for stem in "abc"}


def test_comments_and_empty_lines_are_passed_over(tmp_path):
    (tmp_path / "list.txt").write_text(f"# licence: research only\n\n{stem_hash('a')}\r\n")
    assert read_hashes(tmp_path / "list.txt") == {stem_hash("a")}


def test_only_those_that_are_listed_are_known():
    hashes = frozenset(map(stem_hash, ["wall_1", "wall_2"]))
    assert known(["wall_3", "wall_2", "wall_1"], hashes) == ["wall_2", "wall_1"]
    assert known(["wall_3"], hashes) == []


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "no list at .* train again"),
        (b"wall_1\n", "line 1 is 'wall_1', expected 16 hex digits"),
        (b"# fine\nba7816bf8f01cfea41\n", "line 2"),
        (b"\xff\xfe", "can't be read"),
    ],
)
def test_what_is_no_such_list_is_said(tmp_path, content, said):
    if content is not None:
        (tmp_path / "list.txt").write_bytes(content)
    with pytest.raises(ModelError, match=said) as error:
        read_hashes(tmp_path / "list.txt")
    assert "\n" not in str(error.value)


def test_a_list_that_lost_or_changed_a_line_is_rejected(tmp_path):
    path = tmp_path / "list.txt"
    lines = render(["a", "b", "c"]).splitlines(keepends=True)
    for left in (lines[:-1], lines[:2], [*lines, f"{stem_hash('d')}\n"], [*lines[:-1], f"{stem_hash('d')}\n"]):
        path.write_text("".join(left))
        with pytest.raises(ModelError, match="not the 3 it was written with; put back the whole file"):
            read_hashes(path)
    # as written before there were count and checksum
    path.write_text("".join([lines[0], *lines[2:]]))
    assert len(read_hashes(path)) == 3
