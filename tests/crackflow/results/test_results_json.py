import json

from crackflow.results.results_json import results_json
from crackflow.results.tables import CRACK_COLUMNS, PHOTO_COLUMNS


def test_it_counts_and_holds_what_the_tables_hold(made_run, empty):
    run = made_run("a.jpg", "b.jpg", mm_per_px=0.5, networks={"b.jpg": empty}, skipped=[("c.jpg", "why")])
    found = json.loads(results_json(run))
    assert found["counts"] == {"done": 2, "cracked": 1, "empty": 1, "skipped": 1}
    assert found["skipped"] == [{"photo": "c.jpg", "reason": "why"}]
    assert found["about"]["version"] == "1.2.3"
    first, second = found["photographs"]
    assert set(first) == set(PHOTO_COLUMNS) - {"reason"}
    assert (first["photo"], first["total_length_mm"], second["total_length_mm"]) == ("a.jpg", 3.25, None)
    assert set(first["cracks"][0]) == set(CRACK_COLUMNS) - {"photo", "mm_per_px"}
    assert first["cracks"][0]["length_mm"] == 3.25
    assert second["cracks"] == []
