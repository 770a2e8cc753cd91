import pytest

from crackflow.errors import CrackflowError
from crackflow.output.single_file import check_replaceable


def test_what_the_command_wrote_is_replaced_and_nothing_else(tmp_path):
    path = tmp_path / "page.html"
    check_replaceable(path, "made by us", "--html")
    path.write_text("<p>made by us</p>")
    check_replaceable(path, "made by us", "--html")
    path.write_text("notes")
    with pytest.raises(CrackflowError, match=r"--html is .*page\.html, which this command did not write"):
        check_replaceable(path, "made by us", "--html")
    with pytest.raises(CrackflowError, match="which is a folder"):
        check_replaceable(tmp_path, "made by us", "--html")
