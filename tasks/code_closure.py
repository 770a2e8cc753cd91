"""Which of the project's own files a module needs: what it imports, and what those import in their turn.

Read from the source, so nothing heavy is imported to know it. dvc.yaml's code deps (`make graph`), the keys of kept
state and the benchmarks all follow from this one closure.
"""

import ast
import functools
import hashlib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("crackflow", "tasks", "pipelines", "benchmarks", "scripts")
# These can't change an output: how a file is put in its place, messages, progress bars, the parsing of params (DVC
# compares their values itself), the names of places, this file, and who carries work out: all engines give the same
# bytes, which tests/tasks/test_engine.py holds.
EXEMPT = (
    "crackflow/atomic.py",
    "crackflow/errors.py",
    "crackflow/parallel/",
    "crackflow/params/",
    "crackflow/progress.py",
    "tasks/code_closure.py",
    "tasks/engine.py",
    "tasks/workspace.py",
)


def file_of(module: str) -> Path | None:
    """The file of a dotted module name, a package's being its __init__.py; None for what is not the project's."""
    if module.partition(".")[0] not in PACKAGES:
        return None
    path = ROOT.joinpath(*module.split("."))
    return next((one for one in (path.with_suffix(".py"), path / "__init__.py") if one.is_file()), None)


@functools.cache
def imports(path: Path) -> frozenset[Path]:
    """Files of the project that one file imports itself, at the top or inside a function."""
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names += [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
    return frozenset(found for name in names if (found := file_of(name)))


def closure(*modules: str) -> list[str]:
    """Files that modules need, themselves included.

    Args:
        modules: dotted names, for instance "tasks.train".

    Returns:
        Sorted paths relative to the project's root with forward slashes, without EXEMPT and without __init__.py files,
        which hold no code.

    Raises:
        ImportError: when a module is not the project's or has no file.
    """
    waiting, reached = [], set()
    for module in modules:
        path = file_of(module)
        if path is None:
            raise ImportError(f"{module} is no module of {', '.join(PACKAGES)}; expected a name such as tasks.train")
        waiting.append(path)
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting += imports(path)
    found = {path.relative_to(ROOT).as_posix() for path in reached if path.name != "__init__.py"}
    return sorted(name for name in found if not name.startswith(EXEMPT))


def fingerprint(*modules: str) -> str:
    """SHA-256, in hex, of the files that modules need.

    Args:
        modules: dotted names.

    Raises:
        ImportError: when a module is not the project's or has no file.
    """
    digest = hashlib.sha256()
    for name in closure(*modules):
        digest.update(f"{name}\0".encode() + (ROOT / name).read_bytes())
    return digest.hexdigest()


def loaded_fingerprint(*modules: str) -> str:
    """SHA-256, in hex, of the code that this process works with: a file counts as it was when first asked for here.

    A process that lives long imports a module once. Asked just before it does, this tells what it has imported, and
    not what the file has become since. Where it errs, it says that the code is another one.

    Args:
        modules: dotted names.

    Raises:
        ImportError: when a module is not the project's or has no file.
    """
    digest = hashlib.sha256()
    for name in closure(*modules):
        digest.update(f"{name}\0".encode() + _as_first_seen(ROOT / name))
    return digest.hexdigest()


@functools.cache
def _as_first_seen(path: Path) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()
