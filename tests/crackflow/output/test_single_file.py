import json
import os

import pytest

from crackflow.errors import CrackflowError
from crackflow.output.single_file import check_replaceable, json_with


def _ours(content):
    return b"made by us" in content


def test_what_the_command_wrote_is_replaced_and_nothing_else(tmp_path):
    path = tmp_path / "page.html"
    check_replaceable(path, _ours, "--html")
    path.write_text("<p>made by us</p>")
    check_replaceable(path, _ours, "--html")
    path.write_text("notes")
    with pytest.raises(CrackflowError, match=r"--html is .*page\.html, which this command did not write"):
        check_replaceable(path, _ours, "--html")
    with pytest.raises(CrackflowError, match="which is a folder"):
        check_replaceable(tmp_path, _ours, "--html")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_what_is_no_file_is_neither_read_nor_replaced(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "nowhere").symlink_to("absent")
    os.mkfifo(tmp_path / "pipe")
    for name in ("loop", "nowhere", "pipe"):
        with pytest.raises(CrackflowError, match=f"{name}, which is no regular file; name another file"):
            check_replaceable(tmp_path / name, _ours, "--html")


@pytest.mark.parametrize(
    ("content", "ours"),
    [
        (json.dumps({"folds": 5, "crack": {}, "more": 1}).encode(), True),
        (b'{"folds": [1, 2]}', False),
        (b'["folds", "crack"]', False),
        (b'notes on "folds" and "crack"', False),
        (b"\xff\xfe", False),
        (b"[" * 100_000, False),
    ],
)
def test_a_result_is_known_by_all_of_its_keys(content, ours):
    assert json_with({"folds", "crack"})(content) is ours
