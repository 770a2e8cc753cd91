import os
import socket

import pytest

from crackflow.errors import DataError
from crackflow.sources.places import reject_unsafe, walk


def walked(top):
    return [(str(folder.relative_to(top)), links, files) for folder, links, files in walk(top)]


def test_folders_behind_links_are_walked(tmp_path):
    (tmp_path / "other/deep").mkdir(parents=True)
    (tmp_path / "other/deep/a").touch()
    (tmp_path / "top").mkdir()
    (tmp_path / "top/b").touch()
    (tmp_path / "top/link").symlink_to("../other")
    assert walked(tmp_path / "top") == [(".", ["link"], ["b"]), ("link", [], []), ("link/deep", [], ["a"])]


def test_links_in_a_circle_end(tmp_path):
    for name, other in (("one", "two"), ("two", "one")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "next").symlink_to(f"../{other}")
    assert walked(tmp_path / "one") == [(".", ["next"], []), ("next", ["next"], [])]


def test_a_link_to_what_holds_the_folder_is_not_followed(tmp_path):
    (tmp_path / "top").mkdir()
    (tmp_path / "secret").touch()
    (tmp_path / "top/up").symlink_to("..")
    assert walked(tmp_path / "top") == [(".", ["up"], [])]


@pytest.fixture
def place(tmp_path):
    (tmp_path / "set/images").mkdir(parents=True)
    (tmp_path / "set/images/a.png").write_bytes(b"a")
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "elsewhere").mkdir()
    return tmp_path / "set"


def test_files_folders_and_links_that_stay_inside_are_taken(place, tmp_path):
    (place / "images/b.png").symlink_to("a.png")
    reject_unsafe(place)
    (tmp_path / "link").symlink_to("set")
    reject_unsafe(tmp_path / "link")
    reject_unsafe(tmp_path / "link/images/a.png")
    reject_unsafe(tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "target", "said"),
    [
        ("images/k.png", "../../secret", r"set/images/k\.png is a link to .*secret, which lies outside"),
        ("images/k.png", "none.png", r"k\.png is a link to .*none\.png, which is not there"),
        ("images/loop", "loop", r"loop is a link"),
    ],
)
def test_a_link_that_can_not_be_watched_is_said(place, name, target, said):
    (place / name).symlink_to(target)
    with pytest.raises(DataError, match=said):
        reject_unsafe(place)


def test_links_to_folders_are_followed_and_lead_not_further(place, tmp_path):
    (place / "other").symlink_to("../elsewhere")
    (tmp_path / "elsewhere/a.png").write_bytes(b"a")
    (place / "images/a2.png").symlink_to("../../elsewhere/a.png")
    (tmp_path / "elsewhere/again").symlink_to("../set")
    reject_unsafe(place)
    (tmp_path / "elsewhere/k.png").symlink_to("../secret")
    with pytest.raises(DataError, match=r"set/other/k\.png is a link to .*secret, which lies outside"):
        reject_unsafe(place)


def test_links_that_dvc_made_lead_to_its_cache(place):
    (place / "images/k.png").symlink_to("../../secret")
    place.with_name("set.dvc").write_text("outs: []\n")
    reject_unsafe(place)


def test_special_files_are_said(place):
    os.mkfifo(place / "images/pipe.png")
    with pytest.raises(DataError, match=r"pipe\.png is a named pipe, expected files and folders; remove it"):
        reject_unsafe(place)
    with pytest.raises(DataError, match=r"pipe\.png is a named pipe, expected a folder or a zip"):
        reject_unsafe(place / "images/pipe.png")
    (place / "images/pipe.png").unlink()
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(place / "s"))
        with pytest.raises(DataError, match="s is a socket"):
            reject_unsafe(place)
