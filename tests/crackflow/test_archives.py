import stat
import struct
import zipfile

import pytest

from crackflow.archives import unpack
from crackflow.errors import DataError


def packed(path, members, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def left_behind(folder):
    return sorted(path.name for path in folder.iterdir())


def test_unpacks_all_of_it(tmp_path):
    archive = packed(tmp_path / "a.zip", {"set/images/a.jpg": b"image", "set/masks/a.png": b"mask", "__MACOSX/x": b"x"})
    unpack(archive, tmp_path / "out" / "here")
    inside = sorted(str(path.relative_to(tmp_path)) for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert inside == ["out/here/set/images/a.jpg", "out/here/set/masks/a.png"]
    assert (tmp_path / "out/here/set/images/a.jpg").read_bytes() == b"image"
    assert left_behind(tmp_path / "out") == ["here"]


def test_backslashes_separate_folders(tmp_path):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        member = zipfile.ZipInfo("x")
        member.filename = "images\\a.jpg"
        opened.writestr(member, b"image")
    unpack(archive, tmp_path / "out")
    assert (tmp_path / "out/images/a.jpg").read_bytes() == b"image"


@pytest.mark.parametrize(
    "name", ["../evil.jpg", "images/../../evil.jpg", "/evil.jpg", "C:/evil.jpg", "C:evil.jpg", "..\\e"]
)
def test_members_outside_the_target_are_refused(tmp_path, name):
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("images/a.jpg", b"fine")
        member = zipfile.ZipInfo("x")
        member.filename = name
        opened.writestr(member, b"evil")
    with pytest.raises(DataError, match="lies outside the folder"):
        unpack(archive, tmp_path / "in" / "out")
    assert left_behind(tmp_path) == ["a.zip", "in"]
    assert left_behind(tmp_path / "in") == []


def test_links_are_refused(tmp_path):
    link = zipfile.ZipInfo("images")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as opened:
        opened.writestr(link, "/etc")
        opened.writestr("images/passwd", "x")
    with pytest.raises(DataError, match="holds the link 'images'"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    assert left_behind(tmp_path) == ["a.zip"]


def test_a_bomb_is_refused_before_it_unpacks(tmp_path):
    archive = packed(tmp_path / "a.zip", {"images/a.bmp": bytes(3 * 2**20)}, zipfile.ZIP_DEFLATED)
    assert archive.stat().st_size < 10_000
    with pytest.raises(DataError, match=r"unpacks to 3\.0 MiB, expected at most 1\.0 MiB"):
        unpack(archive, tmp_path / "out", max_bytes=2**20)
    assert left_behind(tmp_path) == ["a.zip"]


def test_an_encrypted_archive_is_refused(tmp_path):
    archive = packed(tmp_path / "a.zip", {"a.jpg": b"image"})
    data = bytearray(archive.read_bytes())
    # the lowest bit of the general purpose flags: 6 bytes into the local header, 8 into the central one
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)
    with pytest.raises(DataError, match="encrypted"):
        unpack(archive, tmp_path / "out")


@pytest.mark.parametrize("damage", ["no zip", "cut", "wrong checksum", "unknown method"])
def test_damage_is_refused_and_leaves_nothing(tmp_path, damage):
    archive = packed(tmp_path / "a.zip", {"a.jpg": b"image" * 100, "b.jpg": b"image" * 100})
    data = bytearray(archive.read_bytes())
    if damage == "no zip":
        data = b"<html>404</html>"
    elif damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "wrong checksum":
        data[data.index(b"image") + 3] ^= 0xFF
    else:
        method = struct.pack("<H", 77)
        data[8:10] = method
        place = data.index(b"PK\x01\x02") + 10
        data[place : place + 2] = method
    archive.write_bytes(data)
    with pytest.raises(DataError, match=r"a\.zip is damaged or no zip"):
        unpack(archive, tmp_path / "out")
    assert left_behind(tmp_path) == ["a.zip"]


def test_a_file_in_the_place_of_a_folder(tmp_path):
    archive = packed(tmp_path / "a.zip", {"images": b"file", "images/a.jpg": b"image"})
    with pytest.raises(DataError, match="can't be unpacked"):
        unpack(archive, tmp_path / "out")
    assert left_behind(tmp_path) == ["a.zip"]


def test_an_absent_archive(tmp_path):
    with pytest.raises(DataError, match=r"a\.zip is no file; expected a zip"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
