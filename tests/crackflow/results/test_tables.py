import csv
import io

import pytest

from crackflow.geometry.cracks import CrackNetwork, WidthSummary
from crackflow.results.tables import CRACK_COLUMNS, PHOTO_COLUMNS, cracks, safe_cell, summary
from tests.crackflow.results.conftest import made_crack


def rows(content):
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_a_row_for_each_photograph_in_order_and_the_skipped_last(made_run, empty):
    run = made_run("b.jpg", "a.jpg", networks={"a.jpg": empty}, skipped=[("c.jpg", "c.jpg is truncated")])
    found = rows(summary(run))
    assert [(row["photo"], row["status"], row["reason"]) for row in found] == [
        ("b.jpg", "cracked", ""),
        ("a.jpg", "empty", ""),
        ("c.jpg", "skipped", "c.jpg is truncated"),
    ]
    assert tuple(found[0]) == PHOTO_COLUMNS
    # 12 of 96 px
    assert found[0]["crack_share"] == "0.125"
    assert (found[0]["cracks"], found[0]["total_length_px"], found[0]["width_class"]) == ("1", "6.5", "hairline")
    assert (found[1]["crack_share"], found[1]["width_max_px"], found[1]["width_class"]) == ("0.0", "", "")
    assert (found[0]["width_p95_px"], found[0]["width_max_px"]) == ("1.5", "2.0")
    assert {found[2][name] for name in PHOTO_COLUMNS[3:]} == {""}


def test_a_row_for_each_crack(made_run):
    second = made_crack(2, [(5, 5), (9, 5)], 3.0, confidence=None)
    first = made_crack(
        1, [(1, 1), (2, 1)], 2.0, optical_width_px=WidthSummary(1.5, 1.25, 2.0, 2.5), width_kind="optical"
    )
    network = CrackNetwork((first, second), 30.0, 30 / 96, 0, 0.5, (12, 8))
    one, two = rows(cracks(made_run("a.jpg", networks={"a.jpg": network})))
    assert tuple(one) == CRACK_COLUMNS
    assert (one["width_mean_px"], one["optical_width_mean_px"], one["mask_width_mean_px"]) == ("1.5", "1.5", "2.0")
    assert one["width_kind"] == "optical"
    assert (two["width_max_px"], two["optical_width_max_px"], two["width_kind"]) == ("4.0", "", "mask")
    assert (one["tortuosity"], one["confidence"], two["confidence"]) == ("1.25", "0.75", "")


def test_millimetres_only_with_a_scale(made_run):
    """The first photograph has 0.5 mm per px: 6.5 px are 3.25 mm, 11 px2 2.75 mm2; 6.5 px on 96 px2 135.4 m per m2."""
    run = made_run("a.jpg", "b.jpg", mm_per_px=0.5)
    with_scale, without = rows(cracks(run))
    assert (with_scale["length_mm"], with_scale["width_max_mm"], with_scale["area_mm2"]) == ("3.25", "1.0", "2.75")
    with_all, without_all = rows(summary(run))
    assert (with_all["total_length_mm"], with_all["density_m_per_m2"]) == ("3.25", "135.4167")
    assert (with_all["mm_per_px"], with_all["scale_origin"]) == ("0.5", "as given")
    for row in (without, without_all):
        of_mm = [name for name in row if "mm" in name or "m_per_m2" in name]
        assert len(of_mm) > 3
        assert {row[name] for name in of_mm} == {""}


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)", "\uff1d1"])
def test_a_name_is_no_formula(made_run, name):
    assert safe_cell(name) == f"'{name}"
    found = rows(cracks(made_run(f"{name}.jpg")))
    assert found[0]["photo"] == f"'{name}.jpg"


def test_a_return_does_not_end_a_row(made_run):
    assert [row["photo"] for row in rows(summary(made_run("a\rb.jpg", "\r=1.jpg")))] == ["a\ufffdb.jpg", "\ufffd=1.jpg"]


def test_a_negative_number_stays_one():
    assert safe_cell(-1.5) == "-1.5"


def test_names_of_all_kinds_are_one_cell(made_run):
    """A line feed, quotes, a comma, and a byte that is no UTF-8."""
    found = rows(summary(made_run('a\n",\udcff.jpg')))
    assert [row["photo"] for row in found] == ['a\ufffd",\ufffd.jpg']
