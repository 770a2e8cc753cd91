import pytest

from pipelines.app import shelf as module
from pipelines.app.shelf import Limits, RejectedError, Shelf


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "MIB", 10)
    return Shelf(tmp_path, Limits(photographs=3, mib_each=10, mib_all=15))


def rejected(shelf, name, size=0):
    with pytest.raises(RejectedError) as error:
        shelf.reserve(name, size)
    assert not list(shelf.folder.iterdir())
    return error.value


@pytest.mark.parametrize(
    "name",
    ["../a.jpg", "..\\a.jpg", "/etc/a.jpg", "a/b.jpg", ".a.jpg", "a\n.jpg", "a\0.jpg", "a\x1b[2J.jpg", "", "x" * 300],
)
def test_a_name_that_is_a_path_or_no_line_is_rejected(shelf, name):
    assert rejected(shelf, name).status == 400


@pytest.mark.parametrize("name", ["a.html", "a.svg", "a", "a.jpg.exe", "jpg"])
def test_a_file_of_another_kind_is_rejected(shelf, name):
    assert rejected(shelf, name).status == 415


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("Straße 1 (a).JPG", "Straße 1 (a)"),
        ("<script>alert(1)<script>.png", "_script_alert(1)_script_"),
        ("a:b|c?.png", "a_b_c_"),
        ("CON.png", "_CON"),
        (" . .png", "photograph"),
        ("y" * 150 + ".png", "y" * 100),
        ("\U00020000" * 190 + ".png", "\U00020000" * 25),  # four bytes each
    ],
)
def test_a_label_is_a_file_name_on_every_system(shelf, name, label):
    item = shelf.reserve(name, 0)
    assert (item.name, item.label) == (name, label)
    assert item.path.parent == shelf.folder / "1"
    assert item.path.name == f"{label}.{name.rpartition('.')[2].lower()}"


def test_no_two_have_one_name_or_label(shelf):
    items = [shelf.reserve(name, 0) for name in ("a.jpg", "A.png", "a.jpg")]
    assert [item.label for item in items] == ["a", "A (2)", "a (3)"]
    assert [item.name for item in items] == ["a.jpg", "A (2).png", "a (3).jpg"]
    assert [item.number for item in items] == [1, 2, 3]


def test_there_are_only_so_many_at_a_time(shelf):
    items = [shelf.reserve("a.jpg", 0) for _ in range(3)]
    with pytest.raises(RejectedError, match="3 photographs are here already") as error:
        shelf.reserve("a.jpg", 0)
    assert error.value.status == 429
    shelf.remove(items[0])
    assert not items[0].folder.exists()
    # a number is never given twice
    assert shelf.reserve("a.jpg", 0).number == 4


def test_what_is_announced_as_too_large_is_rejected_before_it_comes(shelf):
    """MIB stands for 10 bytes here: 100 of one file, 150 of all."""
    assert rejected(shelf, "a.jpg", 101).status == 413
    shelf.grow(shelf.reserve("a.jpg", 100), 100)
    with pytest.raises(RejectedError, match="together"):
        shelf.reserve("b.jpg", 51)
    shelf.reserve("b.jpg", 50)


def test_what_is_larger_than_announced_is_rejected_while_it_comes(shelf):
    first, second = shelf.reserve("a.jpg", 0), shelf.reserve("b.jpg", 0)
    shelf.grow(first, 60)
    with pytest.raises(RejectedError, match=r"a\.jpg is larger than 10 MiB"):
        shelf.grow(first, 41)
    shelf.remove(first)
    shelf.grow(second, 100)
    with pytest.raises(RejectedError, match="was removed") as error:
        shelf.grow(first, 1)
    assert error.value.status == 410
