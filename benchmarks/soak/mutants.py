"""Change the code one place at a time, and see whether a test fails: a change that none notices is a gap in the tests.

Run `make mutants`. mutmut makes the changes, called mutants, in a copy of the code, and runs on each only the tests
that call its function. Which modules and which tests: `[tool.mutmut]` in pyproject.toml. Each mutant that no test
notices (a survivor) is looked at by a person, who writes in docs/reference/mutants.yaml why it may stay. Where one has
no such entry, the command names it and ends with exit code 1.

Results go to docs/results/mutation.json, and from there to docs/reference/mutants.md. After a kill it goes on where it
stopped; later it runs what changed, and the survivors again. `--each N` tries at most N mutants of a module, drawn with
seed 0. `--tables` runs nothing and writes the two files of the last run.
"""

import argparse
import ast
import json
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from crackflow.atomic import write_text
from scripts.tables import fill, markdown
from tasks.code_closure import ROOT

RESULTS = ROOT / "docs/results/mutation.json"
REASONS = ROOT / "docs/reference/mutants.yaml"
PAGE = ROOT / "docs/reference/mutants.md"
BY = "make mutants"
# mutmut makes the mutants of all modules when it runs one; this function has few
_FIRST = "crackflow.inference.operating_point_file.x_was_chosen_for*"
_NOTICED = frozenset({"killed", "timeout"})
_UNTRIED = frozenset({"not checked", "check was interrupted by user"})

Kind = Literal["equivalent", "outside", "text", "speed", "elsewhere", "gap"]
# What a survivor may be, in the order of the page.
KINDS: Mapping[Kind, str] = {
    "equivalent": "no input tells it from the code",
    "outside": "only input that no caller gives tells",
    "text": "words for people, which no test repeats",
    "speed": "the same result, slower or with more memory",
    "elsewhere": "a test notices it that mutmut does not run for it",
    "gap": "a test could tell, and none does",
}


class Reason(BaseModel):
    """Why some survivors may stay.

    Attributes:
        kind: one of KINDS.
        why: in words.
        changes: each is a piece of a `Survivor.key`, in which `...` stands for anything.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind: Kind
    why: str
    changes: tuple[str, ...]


class Survivor(BaseModel):
    """A change that no test notices.

    Attributes:
        module: its file.
        function: with its class.
        before: the lines that were changed.
        after: what they were changed to; "" where they were taken out.
    """

    module: str
    function: str
    before: str
    after: str

    @property
    def key(self) -> str:
        """What it is known by when the code around it has changed."""
        return f"{Path(self.module).stem}.{self.function}: {self.before} -> {self.after}"


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", action="store_true", help="run nothing, write the files of the last run alone")
    parser.add_argument("--children", type=int, default=1, help="mutants that are tried at a time")
    parser.add_argument("--each", type=int, help="at most so many mutants of a module; all when left out")
    args = parser.parse_args(arguments)
    if not args.tables:
        _run(args.children, args.each)
    found = results(statuses(), read_reasons(REASONS))
    write_text(RESULTS, json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    write_text(PAGE, page(PAGE.read_text(encoding="utf-8"), found))
    unknown = [Survivor.model_validate(one) for one in found["survivors"] if one["kind"] is None]
    for one in unknown:
        print(f"no reason in {REASONS.name}: {one.key}", file=sys.stderr)
    return 1 if unknown else 0


def read_reasons(path: Path) -> list[Reason]:
    """Read why survivors may stay.

    Raises:
        pydantic.ValidationError: when the file is not laid out as its first lines say.
    """
    return TypeAdapter(list[Reason]).validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))


def statuses() -> dict[str, dict[str, str]]:
    """Read what mutmut found so far, from the folder mutants/.

    Returns:
        Of each module the status of its mutants by name; empty before the first run.
    """
    from mutmut.mutation.data import SourceFileMutationData
    from mutmut.stats import status_by_exit_code
    from mutmut.utils.file_utils import walk_mutatable_files

    found = {}
    for path in sorted(walk_mutatable_files()):
        data = SourceFileMutationData(path=path)
        data.load()
        if data.exit_code_by_key:
            found[str(path)] = {name: status_by_exit_code[code] for name, code in data.exit_code_by_key.items()}
    return found


def results(found: Mapping[str, Mapping[str, str]], reasons: Sequence[Reason]) -> dict[str, Any]:
    """Collect what the page tells.

    Args:
        found: as `statuses` gives it.
        reasons: why survivors may stay.

    Returns:
        `modules`: of each, how many mutants have which status; `survivors`: each with its kind and why, None where
        nobody has looked at it.
    """
    survivors = []
    for module, of in found.items():
        for name, status in of.items():
            if status not in _NOTICED | _UNTRIED:
                one = survivor(module, name)
                survivors.append(one.model_dump() | judged(one, reasons))
    return {"modules": {module: dict(Counter(of.values())) for module, of in found.items()}, "survivors": survivors}


def survivor(module: str, name: str) -> Survivor:
    """Say what a mutant changes.

    Args:
        module: its file.
        name: as mutmut has it.
    """
    from mutmut.mutation.diff_apply import get_diff_for_mutant
    from mutmut.utils.format_utils import orig_function_and_class_names_from_key

    function, of_class = orig_function_and_class_names_from_key(name)
    before, after = changed(get_diff_for_mutant(name, path=module))
    return Survivor(
        module=module, function=f"{of_class}.{function}" if of_class else function, before=before, after=after
    )


def changed(diff: str) -> tuple[str, str]:
    """Give the lines before and after a change, each in one line.

    Args:
        diff: unified, of one change.
    """
    lines = diff.splitlines()[2:]
    before, after = (
        " ".join(" ".join(line[1:].split()) for line in lines if line.startswith(sign)) for sign in ("-", "+")
    )
    return before, after


def judged(one: Survivor, reasons: Iterable[Reason]) -> dict[str, str | None]:
    """Give kind and why of a survivor; None where no reason is known."""
    if _is_message(one.before):
        return {"kind": "text", "why": "a part of a message"}
    for reason in reasons:
        for change in reason.changes:
            if re.search(".*".join(re.escape(piece) for piece in change.split("...")), one.key):
                return {"kind": reason.kind, "why": reason.why}
    return {"kind": None, "why": None}


def _is_message(line: str) -> bool:
    """Whether it is a string alone, with a space in it; keys and names have none."""
    try:
        value = ast.literal_eval(line)
    except (ValueError, SyntaxError):
        return False
    return isinstance(value, str) and " " in value


def page(text: str, found: Mapping[str, Any]) -> str:
    """Write the tables of docs/reference/mutants.md.

    Args:
        text: the page.
        found: as `results` gives it.
    """
    kinds = Counter((one["module"], one["kind"]) for one in found["survivors"])
    rows = [
        [f"`{module}`", sum(of.values())]
        + [sum(of.values()) - sum(of.get(status, 0) for status in _UNTRIED)]
        + [sum(of.get(status, 0) for status in _NOTICED)]
        + [kinds[module, kind] for kind in KINDS]
        for module, of in found["modules"].items()
    ]
    rows.append(["all", *(sum(column) for column in zip(*(row[1:] for row in rows), strict=True))])
    by_reason: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in found["survivors"]:
        by_reason.setdefault((one["kind"], one["why"]), []).append(one)
    order = sorted(by_reason, key=lambda reason: list(KINDS).index(reason[0]))
    listed = [
        [kind, why, len(ones), ", ".join(f"`{name}`" for name in sorted({_short(one) for one in ones}))]
        for kind, why in order
        for ones in [by_reason[kind, why]]
    ]
    text = fill(text, "counts", BY, markdown(["module", "mutants", "tried", "noticed", *KINDS], rows, "---:"))
    return fill(text, "survivors", BY, markdown(["kind", "why", "mutants", "in"], listed))


def _short(one: Mapping[str, Any]) -> str:
    return f"{Path(one['module']).stem}.{one['function']}"


def _run(children: int, each: int | None) -> None:
    """Try what has not been tried yet, and again what survived before."""
    _mutmut("run", _FIRST)
    again = {name for of in statuses().values() for name, status in of.items() if status not in _NOTICED | _UNTRIED}
    drawn = [name for of in statuses().values() for name in sample(sorted(of), each)]
    untried = {name for of in statuses().values() for name, status in of.items() if status in _UNTRIED}
    if wanted := again | (untried & set(drawn)):
        _mutmut("run", "--max-children", str(children), *sorted(wanted))


def sample(names: Sequence[str], each: int | None) -> list[str]:
    """Draw so many with seed 0; None takes all."""
    return list(names) if each is None else random.Random(0).sample(names, min(each, len(names)))  # noqa: S311


def _mutmut(*arguments: str) -> None:
    subprocess.run([str(Path(sys.executable).with_name("mutmut")), *arguments], cwd=ROOT, check=True)


if __name__ == "__main__":
    sys.exit(main())
