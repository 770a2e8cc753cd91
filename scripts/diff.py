"""Make the example of docs/how-to/compare-commits.md: a commit that drops augmentation, and what compare says of it.

`python -m scripts.diff` clones this checkout to DIR, rebuilds it there on the built-in sample, commits, switches every
augmentation off, trains again and commits. It writes what `crackflow compare` says of the two commits to
docs/results/diff.md, and `make results` puts that into the page. What is done in DIR already is not done again.
Without anything done, it takes ten minutes on two quiet cores.
"""

import argparse
import subprocess
import sys
from pathlib import Path

from crackflow.atomic import write_text
from crackflow.params import parse, render
from crackflow.params.text import read_yaml
from pipelines.git import git
from tasks.environment import child_environment

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/results/diff.md"
PLACE = ROOT / ".crackflow/example"
REBUILT, DROPPED = "As rebuilt here", "Train without augmentation"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--at", type=Path, metavar="DIR", default=PLACE, help="where (default: .crackflow/example)")
    folder = parser.parse_args().at
    make(folder)
    write_text(PAGE, page(compared(folder), git(folder, "rev-parse", "--short=10", "HEAD~1")))
    return 0


def make(folder: Path) -> None:
    """Clone, rebuild and change, unless it has been done; the last two commits are the ones to compare."""
    if not folder.exists():
        git(ROOT, "clone", "--quiet", str(ROOT), str(folder))
        git(folder, "config", "user.name", "somebody")
        git(folder, "config", "user.email", "somebody@localhost")
        run(folder, "dvc", "cache", "dir", "--local", str(ROOT / ".dvc/cache"))
    if git(folder, "log", "-1", "--format=%s") == DROPPED:
        return
    run(folder, "dvc", "repro")
    git(folder, "commit", "--quiet", "--allow-empty", "--all", "--message", REBUILT)
    params = folder / "params.yaml"
    write_text(params, without_augmentation(params))
    run(folder, "dvc", "repro")
    git(folder, "commit", "--quiet", "--all", "--message", DROPPED)


def without_augmentation(params: Path) -> str:
    """Give the text of params.yaml with each augmentation off, and all else as it is."""
    values = read_yaml(params)
    augment = values["train"]["augment"]
    values["train"]["augment"] = {name: False if value is True else 0.0 for name, value in augment.items()}
    return render(parse(values))


def compared(folder: Path) -> str:
    """Give what `crackflow compare --markdown` says of the last two commits."""
    return run(folder, "pipelines", "compare", "HEAD~1", "HEAD", "--markdown")


def page(said: str, revision: str) -> str:
    """Give the verdict, the parameters and the figures: no heading, and no tables by source and by image.

    In the sample's test subset each source is one group of photographs, so nothing can be said of a single one.

    Args:
        said: by compared.
        revision: that was rebuilt.
    """
    kept = said.partition("\n### ")[2].partition("\n\n")[2]
    for heading in ("\n\nBy source", "\n\nImages that changed"):
        kept = kept.partition(heading)[0]
    return f"{kept.rstrip()}\n\nMade by `python -m scripts.diff` at revision {revision}.\n"


def run(folder: Path, module: str, *arguments: str) -> str:
    """Run a module of this environment in a folder, and give what it prints.

    Raises:
        SystemExit: when it fails, with what it said.
    """
    command = [sys.executable, "-m", module, *arguments]
    environment = child_environment() | {"PYTHONPATH": str(folder)}
    done = subprocess.run(command, cwd=folder, env=environment, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:
        sys.exit(f"error: `{' '.join(command[2:])}` in {folder} ended with exit code {done.returncode}; {done.stdout}")
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
