"""Keep what DVC says of two commits as an example: `python -m scripts.diff OLD NEW` writes docs/results/diff.md.

Of the figures only those of the crack class and what they were taken at are kept; `dvc metrics diff OLD NEW` has all.
`make results` puts it into docs/how-to/compare-commits.md.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from tasks.environment import child_environment

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/results/diff.md"
KEPT = ("| crack.", "| protocol.threshold", "| protocol.peak")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", help="a revision")
    parser.add_argument("new", help="a later revision")
    args = parser.parse_args()
    params, metrics = (dvc(kind, args.old, args.new) for kind in ("params", "metrics"))
    if not params or not metrics:
        print(f"error: nothing differs between {args.old} and {args.new}; name two revisions that do", file=sys.stderr)
        return 2
    head, figures = metrics[:2], [line for line in metrics[2:] if line.startswith(KEPT)]
    made = f"Made by `python -m scripts.diff {args.old} {args.new}`."
    PAGE.parent.mkdir(parents=True, exist_ok=True)
    PAGE.write_text("\n".join([*params, "", *head, *figures, "", made]) + "\n", encoding="utf-8", newline="\n")
    return 0


def dvc(kind: str, old: str, new: str) -> list[str]:
    """Run `dvc KIND diff` and give its Markdown table, heading and rule first; the column of paths is left out."""
    command = [sys.executable, "-m", "dvc", kind, "diff", "--md", old, new]
    if kind == "metrics":
        command += ["--precision", "3"]
    done = subprocess.run(command, cwd=ROOT, env=child_environment(), check=True, capture_output=True, text=True)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in done.stdout.splitlines() if line.strip()]
    if len(rows) < 3:  # a heading and its rule, of nothing
        return []
    # DVC heads the columns with the revisions' names, which are long
    rows[0][2:4] = "before", "after"
    rows[1] = ["---"] * len(rows[1])
    return [f"| {' | '.join(row[1:])} |" for row in rows]


if __name__ == "__main__":
    sys.exit(main())
