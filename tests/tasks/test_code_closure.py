"""tasks/code_closure.py, on a small project of its own; test_graph.py holds dvc.yaml against it."""

import pytest

from tasks import code_closure
from tasks.code_closure import closure, fingerprint, loaded_fingerprint

FILES = {
    "crackflow/__init__.py": "",
    "crackflow/room/__init__.py": "",
    "crackflow/room/a.py": "import numpy\nfrom crackflow.room import b\n",
    "crackflow/room/b.py": "def late():\n    from crackflow import c\n    return c\n",
    "crackflow/c.py": "from crackflow.room.a import x\nfrom crackflow.errors import DataError\n",
    "crackflow/errors.py": "",
    "crackflow/other.py": "",
    "tasks/one.py": "import crackflow.room.a\n",
}


@pytest.fixture
def project(tmp_path, monkeypatch):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(code_closure, "ROOT", tmp_path)
    code_closure.imports.cache_clear()
    yield tmp_path
    code_closure.imports.cache_clear()


@pytest.mark.usefixtures("project")
def test_imports_are_followed_late_ones_and_circles_too():
    library = ["crackflow/c.py", "crackflow/room/a.py", "crackflow/room/b.py"]
    assert closure("crackflow.room.a") == library
    assert closure("tasks.one") == [*library, "tasks/one.py"]
    assert closure("crackflow.other", "crackflow.other") == ["crackflow/other.py"]


def test_a_fingerprint_follows_what_is_needed_and_no_other_file(project):
    before = fingerprint("tasks.one")
    (project / "crackflow/other.py").write_text("x = 1\n")
    (project / "crackflow/errors.py").write_text("x = 1\n")
    assert fingerprint("tasks.one") == before
    (project / "tasks/one.py").write_text("import crackflow.room.a  # now\n")
    assert fingerprint("tasks.one") != before


def test_a_process_keeps_the_code_that_it_has_loaded_when_a_file_changes(project):
    before = loaded_fingerprint("crackflow.room.a")
    (project / "crackflow/c.py").write_text("x = 1\n")
    assert loaded_fingerprint("crackflow.room.a") == before
    # another process
    code_closure._as_first_seen.cache_clear()
    assert loaded_fingerprint("crackflow.room.a") != before


@pytest.mark.parametrize("name", ["numpy", "crackflow.absent"])
def test_a_module_that_is_not_the_projects_is_rejected(name):
    with pytest.raises(ImportError, match=f"{name} is no module of crackflow"):
        closure(name)
