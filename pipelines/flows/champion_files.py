"""The champion's files: in models/champion, with the layout of crackflow/weights.

models/champion.dvc says which one it is: `dvc pull` brings it to any clone, and `crackflow predict --model
models/champion` uses it.
"""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd

from crackflow.atomic import write_text
from crackflow.errors import ModelError, one_line
from crackflow.inference import packaged_weights
from crackflow.inference.card import CARD
from crackflow.params import Params, dump
from crackflow.splitting.foreign import CHOSEN_ON
from crackflow.strict_json import FORMAT
from pipelines.flows.results_branch import BRANCH
from pipelines.git import shown
from tasks.outputs import new_folder, write_json
from tasks.workspace import Workspace

CHAMPION = Path("models/champion")
POINTER = CHAMPION.with_suffix(".dvc")


def restore(root: Path) -> bool:
    """Bring the champion's folder back out of DVC, where the work tree was deleted and made again.

    Returns:
        Whether there is a champion.

    Raises:
        ModelError: when one is named that neither DVC's cache nor its remote holds.
    """
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    if (root / CHAMPION / CARD).is_file():
        return True
    pointer = root / POINTER
    text = pointer.read_text(encoding="utf-8") if pointer.is_file() else None
    committed = shown(root, "HEAD", str(POINTER))
    if text is None or text.rstrip("\n") == committed:  # no run has written it here, so the branch's is newer
        text = shown(root, f"refs/heads/{BRANCH}", str(POINTER)) or text
    if text is None:
        return False
    write_text(pointer, text.rstrip("\n") + "\n")
    with Repo(str(root), _wait_for_lock=True) as repo:
        try:
            repo.checkout([str(pointer)], force=True)
        except DvcException:
            try:
                repo.pull([str(pointer)], force=True)
            except DvcException as error:
                raise ModelError(
                    f"{POINTER} names a champion that neither DVC's cache nor its remote has ({one_line(error)})"
                ) from None
    return True


def replace(workspace: Workspace, params: Params, values: dict[str, Any], revision: str, reason: str) -> None:
    """Make the model of a checkout the champion.

    Args:
        workspace: a finished rebuild.
        params: what it was built with.
        values: its figures.
        revision: the commit that it was built of.
        reason: why it was promoted.
    """
    split = pd.read_csv(workspace.split_csv, dtype=str, keep_default_na=False)
    plain: dict[str, Any] = dump(params)
    with new_folder(workspace.root / CHAMPION) as folder:
        shutil.copyfile(workspace.model, folder / packaged_weights.MODEL)
        shutil.copyfile(workspace.operating_point, folder / packaged_weights.POINT)
        shutil.copyfile(workspace.trained_on, folder / packaged_weights.TRAINED_ON)
        chosen_on = list(split["photograph"][split["subset"].isin(CHOSEN_ON)])
        write_text(folder / packaged_weights.CHOSEN_ON, packaged_weights.chosen_on_text(chosen_on))
        card = {
            "format": FORMAT,
            "revision": revision,
            "promoted": reason,
            "classes": plain["classes"],
            "resize": plain["resize"],
            "figures": values,
        }
        write_json(folder / CARD, card)


def track(root: Path) -> None:
    """Have DVC know the champion. Called also where nothing was promoted: the run before may have died just here."""
    from dvc.repo import Repo

    with Repo(str(root), _wait_for_lock=True) as repo:
        repo.add(str(root / CHAMPION))
