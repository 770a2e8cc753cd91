import pytest

from tests.pages import Page

GOOD = "<h1>a</h1><section id=b><h2>c</h2><img alt=d><label>e <input></label></section>"


def test_a_page_by_the_rules_has_no_faults():
    assert Page(GOOD).faults == []


@pytest.mark.parametrize(
    ("more", "fault"),
    [
        ("<p><b></p></b>", "</p> closes"),
        ("<div>", "<div> is never closed"),
        ("<p id=b></p>", "id b twice"),
        ("<p aria-labelledby=x></p>", "no element with id x"),
        ("<img>", "without alt"),
        ("<select></select>", "without a label"),
        ("<table><tr><td></td></tr></table>", "without a caption"),
        ("<h1>again</h1>", "not one h1"),
        ("<h4>deep</h4>", "h4 after h2"),
        ("<p onclick=x()></p>", "onclick"),
        ("<p style=x></p>", "style in an attribute"),
        ("<script>alert(1)</script>", "the policy forbids"),
        ("<p class=a class=b></p>", "attribute twice"),
    ],
)
def test_each_fault_is_found(more, fault):
    assert fault in " ".join(Page(GOOD + more).faults)
