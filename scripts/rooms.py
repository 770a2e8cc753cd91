"""Which room may import from which, and a drawing and a table of what the imports are: part of `make graph`.

tests/scripts/test_rooms.py holds the rules.

A room is a folder of modules: crackflow/imaging, pipelines/flows. The modules that stand directly in crackflow/ are
the room `crackflow`, likewise for tasks, pipelines and scripts; the command line is a room of its own, on top. The
parameters, crackflow/params, belong to the room `crackflow`: every room reads them.
"""

import ast
import sys
from collections import Counter
from pathlib import Path

from scripts import mask_walk
from scripts.rooms_drawing import Package, Room, draw
from scripts.tables import fill, markdown
from tasks.code_closure import PACKAGES, ROOT, imports

# Room of crackflow/ -> the other rooms of crackflow/ it may import from. All of them may use the root.
LIBRARY = {
    "imaging": (),
    "output": (),
    "parallel": (),
    "statistics": (),
    "sources/synthetic": ("imaging",),
    "sources/http": (),
    "sources/annotations": ("imaging",),
    "sources": ("imaging", "sources/annotations", "sources/http", "sources/synthetic"),
    "splitting": ("imaging", "parallel"),
    "splitting/features": ("imaging", "parallel"),
    "models": ("imaging",),
    "geometry": ("imaging",),
    "visualization": ("imaging",),
    "training": ("imaging", "models"),
    "inference": ("imaging", "models", "parallel", "sources"),
    "evaluation": ("imaging", "inference", "statistics"),
    "runtimes": ("imaging", "inference", "models", "parallel"),
    "results": ("geometry", "imaging", "visualization"),
    "reporting": ("evaluation", "imaging", "statistics", "visualization"),
    "audit": ("imaging", "visualization", "splitting", "geometry"),
}
# The same for pipelines/. All of them may use tasks, crackflow and the modules that stand directly in pipelines/.
RUNNING = {
    "dvc_runner": (),
    "commands": (),
    "app": ("commands",),
    "comparing": ("commands",),
    "flows": ("commands", "dvc_runner"),
    "scheduling": ("dvc_runner", "flows"),
    "crossvalidating": ("comparing", "dvc_runner", "flows", "scheduling"),
    "doctor": ("dvc_runner", "flows", "scheduling"),
}
# The same for benchmarks/, which may use scripts/ and all that scripts/ may use.
MEASURING = {
    "accuracy": (),
    "data": ("accuracy",),
    "fuzz": ("accuracy", "soak"),
    "geometry": ("accuracy",),
    "soak": ("accuracy",),
    "speed": ("accuracy", "soak"),
}
COMMAND_LINE = "pipelines/cli.py"
DRAWING = ROOT / "docs/images/rooms.svg"
PAGE = ROOT / "docs/explanation/design.md"
_ORDER = ("pipelines", "tasks", "crackflow", "benchmarks", "scripts")
_PARAMS = ROOT / "crackflow/params"
_ON_TOP = {"pipelines/cli.py", "pipelines/__main__.py"}


def allowed() -> dict[str, frozenset[str]]:
    """Give each room and the rooms that it may import from, itself left out."""
    library = [f"crackflow/{room}" for room in LIBRARY]
    below = ["crackflow", *library, "tasks"]
    running = ["pipelines", *(f"pipelines/{room}" for room in RUNNING)]
    found: dict[str, list[str]] = {"crackflow": [], "tasks": ["crackflow", *library], "pipelines": below}
    found |= {f"crackflow/{room}": ["crackflow", *(f"crackflow/{one}" for one in LIBRARY[room])] for room in LIBRARY}
    found |= {
        f"pipelines/{room}": [*below, "pipelines", *(f"pipelines/{one}" for one in RUNNING[room])] for room in RUNNING
    }
    found[COMMAND_LINE] = [*below, *running]
    found["scripts"] = [*below, *running]
    # they measure the command line as people call it
    everything = [*below, *running, COMMAND_LINE, "scripts"]
    found |= {
        f"benchmarks/{room}": [*everything, *(f"benchmarks/{one}" for one in MEASURING[room])] for room in MEASURING
    }
    return {room: frozenset(rooms) for room, rooms in found.items()}


def room_of(path: Path) -> str:
    """Name the room of a module: its folder, or the command line."""
    if path.parent == _PARAMS:
        return "crackflow"
    name = path.relative_to(ROOT)
    return COMMAND_LINE if name.as_posix() in _ON_TOP else name.parent.as_posix()


def modules() -> dict[str, list[Path]]:
    """Give each room's modules, sorted; files __init__.py hold no code and are left out."""
    found: dict[str, list[Path]] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.name != "__init__.py":
                found.setdefault(room_of(path), []).append(path)
    return found


def arrows() -> Counter[tuple[str, str]]:
    """Count the imports between rooms: (room that imports, room that is imported) -> pairs of modules."""
    return Counter(
        (room, room_of(other))
        for room, paths in modules().items()
        for path in paths
        for other in imports(path)
        # the parameters' __init__.py gives the names of their modules; any other is empty
        if (other.name != "__init__.py" or other.parent == _PARAMS) and room_of(other) != room
    )


def main() -> int:
    """Write the drawing and the tables; `--check` writes nothing and fails where they differ."""
    pages = {DRAWING: drawing(), PAGE: page(PAGE.read_text(encoding="utf-8"))}
    stale = [path for path, text in pages.items() if not path.is_file() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv[1:]:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is stale: run `make graph`")
        return int(bool(stale))
    for path in stale:
        path.write_text(pages[path], encoding="utf-8", newline="\n")
    return 0


def drawing() -> str:
    """The picture of pipelines, tasks and crackflow; benchmarks and scripts stand above them and are left out."""
    found, counts = modules(), arrows()
    packages = []
    for package in ("pipelines", "tasks", "crackflow"):
        names = [room for room in found if room.startswith(f"{package}/")]
        edges = {(a, b): count for (a, b), count in counts.items() if a in names and b in names}
        packages.append(
            Package(
                package,
                [Room(_short(room), len(found[room])) for room in names],
                {(_short(a), _short(b)): count for (a, b), count in edges.items()},
                Room(_base_words(package, found[package]), len(found[package])),
                sum(count for (a, b), count in counts.items() if a in names and b == package),
            )
        )
    between: Counter[tuple[str, str]] = Counter()
    for (a, b), count in counts.items():
        upper, lower = a.partition("/")[0], b.partition("/")[0]
        if upper != lower and {upper, lower} <= {"pipelines", "tasks", "crackflow"}:
            between[upper, lower] += count
    return draw(packages, between)


def _base_words(package: str, paths: list[Path]) -> str:
    """The modules that stand directly in a package, by name; the parameters by their folder's."""
    if package == "tasks":
        return "one module per stage"
    return ", ".join(dict.fromkeys("params" if path.parent == _PARAMS else path.stem for path in paths))


def page(text: str) -> str:
    """Fill the table of rooms and the walks of a mask and of a photograph into docs/explanation/design.md."""
    found, counts, rules = modules(), arrows(), allowed()
    rows = []
    for room in sorted(found, key=lambda room: ([*_ORDER].index(room.partition("/")[0]), room)):
        package = room.partition("/")[0]
        uses = ", ".join(
            f"{_short(other) if other.startswith(f'{package}/') else other} {counts[room, other]}"
            for other in sorted(rules[room])
            if counts[room, other] and (other.partition("/")[0] == package)
        )
        rows.append([f"`{room}`", holds(room), len(found[room]), uses])
    table = markdown(["room", "holds", "modules", "imports in the same package"], rows)
    by = "python -m scripts.rooms"
    filled = fill(fill(text, "rooms", by, table), "walk", by, mask_walk.written())
    return fill(filled, "photograph walk", by, mask_walk.written(mask_walk.PHOTOGRAPH_WALK))


def holds(room: str) -> str:
    """What a room holds, in the words of its __init__.py."""
    if room == COMMAND_LINE:
        return "The command line `crackflow`."
    tree = ast.parse((ROOT / room / "__init__.py").read_text(encoding="utf-8"))
    return (ast.get_docstring(tree) or "").replace("\n", " ")


def _short(room: str) -> str:
    return room.partition("/")[2].removesuffix(".py") or room


if __name__ == "__main__":
    sys.exit(main())
