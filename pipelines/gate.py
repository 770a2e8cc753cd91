"""The gate: a new model becomes the champion only where it is no worse on test images that neither has seen.

`python -m pipelines.gate TREE REVISION` judges the model in a checkout and prints the verdict; a rebuild runs it as a
process of its own, so that it can be ended like a stage. The champion lies in models/champion, laid out as
crackflow/weights, and models/champion.dvc says which one it is: `dvc pull` brings it to any clone, and
`crackflow predict --model models/champion` uses it.
"""

import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from crackflow import compare, packaged
from crackflow.errors import CrackflowError, DataError, ModelError
from crackflow.operating_point import sha256
from crackflow.packaged import Seen, Weights
from crackflow.params import Params, dump
from crackflow.quiet import import_keras
from crackflow.trained_on import known
from pipelines import figures
from tasks import evaluate
from tasks.outputs import new_folder, write_json
from tasks.workspace import Workspace, write_text

CHAMPION = Path("models/champion")
POINTER = CHAMPION.with_suffix(".dvc")
SCORED = "gate-"  # folders in .crackflow in which a champion is scored
Name = Literal["Promoted", "Unchanged", "Rejected"]


@dataclass(frozen=True)
class Verdict:
    """What became of a model.

    Attributes:
        name: Promoted, Unchanged where it is the champion already, or Rejected.
        reason: why, in one line.
        champion: revision of the champion that it met; None for the first.
        delta: by how much it is better; None where they were not compared.
    """

    name: Name
    reason: str
    champion: str | None = None
    delta: float | None = None


def verdict_file(workspace: Workspace) -> Path:
    """Where the last verdict on a checkout's model lies, as JSON."""
    return workspace.root / ".crackflow/gate.json"


def read(workspace: Workspace) -> Verdict:
    """Read the last verdict.

    Raises:
        DataError: when there is none.
    """
    try:
        return Verdict(**json.loads(verdict_file(workspace).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise DataError(f"no verdict in {workspace.root} ({error}); run the rebuild again") from None


def judge(workspace: Workspace, revision: str) -> Verdict:
    """Let the model of a checkout meet the champion, and take its place where it is no worse.

    Args:
        workspace: a finished rebuild.
        revision: what the model was made of, for the champion's card.

    Returns:
        The verdict, which is also written to `verdict_file`.

    Raises:
        DataError: when the rebuild has left no figures.
        ModelError: when the model or its lists can't be used.
    """
    params, values = workspace.params(), figures.read(workspace)
    verdict = _verdict(workspace, params)
    if verdict.name == "Promoted":
        _promote(workspace, params, values, revision, verdict)
    if (workspace.root / CHAMPION).is_dir():
        _track(workspace.root)
    write_json(verdict_file(workspace), asdict(verdict))
    return verdict


def _verdict(workspace: Workspace, params: Params) -> Verdict:
    folder = workspace.root / CHAMPION
    if not (folder / packaged.CARD).is_file():
        return Verdict("Promoted", "there was no champion")
    try:
        champion = packaged.open_folder(folder, "the champion")
        card = packaged.read_card(folder)
        if sha256(champion.model) == sha256(workspace.model):
            return Verdict("Unchanged", "the model is the champion", card["revision"])
        metric = params.gate.metric
        if metric == "none":
            return Verdict("Promoted", "gate.metric is none", card["revision"])
        found = _compare(workspace, params, champion, packaged.seen(folder), metric)
    except (CrackflowError, OSError) as error:
        reason = f"the champion can't be compared: {error}; gate.metric: none takes the new model as it is"
        return Verdict("Rejected", reason)
    gate = params.gate
    if found.delta < gate.min_delta:
        name: Name = "Rejected"
        why = f"less than gate.min_delta {gate.min_delta:+g} better"
    elif found.better < gate.confidence:
        name, why = "Rejected", f"better in less than gate.confidence {gate.confidence:.0%} of the resamples"
    else:
        name, why = "Promoted", "no worse than the gate asks"
    return Verdict(name, f"{why}: {found.words()}", card["revision"], found.delta)


def _compare(
    workspace: Workspace, params: Params, champion: Weights, seen: Seen, metric: compare.Metric
) -> compare.Paired:
    """Score the champion on the candidate's test rows, and set both side by side."""
    if champion.params.classes != params.classes or champion.params.resize != params.resize:
        raise ModelError("it was trained for other classes, or another size of picture")
    split = pd.read_csv(workspace.split_csv, dtype=str, keep_default_na=False)
    rows = split[split["subset"] == "test"]
    rows = rows[~rows["stem"].isin(known(rows["stem"], seen.trained_on | seen.chosen_on))]
    if rows.empty:
        raise DataError("it has seen every test image in its own training")
    from crackflow.inference import load_model

    new = pd.read_csv(workspace.reports / "per_image.csv", dtype={"stem": str}, keep_default_na=False)
    new = new[new["stem"].isin(rows["stem"])]
    with _beside(workspace) as place:
        evaluate.score_rows(place, params, load_model(champion.model), rows, champion.point(), "the champion's valid")
        old = pd.read_csv(place.reports / "per_image.csv", dtype={"stem": str}, keep_default_na=False)
    groups = rows.set_index("stem")["group"].loc[old["stem"]]
    return compare.paired(old, new, metric, list(groups))


@contextlib.contextmanager
def _beside(workspace: Workspace) -> Iterator[Workspace]:
    """A workspace that sees the resized pairs of another and is dropped at the end."""
    place = workspace.root / ".crackflow"
    place.mkdir(exist_ok=True)
    for left in place.glob(f"{SCORED}*"):  # of a gate that was killed; the run's lock is held, so no other is at work
        shutil.rmtree(left, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=SCORED, dir=place) as folder:
        beside = Workspace(Path(folder))
        beside.resized.parent.mkdir(parents=True)
        beside.resized.symlink_to(workspace.resized, target_is_directory=True)
        yield beside


def _promote(workspace: Workspace, params: Params, values: dict[str, Any], revision: str, verdict: Verdict) -> None:
    split = pd.read_csv(workspace.split_csv, dtype=str, keep_default_na=False)
    plain: dict[str, Any] = dump(params)
    with new_folder(workspace.root / CHAMPION) as folder:
        shutil.copyfile(workspace.model, folder / packaged.MODEL)
        shutil.copyfile(workspace.operating_point, folder / packaged.POINT)
        shutil.copyfile(workspace.trained_on, folder / packaged.TRAINED_ON)
        valid = list(split["stem"][split["subset"] == "valid"])
        write_text(folder / packaged.CHOSEN_ON, packaged.chosen_on_text(valid))
        card = {
            "revision": revision,
            "promoted": verdict.reason,
            "classes": plain["classes"],
            "resize": plain["resize"],
            "figures": values,
        }
        write_json(folder / packaged.CARD, card)


def _track(root: Path) -> None:
    """Have DVC know the champion. Called also where nothing was promoted: the run before may have died just here."""
    from dvc.repo import Repo

    with Repo(str(root), _wait_for_lock=True) as repo:
        repo.add(str(root / CHAMPION))


def main(arguments: list[str]) -> int:
    """Judge the model in a checkout.

    Args:
        arguments: the checkout and the revision that it is at.
    """
    root, revision = arguments
    import_keras()
    try:
        verdict = judge(Workspace(Path(root)), revision)
    except CrackflowError as error:
        print(f"error: gate: {error}", file=sys.stderr)
        return error.exit_code
    print(f"{verdict.name}: {verdict.reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
