import json

from benchmarks.data import leaks


def test_the_page_holds_the_tables_of_the_results_file():
    values = json.loads(leaks.RESULTS.read_text(encoding="utf-8"))
    text = leaks.PAGE.read_text(encoding="utf-8")
    assert text == leaks.page(text, values)


def test_a_split_that_was_not_measured_has_no_row():
    one = {"test_pairs": 4, "test_sharing_parent": 1, "test_with_duplicate": 2, "test_leaked": 3, "share": 0.75}
    one |= {"parents_across": 5, "duplicates_across": 6}
    table = leaks.leaks({"pairs": 1200, "leaks": {"this": one, "random": one, "official": None}})
    assert table.startswith("| 1,200 real pairs, split | test pairs |")
    assert len(table.splitlines()) == 4
    assert table.splitlines()[-1] == "| by pair at random, the mean of 20 | 4 | 1 | 2 | 3, 75.0% | 5 | 6 |"
