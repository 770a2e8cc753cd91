"""Break rebuilds in every way that we know, and write down what happened and what the next run did.

`python -m benchmarks.soak`, or `make soak`: real Prefect over real DVC on a small graph, an hour or more. Each row is
kept in docs/results/soak.json as it comes, so a soak that was ended goes on with the rest, and the table of
docs/explanation/reliability.md is made of them. `--only WORD` takes the faults whose name holds it, `--again` tries all
anew, `--tables` writes the page alone. Exit code 1 when a row is not as it must be.
"""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from benchmarks.soak import sandbox
from benchmarks.soak.dask_faults import dask_faults
from benchmarks.soak.kills import kills
from benchmarks.soak.meddling import meddling
from benchmarks.soak.repeated_rebuilds import repeats
from benchmarks.soak.rows import read_rows, write_rows
from benchmarks.soak.sandbox import ROOT, Row
from benchmarks.soak.surroundings import surroundings
from scripts.tables import fill, markdown

RESULTS = ROOT / "docs/results/soak.json"
PAGE = ROOT / "docs/explanation/reliability.md"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", metavar="WORD", help="faults whose name or place holds this")
    parser.add_argument("--again", action="store_true", help="also those that have a row already")
    parser.add_argument("--tables", action="store_true", help="write the page from docs/results/soak.json")
    args = parser.parse_args()
    # in the background of a shell it is ignored, and every process started here would ignore it too
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if not args.tables:
        soak(args.only, again=args.again)
    rows = read()
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8"), rows), encoding="utf-8", newline="\n")
    bad = [row for row in rows if not row.good]
    print(f"{len(rows) - len(bad)} of {len(rows)} faults survived" + "".join(f"\nnot: {row}" for row in bad))
    return int(bool(bad))


def soak(only: str, *, again: bool) -> None:
    """Try what has no row yet."""
    known = {(row.fault, row.where): row for row in read()}
    cases = {**kills(), **surroundings(), **meddling(), **dask_faults(), **repeats()}
    wanted = {name: case for name, case in cases.items() if only in " ".join(name) and (again or name not in known)}
    if not wanted:
        return
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        folder = Path(name).resolve()
        with sandbox.server(folder) as api:
            place = sandbox.make(folder, api)
            for number, ((fault, where), case) in enumerate(wanted.items()):
                print(f"{number + 1}/{len(wanted)} {fault}, {where}", flush=True)
                at = folder / f"case{number}"
                at.mkdir()
                row = Row(fault, where, *case(sandbox.copy(place, at), at))
                print(f"  {'good' if row.good else 'NOT GOOD'}: {row.happened}; then: {row.then}", flush=True)
                # read anew, since another soak may be at other faults
                known = {(one.fault, one.where): one for one in read()} | {(fault, where): row}
                write([known[name] for name in cases if name in known])
                sandbox.remove(at)


def read() -> list[Row]:
    """The rows that there are."""
    return read_rows(RESULTS, Row)


def write(rows: list[Row]) -> None:
    """Keep the rows, with what they were found by."""
    write_rows(RESULTS, "make soak", rows)


def page(text: str, rows: list[Row]) -> str:
    """The page with the rows that there are."""
    # what the command line says to a person is of no use in a table
    said = [row.then.partition("; `crackflow")[0] for row in rows]
    lines = [
        [row.fault, row.where, row.happened, then, "yes" if row.good else "**no**"]
        for row, then in zip(rows, said, strict=True)
    ]
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    head = ["fault", "where", "what happened", "the next run", "as it must be"]
    return fill(text, "soak", "benchmarks.soak", markdown(head, cells))


if __name__ == "__main__":
    sys.exit(main())
