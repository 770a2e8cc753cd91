"""Which room may import from which, and what the imports are: the rules that tests/scripts/test_rooms.py holds.

A room is a folder of modules: crackflow/imaging, pipelines/flows. The modules that stand directly in crackflow/ are
the room `crackflow`, likewise for tasks, pipelines and scripts; the command line is a room of its own, on top.
"""

from collections import Counter
from pathlib import Path

from tasks.code_closure import PACKAGES, ROOT, imports

# Room of crackflow/ -> the other rooms of crackflow/ it may import from. All of them may use the root.
LIBRARY = {
    "imaging": (),
    "parallel": (),
    "sources/synthetic": ("imaging",),
    "sources": ("imaging", "sources/synthetic"),
    "splitting": ("imaging",),
    "models": ("imaging",),
    "geometry": ("imaging",),
    "visualization": ("imaging",),
    "training": ("imaging", "models"),
    "inference": ("imaging", "models", "sources"),
    "evaluation": ("imaging", "inference"),
    "audit": ("imaging", "visualization", "splitting", "geometry"),
}
# The same for pipelines/. All of them may use tasks, crackflow and the modules that stand directly in pipelines/.
RUNNING = {
    "dvc_runner": (),
    "commands": (),
    "flows": ("dvc_runner",),
    "scheduling": ("dvc_runner", "flows"),
    "doctor": ("dvc_runner", "flows", "scheduling"),
}
# The same for benchmarks/, which may use scripts/ and all that scripts/ may use.
MEASURING = {
    "accuracy": (),
    "data": ("accuracy",),
    "soak": ("accuracy",),
    "speed": ("accuracy", "soak"),
}
COMMAND_LINE = "pipelines/cli.py"
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
    everything = [*below, *running, "scripts"]
    found |= {
        f"benchmarks/{room}": [*everything, *(f"benchmarks/{one}" for one in MEASURING[room])] for room in MEASURING
    }
    return {room: frozenset(rooms) for room, rooms in found.items()}


def room_of(path: Path) -> str:
    """Name the room of a module: its folder, or the command line."""
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
        if other.name != "__init__.py" and room_of(other) != room
    )
