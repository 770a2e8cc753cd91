"""The rooms as they stand in the code, against scripts/rooms.py: who imports from whom, how much is in a room."""

import ast

import pytest

from scripts.rooms import PAGE, allowed, arrows, holds, modules, page, room_of
from tasks.code_closure import PACKAGES, ROOT, imports

ALLOWED = allowed()


@pytest.mark.parametrize("room", modules())
def test_a_room_imports_only_from_rooms_that_it_may_use(room):
    assert room in ALLOWED, f"{room} is a new room: say in scripts/rooms.py what it may use"
    for path in modules()[room]:
        used = {room_of(other) for other in imports(path) if other.name != "__init__.py"} - {room}
        assert used <= ALLOWED[room], f"{path.relative_to(ROOT)} may not import from {sorted(used - ALLOWED[room])}"


def test_no_arrow_points_back_up():
    """Rooms can be laid out in layers, each of which uses lower ones alone."""
    left, layers = dict(ALLOWED), 0
    while left:
        lowest = [room for room, uses in left.items() if not uses & set(left)]
        assert lowest, f"these use each other in a circle: {sorted(left)}"
        left = {room: uses for room, uses in left.items() if room not in lowest}
        layers += 1
    assert layers > 5
    assert sum(arrows().values()) > 200


@pytest.mark.parametrize(
    ("upper", "lower"),
    [("pipelines", "tasks"), ("tasks", "crackflow/imaging"), ("crackflow/evaluation", "crackflow/inference")],
)
def test_the_rules_name_one_direction(upper, lower):
    assert lower in ALLOWED[upper]
    assert upper not in ALLOWED[lower]
    assert arrows()[upper, lower] > 0


@pytest.mark.parametrize("room", modules())
def test_a_room_holds_at_most_16_modules(room):
    assert len(modules()[room]) <= 16, [path.name for path in modules()[room]]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_module_is_over_300_lines(package):
    long = {p.name: n for p in (ROOT / package).rglob("*.py") if (n := len(p.read_text().splitlines())) > 300}
    assert not long


@pytest.mark.parametrize("package", PACKAGES)
def test_a_folder_says_what_it_holds_and_its_init_has_no_code(package):
    for folder in {path.parent for path in (ROOT / package).rglob("*.py")}:
        tree = ast.parse((folder / "__init__.py").read_text(encoding="utf-8"))
        assert ast.get_docstring(tree), folder
        code = [node for node in tree.body[1:] if not _gives_names(node)]
        assert not code, f"{folder / '__init__.py'} holds code; put it into a module"


def _gives_names(node):
    """Whether a statement gives the names of the parameters' modules, which are used as one."""
    return (isinstance(node, ast.ImportFrom) and str(node.module).startswith("crackflow.params.")) or (
        isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_imports_tests(package):
    for path in (ROOT / package).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else [getattr(node, "module", None)]
            assert "tests" not in {str(name).split(".")[0] for name in names}, path


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_are_absolute(package):
    """A relative import would not be seen by the closure of imports, on which all of this rests."""
    for path in (ROOT / package).rglob("*.py"):
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        assert not [node.lineno for node in nodes if isinstance(node, ast.ImportFrom) and node.level], path


def test_the_table_names_every_room_with_its_words_and_its_imports():
    lines = page(PAGE.read_text(encoding="utf-8")).partition("<!-- end of rooms -->")[0].splitlines()
    cells = [line.removeprefix("| ").removesuffix(" |").split(" | ") for line in lines if line.startswith("| `")]
    rows = {first: others for first, *others in cells if first.strip("`") in modules()}
    assert set(rows) == {f"`{room}`" for room in modules()}
    assert rows["`crackflow/inference`"][0] == holds("crackflow/inference")
    count = arrows()["crackflow/evaluation", "crackflow/inference"]
    assert f"inference {count}" in rows["`crackflow/evaluation`"][2]
