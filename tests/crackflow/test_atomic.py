import stat

import pytest

from crackflow.atomic import replacing, write_bytes, write_text


def test_text_is_utf8_with_line_feeds_in_a_folder_that_is_made(tmp_path):
    write_text(tmp_path / "new/a.txt", "Riß\n")
    assert (tmp_path / "new/a.txt").read_bytes() == b"Ri\xc3\x9f\n"


def test_the_old_file_stays_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "a"
    write_bytes(path, b"old")
    with replacing(path, sync=True) as part:
        part.write_bytes(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_leaves_the_old_file_and_no_part(tmp_path):
    path = tmp_path / "a"
    write_bytes(path, b"old")

    def fail():
        with replacing(path) as part:
            part.write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["out/a", "out/.a.part"])
def test_a_link_is_replaced_and_never_written_through(tmp_path, name):
    theirs = tmp_path / "theirs"
    theirs.write_bytes(b"theirs")
    (tmp_path / "out").mkdir()
    (tmp_path / name).symlink_to(theirs)
    write_bytes(tmp_path / "out/a", b"ours")
    assert theirs.read_bytes() == b"theirs"
    assert (tmp_path / "out/a").read_bytes() == b"ours"
    assert not (tmp_path / "out/a").is_symlink()


def test_among_files_of_the_user_no_part_takes_the_place_of_one(tmp_path):
    theirs = tmp_path / ".page.html.part"
    theirs.write_bytes(b"theirs")
    (tmp_path / "plain").touch()
    path = tmp_path / "page.html"
    write_text(path, "ours", among_theirs=True)
    assert (path.read_bytes(), theirs.read_bytes()) == (b"ours", b"theirs")
    assert stat.S_IMODE(path.stat().st_mode) == stat.S_IMODE((tmp_path / "plain").stat().st_mode)

    def fail():
        with replacing(path, among_theirs=True) as part:
            part.write_bytes(b"half")
            raise OSError(28, "full")

    with pytest.raises(OSError, match="full"):
        fail()
    assert sorted(one.name for one in tmp_path.iterdir()) == [".page.html.part", "page.html", "plain"]
    assert path.read_bytes() == b"ours"
