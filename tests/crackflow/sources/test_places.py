from crackflow.sources.places import walk


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
