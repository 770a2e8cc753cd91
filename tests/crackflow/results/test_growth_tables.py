import csv
import json

import numpy as np

from crackflow.geometry.growth import CrackChange, Growth
from crackflow.results.growth_picture import ADDED, BOTH, LOST, growth_picture, words
from crackflow.results.growth_tables import COLUMNS, counts, growth_csv, growth_json


def change(number=1, length="longer", width="wider", **other):
    known = {
        "before": (1,),
        "after": (1, 2),
        "length_before_px": 100.0,
        "length_after_px": 160.0,
        "added_px": 60.0,
        "lost_px": 0.0,
        "length_limit_px": 20.0,
        "width_before_px": 2.0,
        "width_after_px": 3.5,
        "width_limit_px": 0.5,
        "at": (40, 30),
    } | other
    return CrackChange(number=number, length_change=length, width_change=width, **known)


UNMEASURED = {"width_before_px": None, "width_after_px": None, "width_limit_px": None}
CRACKS = (
    change(),
    change(2, "new", "not measured", before=(), **UNMEASURED),
    change(3, "not told apart", "not told apart", added_px=0.0, width_after_px=2.1),
)


def test_a_row_for_each_crack_in_mm_where_a_scale_is_known():
    rows = list(csv.DictReader(growth_csv(CRACKS, 0.5).decode().splitlines()))
    assert tuple(rows[0]) == COLUMNS
    assert [row["length_change"] for row in rows] == ["longer", "new", "not told apart"]
    first = rows[0]
    assert (first["added_px"], first["added_mm"]) == ("60.0", "30.0")
    assert (first["width_difference_px"], first["width_difference_mm"]) == ("1.5", "0.75")
    assert (first["pieces_before"], first["pieces_after"]) == ("1", "2")
    assert rows[1]["width_difference_px"] == ""
    unscaled = list(csv.DictReader(growth_csv(CRACKS, None).decode().splitlines()))
    assert {row[name] for row in unscaled for name in COLUMNS if name.endswith("_mm")} == {""}


def test_the_json_holds_the_same_and_what_it_was_made_from():
    found = json.loads(growth_json(CRACKS, 0.5, {"before": "a.jpg"}))
    assert found["about"] == {"before": "a.jpg"}
    assert found["mm_per_px"] == 0.5
    assert found["cracks"][0]["added_mm"] == 30
    assert found["cracks"][1]["width_before_px"] is None
    assert {*found["cracks"][0]} == {*COLUMNS} - {"mm_per_px"}
    # the first is longer and wider and counts in both
    assert found["counts"] == counts(CRACKS)
    assert {name: count for name, count in counts(CRACKS).items() if count} == {
        "new": 1,
        "longer": 1,
        "wider": 1,
        "no change told apart": 1,
    }


def test_the_picture_shows_what_each_date_alone_has():
    photo = np.full((200, 300, 3), 100, np.uint8)
    before, after, added, lost = (np.zeros((200, 300), bool) for _ in range(4))
    before[150:154, 20:120] = after[150:154, 60:200] = True
    lost[150:154, 20:60] = added[150:154, 120:200] = True
    picture = growth_picture(photo, (before, after), Growth((change(at=(160, 152)),), added, lost))
    assert picture.shape[0] > 200
    assert picture.shape[1] == 300

    def nearest(y, x):
        colours = {mark.words: np.abs(picture[y, x].astype(int) - mark.colour).sum() for mark in (BOTH, ADDED, LOST)}
        return min(colours, key=colours.get)

    # the pattern's strong parts
    assert nearest(151, 80) == BOTH.words
    assert nearest(151, 121) == ADDED.words or nearest(151, 125) == ADDED.words
    assert LOST.words in {nearest(151, x) for x in range(30, 40)}
    # the label's plate is dark
    assert (picture[:200] < 40).all(axis=2).any()
    assert (photo == 100).all()


def test_words_for_a_label():
    assert words(CRACKS[0]) == "longer +60 px, wider +1.5 px"
    assert words(CRACKS[1]) == "new +60 px"
    assert words(CRACKS[2]) == ""
    assert words(change(4, "not seen again", "narrower", lost_px=31.0, width_after_px=1.0)) == (
        "not seen again -31 px, narrower -1.0 px"
    )
