"""The gate: a new model becomes the champion only where it is no worse on test images that neither has seen.

`python -m pipelines.flows.gate TREE REVISION` judges the model in a checkout and prints the verdict; a rebuild runs it
as a process of its own, so that it can be ended like a stage. pipelines/flows/champion_files.py keeps the champion.
"""

import hashlib
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import pandas as pd

from crackflow.errors import CrackflowError, DataError, ModelError
from crackflow.evaluation import comparison
from crackflow.evaluation.scoring import score_pairs
from crackflow.evaluation.tables import per_image_table
from crackflow.imaging.pairs import ResizedPairs
from crackflow.inference import packaged_weights
from crackflow.inference.card import CARD, read_card
from crackflow.inference.operating_point import sha256
from crackflow.inference.packaged_weights import Seen, Weights
from crackflow.inference.pair_predictions import in_this_process
from crackflow.keras_import import import_keras
from crackflow.models.seen_pairs import known
from crackflow.params import Params
from crackflow.strict_json import parse
from pipelines import figures
from pipelines.flows import champion_files
from tasks.endings import os_error_line, say_error
from tasks.outputs import write_json
from tasks.workspace import Workspace

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


@dataclass(frozen=True)
class Rejection:
    """A verdict, and the fingerprint of all that it depends on."""

    of: str
    verdict: Verdict


def verdict_file(workspace: Workspace) -> Path:
    """Where the last verdict on a checkout's model lies, as JSON."""
    return workspace.root / ".crackflow/gate.json"


def read_verdict(workspace: Workspace) -> Verdict:
    """Read the last verdict.

    Raises:
        DataError: when there is none.
    """
    try:
        return parse(verdict_file(workspace).read_bytes(), Verdict)
    except (OSError, ValueError) as error:
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
    params, values = workspace.params(), figures.read_figures(workspace)
    verdict = _verdict(workspace, params)
    if verdict.name == "Promoted":
        champion_files.replace(workspace, params, values, revision, verdict.reason)
    if verdict.name == "Rejected":
        write_json(_rejected_file(workspace), asdict(Rejection(_fingerprint(workspace, params), verdict)))
    if (workspace.root / champion_files.CHAMPION / CARD).is_file():
        champion_files.track(workspace.root)
    write_json(verdict_file(workspace), asdict(verdict))
    return verdict


def _verdict(workspace: Workspace, params: Params) -> Verdict:
    folder, metric = workspace.root / champion_files.CHAMPION, params.gate.metric
    try:
        if not champion_files.restore(workspace.root):
            return Verdict("Promoted", "there was no champion")
        champion = packaged_weights.open_folder(folder, "the champion")
        card = read_card(folder)
        if sha256(champion.model) == sha256(workspace.model):
            return Verdict("Unchanged", "the model is the champion", card.revision)
        if metric == "none":
            return Verdict("Promoted", "gate.metric is none", card.revision)
        if (known := _rejected(workspace)) and known["of"] == _fingerprint(workspace, params):
            # said once: a night without changes is no news
            return Verdict(**(known["verdict"] | {"name": "Unchanged", "reason": f"rejected before: {_reason(known)}"}))
        found = _compare(workspace, params, champion, packaged_weights.seen(folder), metric)
    except (CrackflowError, OSError) as error:
        if metric == "none":
            return Verdict("Promoted", "gate.metric is none, and the champion can't be used")
        reason = f"the champion can't be compared: {error}; gate.metric: none takes the new model as it is"
        return Verdict("Rejected", reason)
    gate = params.gate
    if found.delta < gate.min_delta:
        name: Name = "Rejected"
        why = f"less than gate.min_delta {gate.min_delta:+g} better"
    elif found.better < gate.confidence:
        name, why = "Rejected", f"less sure to be better than gate.confidence {gate.confidence:.0%}"
    else:
        name, why = "Promoted", "no worse than the gate asks"
    return Verdict(name, f"{why}: {found.words()}", card.revision, found.delta)


def _rejected_file(workspace: Workspace) -> Path:
    return workspace.root / ".crackflow/rejected.json"


def _rejected(workspace: Workspace) -> dict[str, Any] | None:
    """The last rejection and what it was of; None where there is none that can be read."""
    try:
        return asdict(parse(_rejected_file(workspace).read_bytes(), Rejection))
    except (OSError, ValueError):
        return None


def _reason(known: dict[str, Any]) -> str:
    return str(known["verdict"]["reason"])


def _fingerprint(workspace: Workspace, params: Params) -> str:
    """A hash of all that a comparison depends on: both models with their operating points, the figures, the gate."""
    champion = workspace.root / champion_files.CHAMPION
    read = (
        workspace.model,
        workspace.operating_point,
        workspace.reports / "per_image.csv",
        workspace.split_csv,
        champion / CARD,
        champion / packaged_weights.MODEL,
        champion / packaged_weights.POINT,
    )
    parts = [sha256(path) if path.is_file() else "none" for path in read]
    return hashlib.sha256("\n".join([*parts, params.gate.model_dump_json()]).encode()).hexdigest()


def _compare(
    workspace: Workspace, params: Params, champion: Weights, seen: Seen, metric: comparison.ComparedFigure
) -> comparison.Paired:
    """Score the champion on the candidate's test rows, and set both side by side."""
    if champion.params.classes != params.classes or champion.params.resize != params.resize:
        raise ModelError("it was trained for other classes, or another size of picture")
    split = pd.read_csv(workspace.split_csv, dtype=str, keep_default_na=False)
    rows = split[split["subset"] == "test"]
    rows = rows[~rows["photograph"].isin(known(rows["photograph"], seen.trained_on | seen.chosen_on))]
    if rows.empty:
        raise DataError("it has seen every test image in its own training")
    from crackflow.inference.predictor import load_model

    new = pd.read_csv(workspace.reports / "per_image.csv", dtype={"stem": str}, keep_default_na=False)
    new = new[new["stem"].isin(rows["stem"])]
    names = list(params.classes)
    pairs = ResizedPairs(workspace.resized, len(names))
    model, point = load_model(champion.model, len(names)), champion.point()
    found = score_pairs(in_this_process(model), pairs, rows, params.evaluate, names, point, "the champion's valid")
    old = per_image_table(found.images)
    groups = rows.set_index("stem")["group"].loc[old["stem"]]
    return comparison.paired(old, new, metric, list(groups))


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
        say_error(f"gate: {error}")
        return error.exit_code
    except OSError as error:
        say_error(f"gate: {os_error_line(error, root)}")
        return CrackflowError.exit_code
    print(f"{verdict.name}: {verdict.reason}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
