import errno
import zipfile

import pytest

from crackflow.errors import DataError
from crackflow.params import ArchiveParams
from crackflow.sources import sets
from crackflow.sources.sets import fetch_set, find_sets
from crackflow.sources.source import PairSet


def lay(root, *names):
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def one_set(root):
    return lay(root, "images/1.jpg", "masks/1.png")


def packed(path, *names):
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)


def found(root):
    return [path.relative_to(root).as_posix() for path in find_sets(root)]


@pytest.fixture
def root(tmp_path):
    return tmp_path / "sets"


def test_folders_links_and_zips_are_sets(root, tmp_path):
    one_set(root / "walls")
    lay(root / "roads/deeper", "a.jpg", "a_mask.png")
    lay(root / "bridges", "train/images/1.jpg", "train/masks/1.png")
    (root / "linked").symlink_to(one_set(tmp_path / "elsewhere"))
    packed(root / "packed.ZIP", "images/1.jpg", "masks/1.png")
    lay(root, "README.md", ".hidden/images/1.jpg", "__MACOSX/x")
    assert found(root) == ["bridges", "linked", "packed.ZIP", "roads", "walls"]


def test_a_folder_with_a_layout_of_its_own_is_one_set(root):
    for name in ("walls", "roads", ""):
        one_set(root / name)
    assert found(root) == []


def test_so_is_one_with_subsets(root):
    one_set(root / "train")
    one_set(root / "other")
    assert found(root) == []


def test_one_folder_alone_is_one_set_and_one_zip_alone_is_a_set(root):
    one_set(root / "only")
    assert found(root) == []
    packed(root.parent / "zipped/only.zip", "images/1.jpg")
    assert found(root.parent / "zipped") == ["only.zip"]


def test_kaggles_set_is_a_set_as_its_cache_holds_it(root, tmp_path):
    """Below 1/files a folder, and in it all pairs in images/ and masks/ and again in train/ and test/."""
    files = tmp_path / "cache/1/files"
    for place in ("", "train/", "test/"):
        one_set(files / "crack_segmentation_dataset" / place)
    one_set(root / "mine")
    (root / "kaggle").symlink_to(files)
    assert found(root) == ["kaggle", "mine"]


def test_sets_may_lie_deeper(root):
    for name in ("a", "b"):
        one_set(root / "top" / name)
    assert found(root) == ["top/a", "top/b"]


@pytest.mark.parametrize("names", [("images/a.jpg", "drawings/a.jpg"), ("a/x.txt", "b/y.txt"), ("a.jpg",)])
def test_what_holds_no_set_is_left_to_find_pairs(root, names):
    assert found(lay(root, *names)) == []


def test_images_alone_are_no_set_however_their_folder_looks(root):
    """Half of one set, beside another folder."""
    lay(root, "images/a.jpg", "images/a_mask.png", "notes/a.jpg", "notes/a_mask.png")
    assert found(root) == []


def test_a_folder_that_is_no_set_is_rejected(root):
    one_set(root / "walls")
    lay(root, "roads/images/1.jpg", "roads/drawings/1.png")
    with pytest.raises(DataError, match=r"sets/roads holds drawings, images; expected images/ and masks/ .* elsewhere"):
        find_sets(root)


def test_a_link_that_leads_nowhere_is_rejected(root):
    one_set(root / "walls")
    (root / "roads").symlink_to("../gone")
    with pytest.raises(DataError, match=r"sets/roads is a link to \.\./gone, which is not there; mount it"):
        find_sets(root)


def test_a_zip_beside_one_folder_is_a_set_too(root):
    one_set(root / "walls")
    packed(root / "roads.zip", "images/1.jpg")
    assert found(root) == ["roads.zip", "walls"]


def test_a_link_to_itself_is_rejected(root):
    one_set(root / "walls")
    (root / "roads").symlink_to("roads")
    with pytest.raises(DataError, match="sets/roads is a link to roads, which is not there"):
        find_sets(root)


def test_a_link_to_the_folder_around_is_no_set(root):
    one_set(root / "walls")
    (root / "again").symlink_to(root)
    with pytest.raises(DataError, match="sets/again holds again, walls; expected"):
        find_sets(root)


def test_archives_that_are_not_unpacked_are_rejected(root):
    one_set(root / "walls")
    packed(root / "roads.zip", "images/1.jpg")
    lay(root, "bridges.tar.gz")
    with pytest.raises(DataError, match=r"sets/bridges\.tar\.gz is an archive that is not unpacked; unpack it into"):
        find_sets(root)


@pytest.mark.parametrize("other", ["walls.zip", "WALLS.zip"])
def test_two_sets_of_one_name_are_rejected(root, other):
    one_set(root / "walls")
    packed(root / other, "images/1.jpg")
    with pytest.raises(
        DataError, match=r"holds (WALLS\.zip and walls|walls and walls\.zip), expected sets whose names dif"
    ):
        find_sets(root)


def test_one_folder_under_two_names_is_rejected(root):
    one_set(root / "walls")
    (root / "again").symlink_to("walls")
    with pytest.raises(DataError, match=r"sets/again and .*sets/walls are the same .*/walls, expected different sets"):
        find_sets(root)


def test_a_folder_that_can_not_be_read(root, monkeypatch):
    one_set(root / "walls")

    def denied(path, depth):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(sets, "find_places", denied)
    with pytest.raises(DataError, match=r"sets can't be read \(Permission denied\)"):
        find_sets(root)


def test_a_set_is_used_where_it_lies(root, tmp_path):
    one_set(root / "walls")
    (root / "linked").symlink_to("../elsewhere")
    one_set(tmp_path / "elsewhere")
    linked, walls = (fetch_set(path, tmp_path / "work", ArchiveParams()) for path in find_sets(root))
    assert linked == PairSet("linked", root / "linked", "linked", "../elsewhere")
    assert walls == PairSet("walls", root / "walls", "walls")
    assert not (tmp_path / "work").exists()


def test_a_zip_is_unpacked_and_named_without_its_ending(root, tmp_path):
    packed(root / "walls.v2.zip", "images/1.jpg", "notes.txt")
    got = fetch_set(root / "walls.v2.zip", tmp_path / "work", ArchiveParams())
    assert (got.name, got.folder, got.path, got.link) == (
        "walls.v2",
        tmp_path / "work/sets/walls.v2",
        "walls.v2.zip",
        None,
    )
    assert [path.name for path in got.folder.rglob("*.*")] == ["1.jpg"]
    assert [tuple(one) for one in got.left_out] == [("notes.txt", "is not an image file")]


@pytest.mark.parametrize("member", ["../1.jpg", "/images/1.jpg", "images/../../1.jpg"])
def test_a_zip_that_escapes_is_rejected(root, tmp_path, member):
    packed(root / "walls.zip", "images/1.jpg", member)
    with pytest.raises(DataError, match=r"sets/walls\.zip holds .*, which would be written outside the target folder"):
        fetch_set(root / "walls.zip", tmp_path / "work", ArchiveParams())
    assert not (tmp_path / "1.jpg").exists()


def test_a_zip_of_links_and_a_bad_zip_are_rejected(root, tmp_path):
    root.mkdir()
    link = zipfile.ZipInfo("images/1.jpg")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(root / "walls.zip", "w") as archive:
        archive.writestr(link, "/etc/hostname")
    with pytest.raises(DataError, match=r"walls\.zip holds the link 'images/1\.jpg'"):
        fetch_set(root / "walls.zip", tmp_path / "work", ArchiveParams())
    (root / "roads.zip").write_text("no zip")
    with pytest.raises(DataError, match=r"roads\.zip is damaged or not a zip"):
        fetch_set(root / "roads.zip", tmp_path / "work", ArchiveParams())
