import io
import os
import resource
import shutil
import stat
import struct
import subprocess
import sys
import tarfile
import tempfile
import unicodedata
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crackflow.errors import DataError
from crackflow.params import ArchiveParams
from crackflow.sources.archive import unpack

LIMITS = ArchiveParams()
MIB = 2**20


def packed(path, members, compression=zipfile.ZIP_STORED):
    """A zip with exactly these names; `writestr` alone would change some."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in members.items() if isinstance(members, dict) else members:
            member = name if isinstance(name, zipfile.ZipInfo) else zipfile.ZipInfo("x")
            if member is not name:
                member.filename = name
                member.compress_type = compression
            archive.writestr(member, content)
    return path


def left_behind(folder):
    return sorted(path.name for path in folder.iterdir())


def tree(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_unpacks_all_of_it(tmp_path):
    archive = packed(tmp_path / "a.zip", {"set/images/a.jpg": b"image", "set/masks/a.PNG": b"mask", "set/empty/": b""})
    assert unpack(archive, tmp_path / "out" / "here", LIMITS) == ()
    assert tree(tmp_path / "out") == {"here/set/images/a.jpg": b"image", "here/set/masks/a.PNG": b"mask"}
    assert left_behind(tmp_path / "out") == ["here"]


def test_the_folder_is_made_for_all_to_read_with_those_above_it(tmp_path):
    archive = packed(tmp_path / "a.zip", {"images/a.jpg": b"image"})
    unpack(archive, tmp_path / "one" / "two" / "out", LIMITS)
    assert stat.S_IMODE((tmp_path / "one" / "two" / "out").stat().st_mode) == 0o755


def test_a_killed_process_leaves_a_folder_that_says_whose_it_is(tmp_path, monkeypatch):
    archive = packed(tmp_path / "a.zip", {"images/a.jpg": b"image"})
    meanwhile = []

    def tracked(members, *_, **__):
        meanwhile.extend(left_behind(tmp_path))
        return members

    monkeypatch.setattr("crackflow.sources.archive.track", tracked)
    unpack(archive, tmp_path / "out", LIMITS)
    assert [name.startswith(".out.") for name in meanwhile] == [True, False]


def test_files_that_are_not_images_are_left_out(tmp_path):
    names = ["README.md", "images/Thumbs.db", "__MACOSX/a.jpg", ".hidden/a.jpg", "more/inner.zip", "x.tar.gz"]
    archive = packed(tmp_path / "a.zip", {"images/a.jpg": b"image"} | dict.fromkeys(names, b"x"))
    aside = unpack(archive, tmp_path / "out", LIMITS)
    assert tree(tmp_path / "out") == {"images/a.jpg": b"image"}
    assert [tuple(one) for one in aside] == [
        ("README.md", "is not an image file"),
        ("images/Thumbs.db", "is not an image file"),
        ("__MACOSX/a.jpg", "is a hidden or OS metadata file"),
        (".hidden/a.jpg", "is a hidden or OS metadata file"),
        ("more/inner.zip", "is an archive inside the archive, which is not unpacked"),
        ("x.tar.gz", "is an archive inside the archive, which is not unpacked"),
    ]


def test_backslashes_separate_folders(tmp_path):
    unpack(packed(tmp_path / "a.zip", {"images\\a.jpg": b"image"}), tmp_path / "out", LIMITS)
    assert tree(tmp_path / "out") == {"images/a.jpg": b"image"}


@pytest.mark.parametrize(
    "name",
    [
        "../evil.jpg",
        "images/../../evil.jpg",
        "images/../evil.jpg",
        "images/..",
        "/evil.jpg",
        "//server/share/evil.jpg",
        "C:/evil.jpg",
        "C:evil.jpg",
        "..\\evil.jpg",
        "\\evil.jpg",
        "\\\\server\\share\\evil.jpg",
        "\\\\?\\C:\\evil.jpg",
        "images\\..\\..\\evil.jpg",
    ],
)
def test_members_outside_the_target_are_rejected(tmp_path, name):
    archive = packed(tmp_path / "a.zip", {"images/a.jpg": b"fine", name: b"evil"})
    with pytest.raises(DataError, match="would be written outside the target folder"):
        unpack(archive, tmp_path / "in" / "out", LIMITS)
    assert left_behind(tmp_path) == ["a.zip", "in"]
    assert left_behind(tmp_path / "in") == []


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (stat.S_IFLNK, "holds the link 'images'"),
        (stat.S_IFCHR, "'images', which is not a regular file"),
        (stat.S_IFBLK, "not a regular file"),
        (stat.S_IFIFO, "not a regular file"),
        (stat.S_IFSOCK, "not a regular file"),
    ],
)
def test_links_and_devices_are_rejected(tmp_path, kind, message):
    link = zipfile.ZipInfo("images")
    link.external_attr = (kind | 0o777) << 16
    archive = packed(tmp_path / "a.zip", [(link, "/etc"), ("images/passwd.jpg", "x")])
    with pytest.raises(DataError, match=message):
        unpack(archive, tmp_path / "out", LIMITS)
    assert left_behind(tmp_path) == ["a.zip"]


TWINS = "names are the same or differ only in case or accents"


@pytest.mark.parametrize(
    "twins",
    [
        ("images/a.jpg", "images/A.JPG"),
        ("images/a.jpg", "IMAGES/a.jpg"),
        ("images/stra\u00dfe.jpg", "images/STRASSE.jpg"),
        (unicodedata.normalize("NFC", "images/é.jpg"), unicodedata.normalize("NFD", "images/é.jpg")),
        (unicodedata.normalize("NFC", "images/É.jpg"), unicodedata.normalize("NFD", "images/é.jpg")),
        ("images/a.jpg", "images//a.jpg"),
        ("images/a.jpg", "images\\a.jpg"),
        pytest.param(("images/a.jpg", "images/a.jpg"), marks=pytest.mark.filterwarnings("ignore:Duplicate name")),
    ],
)
def test_names_that_a_disk_can_not_tell_apart_are_left_out(tmp_path, twins):
    archive = packed(tmp_path / "a.zip", [*((name, name) for name in twins), ("images/b.jpg", "b")])
    aside = unpack(archive, tmp_path / "out", LIMITS)
    assert [one.name for one in aside] == [name.replace("\\", "/") for name in twins]
    assert all(one.reason == f"is one of 2 files whose {TWINS}" for one in aside)
    assert tree(tmp_path / "out") == {"images/b.jpg": b"b"}


def test_a_file_with_the_name_of_a_folder_is_left_out(tmp_path):
    archive = packed(tmp_path / "a.zip", {"images/A.jpg": b"file", "images/a.jpg/b.jpg": b"image"})
    assert unpack(archive, tmp_path / "out", LIMITS) == (("images/A.jpg", "is a file and a folder"),)
    assert tree(tmp_path / "out") == {"images/a.jpg/b.jpg": b"image"}


@pytest.mark.parametrize(
    "name",
    [
        "images/con.jpg",
        "images/LPT1.x.png",
        "NUL/a.jpg",
        "images/a\n.jpg",
        "images/a\x1b[31m.jpg",
        "images/\u202egpj.jpg",
        "images/a?.jpg",
        "images/a.jpg:stream.jpg",
        "images /a.jpg",
        "images./a.jpg",
    ],
)
def test_names_that_some_systems_can_not_store_are_left_out(tmp_path, name):
    archive = packed(tmp_path / "a.zip", {name: b"x", "images/common.jpg": b"image", "images/lpt.jpg": b"image"})
    assert unpack(archive, tmp_path / "out", LIMITS) == (
        (name, "has a name that Windows, macOS or Linux can't store; rename it"),
    )
    assert tree(tmp_path / "out") == {"images/common.jpg": b"image", "images/lpt.jpg": b"image"}


def test_names_that_are_too_long_are_left_out(tmp_path):
    # 126 two-byte letters and .jpg are 256 bytes; 251 letters and .jpg are 255
    long, fits = "é" * 126 + ".jpg", "a" * 251 + ".jpg"
    # 145 folders of 7 bytes with their slash are 1015, and 9 bytes more are 1024
    whole, deep = ("/".join(["folder"] * 145) + f"/{name}.jpg" for name in ("abcde", "abcdef"))
    archive = packed(tmp_path / "a.zip", {long: b"x", fits: b"fits", whole: b"fits", deep: b"x"})
    aside = unpack(archive, tmp_path / "out", LIMITS)
    assert [one.name for one in aside] == [long, deep]
    assert aside[0].reason == "has a name of more than 255 bytes, or 1024 with its folders; shorten it"
    assert tree(tmp_path / "out") == {fits: b"fits", whole: b"fits"}


def test_more_than_the_total_limit_is_rejected_before_it_unpacks(tmp_path):
    archive = packed(tmp_path / "a.zip", {f"images/{i}.bmp": bytes(MIB) for i in range(3)}, zipfile.ZIP_DEFLATED)
    # 3 MiB are 0.003 GiB
    with pytest.raises(DataError, match=r"unpacks to 0\.003 GiB or more, expected at most 0\.002; .*archive\.max_gib"):
        unpack(archive, tmp_path / "out", ArchiveParams(max_gib=0.002))
    assert left_behind(tmp_path) == ["a.zip"]
    # 3 MiB of 1,024 are the limit itself
    unpack(archive, tmp_path / "out", ArchiveParams(max_gib=3 / 1024))


def test_a_member_that_unpacks_to_far_more_than_it_takes_is_rejected(tmp_path):
    # one member of 17 MiB of zeros takes 17 KB, a thousandth; 2 MiB beside it are stored as they are
    dense = os.urandom(2 * MIB)
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as opened:
        opened.writestr("images/a.jpg", dense)
        opened.writestr("images/b.bmp", bytes(17 * MIB), zipfile.ZIP_DEFLATED)
    with pytest.raises(
        DataError, match=r"unpacks to 1,0\d\d times .*\('images/b\.bmp'\), expected at most 100: it may be a zip bomb"
    ):
        unpack(archive, tmp_path / "out", LIMITS)
    assert left_behind(tmp_path) == ["a.zip"]
    unpack(archive, tmp_path / "out", ArchiveParams(max_ratio=1100))


def test_the_room_on_the_disk_is_compared_before_it_unpacks(tmp_path, monkeypatch):
    archive = packed(tmp_path / "a.zip", {"images/a.bmp": bytes(3 * MIB)}, zipfile.ZIP_DEFLATED)
    for free, fits in ((3 * MIB - 1, False), (3 * MIB, True)):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: SimpleNamespace(free=free))
        if fits:
            unpack(archive, tmp_path / "out", LIMITS)
            continue
        with pytest.raises(DataError, match=r"to 0\.003 GiB or more, and the disk has room for 0\.003; make room"):
            unpack(archive, tmp_path / "out", LIMITS)
        assert left_behind(tmp_path) == ["a.zip"]


def test_more_files_than_can_be_listed_are_rejected(tmp_path, monkeypatch):
    monkeypatch.setattr("crackflow.sources.archive._MAX_MEMBERS", 2)
    unpack(packed(tmp_path / "a.zip", {"a.jpg": b"x", "b.jpg": b"x"}), tmp_path / "two", LIMITS)
    more = packed(tmp_path / "b.zip", {"a.jpg": b"x", "b.jpg": b"x", "c.txt": b"x"})
    with pytest.raises(DataError, match="holds 3 files, expected at most 2; split it"):
        unpack(more, tmp_path / "three", LIMITS)


def test_blank_pixels_of_16_mib_are_no_zip_bomb_and_a_byte_more_is(tmp_path):
    fits = packed(tmp_path / "a.zip", {"a.bmp": bytes(16 * MIB)}, zipfile.ZIP_DEFLATED)
    unpack(fits, tmp_path / "out", LIMITS)
    more = packed(tmp_path / "b.zip", {"a.bmp": bytes(16 * MIB + 1)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match="zip bomb"):
        unpack(more, tmp_path / "more", LIMITS)


def test_many_small_members_of_blank_pixels_are_a_zip_bomb_together(tmp_path):
    few = {f"masks/{i}.bmp": bytes(4 * MIB) for i in range(4)}
    unpack(packed(tmp_path / "a.zip", few, zipfile.ZIP_DEFLATED), tmp_path / "few", LIMITS)
    more = packed(tmp_path / "b.zip", few | {"masks/4.bmp": bytes(4 * MIB)}, zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match=r"b\.zip unpacks to 1,0\d\d times its packed size or more \(all of it\)"):
        unpack(more, tmp_path / "more", LIMITS)


def with_claimed_size(archive, size):
    """The same zip, all of whose headers say that its one member unpacks to `size` bytes."""
    data = bytearray(archive.read_bytes())
    # the size unpacked: 22 bytes into the local header, 24 into the central one
    for place in (22, data.index(b"PK\x01\x02") + 24):
        data[place : place + 4] = struct.pack("<I", size)
    archive.write_bytes(data)
    return archive


def test_a_zip_bomb_that_declares_a_false_size_is_stopped(tmp_path):
    archive = packed(tmp_path / "a.zip", {"a.bmp": bytes(20 * MIB)}, zipfile.ZIP_DEFLATED)
    with_claimed_size(archive, 1000)
    # zipfile stops at the size claimed, and the checksum is of the rest too
    with pytest.raises(DataError, match="is damaged or not a zip"):
        unpack(archive, tmp_path / "out", LIMITS)
    assert left_behind(tmp_path) == ["a.zip"]


def claim_a_kilobyte(monkeypatch):
    """Every member says that it has 1,000 bytes."""
    honest = zipfile.ZipFile.infolist

    def lying(opened):
        members = honest(opened)
        for member in members:
            member.file_size = 1000
        return members

    monkeypatch.setattr(zipfile.ZipFile, "infolist", lying)


def test_bytes_are_counted_as_they_are_unpacked(tmp_path, monkeypatch):
    """Were the size claimed believed by the reader too, the count alone would stop it."""
    archive = packed(tmp_path / "a.zip", {"a.bmp": bytes(20 * MIB)}, zipfile.ZIP_DEFLATED)
    claim_a_kilobyte(monkeypatch)
    # the reader asks the member itself for its size, so hand it the real bytes
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: io.BytesIO(bytes(20 * MIB)))
    with pytest.raises(DataError, match=r"unpacks to 8\d\d times its packed size or more \('a\.bmp'\)"):
        unpack(archive, tmp_path / "out", LIMITS)
    assert left_behind(tmp_path) == ["a.zip"]


def test_bytes_of_all_members_are_counted_together(tmp_path, monkeypatch):
    """Two members of 12 MiB, neither above what is harmless, in a zip that says 1,000 bytes each."""
    archive = packed(tmp_path / "a.zip", dict.fromkeys(("a.bmp", "b.bmp"), bytes(12 * MIB)), zipfile.ZIP_DEFLATED)
    claim_a_kilobyte(monkeypatch)
    monkeypatch.setattr(zipfile.ZipFile, "open", lambda *_: io.BytesIO(bytes(12 * MIB)))
    with pytest.raises(DataError, match=r"times its packed size or more \(all of it\)"):
        unpack(archive, tmp_path / "out", LIMITS)
    assert left_behind(tmp_path) == ["a.zip"]


def test_members_that_share_packed_bytes_are_compared_with_the_file(tmp_path):
    """A bomb without a nested zip: every entry of the directory points to the same 4 KB, which unpack to 4 MiB."""
    archive = packed(tmp_path / "a.zip", {"a.bmp": bytes(4 * MIB)}, zipfile.ZIP_DEFLATED)
    data = archive.read_bytes()
    start = data.index(b"PK\x01\x02")
    end = data.index(b"PK\x05\x06")
    entry = data[start:end]
    assert entry.count(b"a.bmp") == 1
    entries = b"".join(entry.replace(b"a.bmp", b"%c.bmp" % letter) for letter in b"abcdefgh")
    tail = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 8, 8, len(entries), start, 0)
    archive.write_bytes(data[:start] + entries + tail)
    with pytest.raises(DataError, match=r"times its packed size or more \(all of it\)"):
        unpack(archive, tmp_path / "out", LIMITS)


def test_an_encrypted_archive_is_rejected(tmp_path):
    archive = packed(tmp_path / "a.zip", {"a.jpg": b"image"})
    data = bytearray(archive.read_bytes())
    # the lowest bit of the general purpose flags: 6 bytes into the local header, 8 into the central one
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    archive.write_bytes(data)
    with pytest.raises(DataError, match="encrypted"):
        unpack(archive, tmp_path / "out", LIMITS)


@pytest.mark.parametrize("damage", ["no zip", "cut", "wrong checksum", "unknown method", "no UTF-8"])
def test_damage_is_rejected_and_leaves_nothing(tmp_path, damage):
    archive = packed(tmp_path / "a.zip", {"a.jpg": b"image" * 100, "b.jpg": b"image" * 100})
    data = bytearray(archive.read_bytes())
    central = data.index(b"PK\x01\x02")
    if damage == "no zip":
        data = b"<html>404</html>"
    elif damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "wrong checksum":
        data[data.index(b"image") + 3] ^= 0xFF
    elif damage == "no UTF-8":
        data[central + 9] |= 0x08
        data[central + 46] = 0xFF
    else:
        method = struct.pack("<H", 77)
        data[8:10] = method
        data[central + 10 : central + 12] = method
    archive.write_bytes(data)
    reason = {"no zip": "File is not a zip file", "wrong checksum": "Bad CRC-32"}.get(damage, "")
    with pytest.raises(DataError, match=rf"a\.zip is damaged or not a zip \({reason}.*\); download or pack it again"):
        unpack(archive, tmp_path / "out", LIMITS)
    assert left_behind(tmp_path) == ["a.zip"]


def test_zip64_is_read(tmp_path):
    with (
        zipfile.ZipFile(tmp_path / "a.zip", "w") as opened,
        opened.open("images/a.jpg", "w", force_zip64=True) as member,
    ):
        member.write(b"image")
    unpack(tmp_path / "a.zip", tmp_path / "out", LIMITS)
    assert tree(tmp_path / "out") == {"images/a.jpg": b"image"}


@pytest.mark.parametrize("mode", ["w", "w:gz", "w:xz"])
def test_a_tar_is_rejected_with_what_to_do(tmp_path, mode):
    with tarfile.open(tmp_path / "a.tar", mode) as opened:
        opened.addfile(tarfile.TarInfo("images/a.jpg"))
    with pytest.raises(DataError, match=r"is a tar archive, expected a zip or a folder; unpack it \(tar -xf\)"):
        unpack(tmp_path / "a.tar", tmp_path / "out", LIMITS)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({}, "holds nothing; expected images and masks"),
        ({"README.md": b"x"}, r"no image that can be used \(1 file was left out, the first: 'README\.md' is not an im"),
        (
            {"README.md": b"x", "con.jpg": b"x"},
            r"no image that can be used \(2 files were left out, the first: 'README\.md' is not an image file\); expe",
        ),
    ],
)
def test_an_archive_without_images_is_rejected(tmp_path, members, said):
    with pytest.raises(DataError, match=said):
        unpack(packed(tmp_path / "a.zip", members), tmp_path / "out", LIMITS)
    assert left_behind(tmp_path) == ["a.zip"]


def test_an_absent_archive(tmp_path):
    with pytest.raises(DataError, match=r"a\.zip is not a file; expected a zip"):
        unpack(tmp_path / "a.zip", tmp_path / "out", LIMITS)


def test_a_write_that_fails_gives_one_line(tmp_path):
    """A file may grow to 1 MiB here, as on a disk that is full: the kernel says so in the middle of a member."""
    archive = packed(tmp_path / "a.zip", {"images/a.jpg": os.urandom(3 * MIB)})
    program = (
        "import resource, sys; from pathlib import Path; from crackflow.sources.archive import unpack\n"
        "from crackflow.errors import DataError; from crackflow.params import ArchiveParams\n"
        f"resource.setrlimit(resource.RLIMIT_FSIZE, ({MIB}, {MIB}))\n"
        "try: unpack(Path(sys.argv[1]), Path(sys.argv[2]), ArchiveParams())\n"
        "except DataError as error: print(error)\n"
    )
    assert resource.getrlimit(resource.RLIMIT_FSIZE)
    done = subprocess.run(
        [sys.executable, "-c", program, archive, tmp_path / "out"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{archive} can't be unpacked: File too large; make room or pack it again\n"
    assert left_behind(tmp_path) == ["a.zip"]


PARTS = st.one_of(
    st.sampled_from(["..", ".", "", "~", "images", "Images", "masks", "C:", "c:", "CON", "nul.jpg", "a.jpg", "A.JPG"]),
    st.sampled_from(
        ["é.jpg", "e\u0301.jpg", "\\", "..\\..", "\\\\host\\share", "\x00", "a\x00.jpg", "x" * 300, "a.zip"]
    ),
    st.text(min_size=0, max_size=8),
)
NAMES = st.lists(PARTS, min_size=1, max_size=5).flatmap(
    lambda parts: st.sampled_from(["/", "\\", "//"]).map(lambda separator: separator.join(parts))
)
MEMBERS = st.lists(st.tuples(NAMES, st.sampled_from([0, stat.S_IFREG, stat.S_IFDIR, stat.S_IFLNK])), max_size=6)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@settings(max_examples=150, deadline=None)
@given(members=MEMBERS)
@example(members=[("images/a.jpg", 0), ("images/../../../out/evil.jpg", 0)])
@example(members=[("images", stat.S_IFLNK), ("images/a.jpg", 0)])
@example(members=[("a.jpg", 0), ("a.jpg/b.jpg", 0), ("A.jpg/B.jpg", 0)])
def test_whatever_the_names_nothing_is_written_outside_the_target(members):
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        # the target lies deep, so that a few `..` are seen
        target = root / "one" / "two" / "out"
        target.parent.mkdir(parents=True)
        infos = []
        for number, (member_name, kind) in enumerate(members):
            info = zipfile.ZipInfo("x")
            info.filename = member_name.encode("utf-8", "replace").decode()
            info.external_attr = kind << 16
            infos.append((info, f"content {number}"))
        archive = packed(root / "a.zip", infos)
        outside = {path for path in root.rglob("*") if path != target}
        said = ""
        try:
            aside = unpack(archive, target, LIMITS)
        except DataError as error:
            said = str(error)
        assert "\n" not in said
        found = set(root.rglob("*"))
        assert {path for path in found if target not in (path, *path.parents)} == outside
        assert target.exists() is (said == "")
        if not said:
            files = [path for path in found if path.is_file() and target in path.parents]
            assert not any(path.is_symlink() for path in found)
            # every file of the archive is unpacked or set aside, once
            names = [info.filename.replace("\\", "/") for info, _ in infos]
            assert len(files) + len(aside) == sum(not one.split("\0")[0].endswith("/") for one in names)
            assert len({unicodedata.normalize("NFC", str(path)).casefold() for path in files}) == len(files)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_whatever_the_bytes_it_is_unpacked_or_rejected(data):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as opened:
        opened.writestr("images/a.jpg", b"image" * 9)
        opened.writestr("masks/a.png", b"mask" * 9)
    broken = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    with tempfile.TemporaryDirectory() as name:
        archive = Path(name) / "a.zip"
        archive.write_bytes(broken)
        try:
            unpack(archive, Path(name) / "out", LIMITS)
        except DataError:
            assert left_behind(Path(name)) == ["a.zip"]
        else:
            assert left_behind(Path(name)) == ["a.zip", "out"]
