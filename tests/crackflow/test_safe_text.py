from dvc_render.html import render_html
from dvc_render.image import ImageRenderer

from crackflow.safe_text import cell, identifier, printable
from crackflow.sources.layouts import stem_of


def test_what_moves_a_cursor_or_ends_a_line_is_replaced():
    assert printable("a\x1b[31m\nb\u202e\udcffc") == "a\ufffd[31m\ufffdb\ufffd\ufffdc"
    assert printable("Straße 5 [red].jpg") == "Straße 5 [red].jpg"


def test_a_spreadsheet_computes_no_cell():
    for text in ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\uff1d1"):
        assert cell(text) == f"'{text}"
    assert cell("a=1") == "a=1"


def test_names_of_pairs_are_no_markup_and_no_formula():
    assert identifier("a<b>\"c'&") == "a_b__c'&"
    assert identifier("=1") == "_=1"
    assert identifier("road_1") == "road_1"


def test_a_page_of_dvc_holds_no_element_that_a_name_made(tmp_path):
    # as `dvc plots show` writes those of reports/mini_test
    stem = stem_of("<img src=x onerror=alert(1)>.jpg")
    picture = {"src": f"static/{stem}.png", "rev": "workspace"}
    page = render_html([ImageRenderer([picture], f"overlays/{stem}.png")], tmp_path / "index.html")
    assert "<img src=x" not in page.read_text()
    assert page.read_text().count("<img ") == 1
