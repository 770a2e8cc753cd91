"""Try made and damaged files and options on everything that reads them, for ten minutes each, and count.

`python -m benchmarks.fuzz`, a part of `make soak`: files by hypothesis and, where it is installed, by atheris, which is
led by the branches that it reaches; the command line by hypothesis. Rows are kept in docs/results/fuzz.json as they
come, and the table of docs/reference/attacks.md is made of them. `--only WORD...` takes the rows whose kind and tool
hold one of the words, `--tables` writes the page alone. Files with faults are kept in .crackflow/fuzz, and
`--replay KIND FILE` reads one again. Exit code 1 when there is a fault.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from benchmarks.soak.rows import read_rows, write_rows
from scripts.tables import fill, markdown

ROOT = Path(__file__).resolve().parents[2]
RESULTS, PAGE = ROOT / "docs/results/fuzz.json", ROOT / "docs/reference/attacks.md"
KEPT = ROOT / ".crackflow/fuzz"
SECONDS, AT_A_TIME = 600, 2
COMMANDS = "command line"
# By hypothesis too, besides atheris.
BOTH = ("operating point", "params.yaml", "photograph", "model file", "layers of a model")


@dataclass
class Row:
    """One kind of file, by one tool.

    Attributes:
        kind, tool: which.
        seconds: for how long.
        read, rejected: how many files, or calls of a command that did what was asked, or said why not.
        faults: what must not happen, and how often it did.
        reached: branches that atheris counts.
    """

    kind: str
    tool: str
    seconds: int
    read: int = 0
    rejected: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    reached: int | None = None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", default=[""], metavar="WORD", help="rows that hold one of these words")
    parser.add_argument("--seconds", type=int, default=SECONDS, help="for each kind and tool")
    parser.add_argument("--at-a-time", type=int, default=AT_A_TIME, help="how many run side by side")
    parser.add_argument("--tables", action="store_true", help="write the page from docs/results/fuzz.json")
    parser.add_argument("--replay", nargs=2, metavar=("KIND", "FILE"), help="read a file again")
    args = parser.parse_args()
    if args.replay:
        return replay(args.replay[0], Path(args.replay[1]))
    if not args.tables:
        fuzz(
            [pair for pair in pairs() if any(word in " ".join(pair) for word in args.only)],
            args.seconds,
            args.at_a_time,
        )
    rows = read()
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), rows), encoding="utf-8", newline="\n")
    bad = [row for row in rows if row.faults]
    print(f"{len(rows) - len(bad)} of {len(rows)} without a fault" + "".join(f"\nnot: {row}" for row in bad))
    return int(bool(bad))


def pairs() -> list[tuple[str, str]]:
    """What there is to try: kinds and tools."""
    from benchmarks.fuzz.kinds import KINDS

    by_hypothesis = [(kind, "hypothesis") for kind in (*BOTH, COMMANDS)]
    return [*by_hypothesis, *((kind, "atheris") for kind in KINDS)]


def fuzz(wanted: list[tuple[str, str]], seconds: int, at_a_time: int) -> None:
    """Try each, some side by side."""
    if not find_spec("atheris"):
        print("atheris is not installed: its rows are left as they are; `pip install atheris` where it has a wheel")
        wanted = [pair for pair in wanted if pair[1] != "atheris"]
    order = pairs()
    with ThreadPoolExecutor(at_a_time) as pool:
        for done in as_completed([pool.submit(tried, *pair, seconds) for pair in wanted]):
            row = done.result()
            print(f"{row}", flush=True)
            # read anew, since another run may be at other kinds
            known = {(one.kind, one.tool): one for one in read()} | {(row.kind, row.tool): row}
            write([known[pair] for pair in order if pair in known])


def tried(kind: str, tool: str, seconds: int) -> Row:
    """Try one kind by one tool, in processes: one that a file ends is followed by another for the time that is left."""
    row, ends, seed = Row(kind, tool, seconds), time.monotonic() + seconds, 1
    while (left := ends - time.monotonic()) > 1:
        with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
            folder = Path(name)
            (folder / "now").mkdir()
            command = [sys.executable, "-m", "benchmarks.fuzz.child", kind, tool, f"{left:.0f}", str(seed), name]
            with (folder / "said").open("wb") as said:
                ended = subprocess.run(command, cwd=ROOT, stdout=said, stderr=said, check=False).returncode
            _add(row, folder, ended)
        seed += 1000
    return row


def _add(row: Row, folder: Path, ended: int) -> None:
    counts = folder / "count.json"
    found = json.loads(counts.read_text(encoding="utf-8")) if counts.is_file() else {}
    row.read += found.get("read", 0)
    row.rejected += found.get("rejected", 0)
    for name, number in found.get("faults", {}).items():
        row.faults[name] = row.faults.get(name, 0) + number
    said = (folder / "said").read_text(encoding="utf-8", errors="replace")
    if reached := re.findall(r"cov: (\d+)", said):
        row.reached = max(row.reached or 0, int(reached[-1]))
    kept = [path for path in folder.iterdir() if path.suffix in (".fault", ".txt")]
    if ended:
        name = f"the process ended with {ended}"
        row.faults[name] = row.faults.get(name, 0) + 1
        kept += [folder / "said", *(path for path in (folder / "now").iterdir() if path.is_file())]
    if kept:
        place = KEPT / f"{row.tool} {row.kind}"
        place.mkdir(parents=True, exist_ok=True)
        for path in kept:
            shutil.copyfile(path, place / path.name)


def replay(kind: str, path: Path) -> int:
    """Read a file again, and print what comes of it."""
    from benchmarks.fuzz import commands
    from benchmarks.fuzz.contract import accepted
    from benchmarks.fuzz.kinds import KINDS

    with tempfile.TemporaryDirectory(prefix="fuzz-") as name:
        content = path.read_bytes()
        if kind == COMMANDS:
            attempt = commands.Tries(Path(name))(json.loads(content))
        else:
            attempt = KINDS[kind].try_in(Path(name), content)
        try:
            print("read" if accepted(attempt) else "rejected, as it must be")
        except Exception:
            traceback.print_exc()
            return 1
    return 0


def read() -> list[Row]:
    """The rows that there are."""
    return read_rows(RESULTS, Row)


def write(rows: list[Row]) -> None:
    """Keep the rows, with what they were found by."""
    write_rows(RESULTS, "python -m benchmarks.fuzz", rows)


def page(text: str, rows: list[Row]) -> str:
    """The page with the rows that there are."""
    lines = [
        [
            row.kind,
            row.tool,
            f"{row.seconds / 60:g}",
            f"{row.read + row.rejected + sum(row.faults.values()):,}",
            f"{row.read:,}",
            f"{row.rejected:,}",
            "; ".join(f"{number} {name}" for name, number in row.faults.items()) or "0",
        ]
        for row in rows
    ]
    head = ["what", "by", "minutes", "tried", "read", "rejected in one line", "faults"]
    return fill(text, "fuzz", "benchmarks.fuzz", markdown(head, lines, "---:"))


if __name__ == "__main__":
    sys.exit(main())
