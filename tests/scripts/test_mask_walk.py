import pytest

from scripts import mask_walk
from scripts.mask_walk import PHOTOGRAPH_WALK, WALK, check, written
from tasks.__main__ import STAGES


def test_the_walk_is_what_the_code_does():
    check()
    stages = [module.removeprefix("tasks.") for depth, module, _ in WALK if depth == 0]
    assert stages == [stage for stage in STAGES if stage in stages]
    assert (stages[0], stages[-1]) == ("download", "evaluate")

    check(PHOTOGRAPH_WALK)


MODULE = """
def a():
    "Do a."
    return b()

def b():
    return 1

class K:
    def a(self):
        return b()
"""


def test_a_step_that_is_not_there_or_not_called_is_told(tmp_path, monkeypatch):
    (tmp_path / "one.py").write_text(MODULE)
    monkeypatch.setattr(mask_walk, "file_of", lambda module: tmp_path / "one.py" if module == "one" else None)
    assert written([(0, "one", "a"), (1, "one", "b")]) == "- `one.a`: Do a.\n  - `one.b`\n"
    assert written([(0, "one", "K.a"), (1, "one", "b")]) == "- `one.K.a`\n  - `one.b`\n"
    with pytest.raises(ValueError, match=r"one\.b does not call a"):
        check([(0, "one", "b"), (1, "one", "a")])
    for module, name in (("one", "c"), ("two", "a"), ("one", "K.c"), ("one", "c.a")):
        with pytest.raises(ValueError, match=rf"there is no {module}\.{name}"):
            check([(0, module, name)])
