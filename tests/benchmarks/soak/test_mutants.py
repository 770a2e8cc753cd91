import json

import pytest

from benchmarks.soak import mutants
from benchmarks.soak.mutants import Reason, Survivor

DIFF = """--- a.py
+++ a.py
@@ -1,5 +1,5 @@
 def f(a):
     return g(
-        a + 1,
-        b,
+        a - 1,
     )"""

AT_BOUND = Reason(kind="equivalent", why="never there", changes=("a.f: ... -> ...<= 1",))


def made(before, after, module="crackflow/a.py"):
    return Survivor(module=module, function="f", before=before, after=after)


def test_the_lines_of_a_change_are_put_in_one():
    assert mutants.changed(DIFF) == ("a + 1, b,", "a - 1,")


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("if x < 1:", "if x <= 1:", "equivalent"),
        # nobody has looked at these two
        ("if x < 1:", "if x < 2:", None),
        ("if x <= 1:", "if x < 1:", None),
        ('"name a folder"', '"XXname a folderXX"', "text"),
        # a key is no message, and a line that holds more than a message is looked at
        ('"name"', '"NAME"', None),
        ('raise DataError("name a folder")', "raise DataError(None)", None),
    ],
)
def test_a_survivor_has_the_kind_that_a_person_gave_it(before, after, kind):
    assert mutants.judged(made(before, after), [AT_BOUND])["kind"] == kind


def test_a_reason_is_of_one_function():
    other = made("if x < 1:", "if x <= 1:", module="crackflow/b.py")
    assert mutants.judged(other, [AT_BOUND]) == {"kind": None, "why": None}


def test_a_sample_is_the_same_each_time_and_of_few_all_are_taken():
    names = [f"m{number}" for number in range(9)]
    assert mutants.sample(names, 4) == mutants.sample(names, 4)
    assert len(set(mutants.sample(names, 4))) == 4
    assert sorted(mutants.sample(names, 10)) == mutants.sample(names, None) == names


def test_the_page_counts_what_was_tried_and_noticed():
    survivor = made("if x < 1:", "if x <= 1:")
    found = {
        "modules": {
            "crackflow/a.py": {"killed": 5, "timeout": 1, "survived": 1, "not checked": 3},
            "crackflow/b.py": {"killed": 2},
        },
        "survivors": [survivor.model_dump() | mutants.judged(survivor, [AT_BOUND])],
    }
    places = "".join(
        f"<!-- {name}: written by make mutants -->\n<!-- end of {name} -->\n" for name in ("counts", "survivors")
    )
    lines = mutants.page(places, found).splitlines()
    # mutants, tried, noticed, and the six kinds
    assert "| `crackflow/a.py` | 10 | 7 | 6 | 1 | 0 | 0 | 0 | 0 | 0 |" in lines
    assert "| `crackflow/b.py` | 2 | 2 | 2 | 0 | 0 | 0 | 0 | 0 | 0 |" in lines
    assert "| all | 12 | 9 | 8 | 1 | 0 | 0 | 0 | 0 | 0 |" in lines
    assert "| equivalent | never there | 1 | `a.f` |" in lines


def test_the_page_is_that_of_the_last_run_and_every_survivor_has_a_reason():
    found = json.loads(mutants.RESULTS.read_text(encoding="utf-8"))
    text = mutants.PAGE.read_text(encoding="utf-8")
    assert mutants.page(text, found) == text
    reasons = mutants.read_reasons(mutants.REASONS)
    for one in found["survivors"]:
        assert mutants.judged(Survivor.model_validate(one), reasons) == {"kind": one["kind"], "why": one["why"]}
        assert one["kind"] in mutants.KINDS
