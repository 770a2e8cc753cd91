"""Run the pipeline on a folder or zip of pairs, in a work tree of its own, and write its figures.

`python -m benchmarks.accuracy.real DATA [--profile photos] [--set KEY=VALUE ...]`, or `make real DATA=DIR`. The work
tree is .crackflow/real, at HEAD, with this checkout's DVC cache. Your own params, outputs and edits stay as they are,
and a second run does only what changed. docs/results/NAME.json gets figures only, no photographs and no paths.
"""

import argparse
import json
import platform
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from crackflow.parallel.machine import cores

ROOT = Path(__file__).resolve().parents[2]
TREE = ROOT / ".crackflow/real"
VOUCHED = ".crackflow/vouched.json"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path, help="a folder or zip of images/ and masks/")
    parser.add_argument("--profile", default="photos", help="a profile (default: photos)")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", help="a further parameter")
    parser.add_argument("--name", default="real", help="docs/results/NAME.json (default: real)")
    parser.add_argument(
        "--crossvalidate", action="store_true", help="five folds too, to docs/results/crossvalidation.json; takes hours"
    )
    args = parser.parse_args()
    data = args.data.resolve()
    if not data.exists():
        print(f"error: {args.data} does not exist; name a folder or zip of images/ and masks/", file=sys.stderr)
        return 2
    if git("status", "--porcelain", "--untracked-files=no"):
        print("note: the run uses HEAD; uncommitted changes are not part of it", file=sys.stderr)

    checkout(TREE, ROOT / ".dvc/cache")
    settings = [f"data.path={data}", *args.set]
    run("pipelines", "profile", args.profile, "--yes", *(word for item in settings for word in ("--set", item)))
    run("dvc", "repro")
    run("pipelines", "figures")
    vouch()

    target = ROOT / "docs/results" / f"{args.name}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(results(args), indent=1) + "\n", encoding="utf-8")
    if args.crossvalidate:
        run("pipelines", "crossvalidate", "--out", str(target.with_name("crossvalidation.json")))
    print(f"figures: {target.relative_to(ROOT)}\nreport:  {TREE.relative_to(ROOT)}/reports/index.html")
    return 0


def checkout(tree: Path, cache: Path) -> None:
    """Check out HEAD in a work tree and set its DVC cache. What the last run left there is kept."""
    if (tree / ".git").exists():
        git("checkout", "--force", "--detach", git("rev-parse", "HEAD"), cwd=tree)
    else:
        git("worktree", "prune")
        git("worktree", "add", "--force", "--detach", str(tree), "HEAD")
    local = ROOT / ".dvc/config.local"
    if local.is_file():  # such as how files are linked on this machine
        shutil.copy(local, tree / ".dvc/config.local")
    run("dvc", "config", "--local", "cache.dir", str(cache), cwd=tree)


def results(args: argparse.Namespace) -> dict[str, Any]:
    """What goes into docs/results: the figures, the data, the parameters, and the time and memory of each stage.

    Seconds and memory are those of the process that made the outputs (for a training that was killed, the last one).
    So a second call that finds nothing to do gives the same page. Where DVC took the outputs from its cache and the
    record belongs to other outputs, they are null.
    """
    params = yaml.safe_load((TREE / "params.yaml").read_text(encoding="utf-8"))
    params["data"]["path"] = "DATA"
    ran = measured(records(TREE), outputs(TREE), json.loads((TREE / VOUCHED).read_text(encoding="utf-8")))
    raw = json.loads((TREE / "data/raw.json").read_text(encoding="utf-8"))
    return {
        "command": command(args),
        "profile": args.profile,
        "settings": args.set,
        "revision": git("rev-parse", "--short=12", "HEAD", cwd=TREE),
        "machine": machine(),
        "pairs": raw["pairs"],
        "pairs_sha256": raw["sha256"],
        "total_s": total(ran),
        "stage_s": {stage["stage"]: stage["seconds"] for stage in ran},
        "stage_peak_mib": {stage["stage"]: stage.get("peak_mib") for stage in ran},
        "operating_point": json.loads((TREE / "models/operating_point.json").read_text(encoding="utf-8")),
        "figures": json.loads((TREE / "metrics/evaluation.json").read_text(encoding="utf-8")),
        "by_source": by_source("per_source.csv"),
        "foreign_by_source": by_source("foreign_per_source.csv"),
        "params": params,
    }


def command(args: argparse.Namespace) -> str:
    """The command that makes these results again, without the path of the data."""
    words = ["python", "-m", "benchmarks.accuracy.real", "DATA", "--profile", args.profile, "--name", args.name]
    return shlex.join([*words, *(word for item in args.set for word in ("--set", item))])


def by_source(name: str) -> list[dict[str, str]]:
    """The rows of a table in reports/."""
    names, *rows = (TREE / "reports" / name).read_text(encoding="utf-8").splitlines()
    return [dict(zip(names.split(","), row.split(","), strict=True)) for row in rows]


Record = dict[str, Any]


def records(tree: Path) -> list[Record]:
    """The record of each stage's last run, the earliest first."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in (tree / ".crackflow/ran").glob("*.json")]
    return sorted(found, key=lambda record: str(record["finished"]))


def outputs(tree: Path) -> dict[str, str]:
    """The hashes of each stage's outputs, as dvc.lock has them."""
    stages = yaml.safe_load((tree / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    return {name: json.dumps(stage.get("outs", [])) for name, stage in stages.items()}


def vouch() -> None:
    """Note which outputs each record belongs to: DVC may restore the outputs of another run beside it."""
    path = TREE / VOUCHED
    known = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    made = outputs(TREE)
    for record in records(TREE):
        stage = record["stage"]
        if known.get(stage, {}).get("finished") != record["finished"]:
            known[stage] = {"finished": record["finished"], "outputs": made.get(stage)}
    path.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")


def measured(ran: list[Record], made: dict[str, str], vouched: dict[str, Record]) -> list[Record]:
    """The records. Where one belongs to other outputs than the present ones, time and memory are None."""
    return [
        record
        if vouched.get(record["stage"], {}).get("outputs") == made.get(record["stage"])
        else {**record, "seconds": None, "peak_mib": None}
        for record in ran
    ]


def total(ran: list[Record]) -> float | None:
    """Seconds of all stages together; None when one is unknown."""
    seconds = [record["seconds"] for record in ran]
    return None if None in seconds else round(sum(seconds), 1)


def machine() -> dict[str, Any]:
    """What a measured time depends on besides the code."""
    return {"cores": cores(), "system": platform.system(), "python": platform.python_version()}


def run(*command: str, cwd: Path = TREE) -> None:
    """Run `python -m COMMAND` in a work tree, whose own modules come before the installed ones."""
    done = subprocess.run([sys.executable, "-m", *command], cwd=cwd, check=False)
    if done.returncode:
        sys.exit(done.returncode if done.returncode == 2 else 1)


def git(*command: str, cwd: Path = ROOT) -> str:
    """Run git and give what it printed."""
    return subprocess.run(["git", *command], cwd=cwd, check=True, capture_output=True, text=True).stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
