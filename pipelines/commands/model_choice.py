"""Which model a command uses: the one trained in this checkout, the packaged one, or one that the user names."""

from pathlib import Path

from crackflow.errors import DataError, ModelError
from crackflow.inference import operating_point_file, packaged_weights
from crackflow.inference.card import CARD
from crackflow.inference.operating_point import OperatingPoint, sha256
from crackflow.inference.packaged_weights import Seen, Weights
from crackflow.models import seen_pairs
from crackflow.params import Params
from crackflow.runtimes import metadata
from crackflow.runtimes.choice import IR, ONNX, weights_of
from crackflow.splitting.foreign import CHOSEN_ON
from tasks.workspace import Workspace

PACKAGED, TRAINED = "packaged", "trained"


def choose(here: Path, choice: str = "") -> Weights:
    """Find the model to use.

    Args:
        here: the current directory, a checkout or not.
        choice: "packaged", "trained", or a path: a checkout, a folder laid out as crackflow/weights, the .keras file
            in one of them, a folder that `crackflow export` wrote or the model in it, or a .keras file that lies
            elsewhere, such as the best epoch of a training that was stopped.
            Empty takes the trained one where `here` has one, else the packaged one.

    Returns:
        The weights; the model itself is not opened.

    Raises:
        ModelError: when there is no such model.
        ParamsError: when the checkout's params.yaml is absent or can't be used.
    """
    if choice == TRAINED or (not choice and Workspace(here).model.is_file()):
        return _trained(Workspace(here), "the model trained here")
    if choice in ("", PACKAGED):
        return packaged_weights.open_folder(packaged_weights.FOLDER, "the packaged weights")
    path = here / Path(choice).expanduser()
    if not path.exists():
        raise ModelError(
            f"no model at {choice}; expected packaged, trained, a checkout with a trained model, a folder laid out as "
            "crackflow/weights, one that `crackflow export` wrote, or a .keras file"
        )
    if not (path.is_file() or path.is_dir()):  # the other end of a named pipe may never come
        raise ModelError(f"{choice} is no regular file and no folder; name a .keras file or a folder of weights")
    folder = path if path.is_dir() else path.parent
    for checkout in (folder, folder.parent):
        if Workspace(checkout).model.is_file() and path in (checkout, Workspace(checkout).model):
            return _trained(Workspace(checkout), f"the model trained in {choice}")
    if (folder / metadata.FILE).is_file() and (path.is_dir() or path.suffix in (ONNX, IR)):
        return _exported(folder, choice)
    if path.is_dir() or (path.name == packaged_weights.MODEL and (folder / CARD).is_file()):
        return packaged_weights.open_folder(folder, f"the weights in {choice}")
    return _alone(Workspace(here), path, choice)


def seen(weights: Weights) -> Seen:
    """Find out which pairs a model was trained on, and which its operating point was chosen on.

    Args:
        weights: as `choose` gives them.

    Returns:
        Hashes of both.

    Raises:
        ModelError: when that is not known, for instance after a new split without a new training.
    """
    if weights.lists is not None:
        return packaged_weights.seen(weights.lists)
    # takes as long as to mark a photograph
    import pandas as pd

    workspace = Workspace(weights.model.parent.parent)
    if weights.model != workspace.model:
        raise ModelError(
            f"no list beside {weights.model} tells what it was trained on, so it can't be scored; name a checkout or a "
            "folder laid out as crackflow/weights"
        )
    try:
        split = pd.read_csv(workspace.split_csv, dtype=str, keep_default_na=False)
        train, chosen_on = (
            frozenset(map(seen_pairs.stem_hash, split["photograph"][split["subset"].isin(subsets)]))
            for subsets in (("train",), CHOSEN_ON)
        )
    except FileNotFoundError:
        raise ModelError(
            f"no split at {workspace.split_csv}, which tells what the model was trained on; make it with "
            "`crackflow rebuild split`, or use --model packaged"
        ) from None
    except (KeyError, ValueError, OSError) as error:
        raise DataError(f"{workspace.split_csv} can't be used ({error}); run `crackflow rebuild split`") from None
    if workspace.trained_on.is_file() and seen_pairs.read_hashes(workspace.trained_on) != train:
        raise ModelError(
            f"{workspace.split_csv} was made again after the model was trained, so it is no longer known which pairs "
            "its epoch and threshold were chosen on; train on the new split with `crackflow rebuild`, or use "
            "--model packaged"
        )
    return Seen(train, chosen_on)


def _trained(workspace: Workspace, name: str) -> Weights:
    if not workspace.model.is_file():
        raise ModelError(f"no model at {workspace.model}; train one with `crackflow rebuild`, or say --model packaged")
    if not workspace.operating_point.is_file():
        raise ModelError(
            f"no operating point at {workspace.operating_point}; `crackflow rebuild evaluate` makes it, or fetch it "
            "with `dvc pull`"
        )
    if not operating_point_file.was_chosen_for(workspace.operating_point, workspace.model):
        raise ModelError(
            f"{workspace.operating_point} was chosen for another model than {workspace.model.name} beside it; "
            "choose a new one with `crackflow rebuild evaluate`"
        )
    return Weights(name, workspace.model, workspace.operating_point, workspace.params())


def _exported(folder: Path, named: str) -> Weights:
    found = metadata.read(folder)
    model = folder / found.model
    beside = weights_of(model)
    if beside is not None and found.weights_sha256 is None:
        raise ModelError(
            f"{folder / metadata.FILE} does not tell which {beside.name} belongs to it: an earlier version wrote it; "
            "export the model again"
        )
    wanted = [(model, found.model_sha256), *([] if beside is None else [(beside, found.weights_sha256)])]
    if other := next((file for file, digest in wanted if not file.is_file() or sha256(file) != digest), None):
        raise ModelError(f"{other} is not the model that {metadata.FILE} beside it is of; export it again")
    params = Params.model_validate({"classes": found.classes, "resize": found.resize.model_dump()})
    point = found.operating_point
    known = OperatingPoint(point.threshold, point.smallest_area, point.peak, point.flips)
    return Weights(f"{found.exported_from}, exported to {named}", model, None, params, use=found.use, known_point=known)


def _alone(workspace: Workspace, path: Path, named: str) -> Weights:
    """A .keras file of which nothing else is known. Photographs are resized as params.yaml here says."""
    params = workspace.params() if (workspace.root / "params.yaml").is_file() else Params()
    return Weights(f"{named} (no operating point was chosen for it)", path, None, params)
