"""Stage train: train the network on the train pairs and keep the epoch that is best on valid.

Rows, charts, pictures and metrics are written after each epoch, so they can be watched, also by `dvc exp show`.
Checkpoints and the best model so far lie in .crackflow/state/train, in a folder named by a hash of everything that the
result depends on. They can't lie among the outputs, which DVC removes before a run.
"""

import hashlib
import importlib
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from crackflow.atomic import replacing, write_text
from crackflow.errors import TrainingError
from crackflow.imaging.images import encode_classes, read_image, write_png
from crackflow.imaging.pairs import KINDS, ResizedPairs
from crackflow.inference.network import predict
from crackflow.models.seen_pairs import render
from crackflow.params import Params, TrainParams
from crackflow.progress import track
from crackflow.visualization.charts import lines
from crackflow.visualization.contact_sheet import sheet
from tasks.code_closure import fingerprint
from tasks.outputs import write_csv
from tasks.workspace import Workspace

if TYPE_CHECKING:
    from dvclive.live import Live

SHEET_WIDTH = 256
SHEET, NO_PICTURES = "sheet.png", "README.txt"
# Who trains together, and which of them this process is. No parameters: the result depends on them by rounding alone.
WORKERS, WORKER = "CRACKFLOW_WORKERS", "CRACKFLOW_WORKER"
SUBSETS = {"": "train", "val_": "valid", "foreign_": "foreign_valid"}
"""Subsets of the history, by the prefix that their columns have."""


def run(workspace: Workspace, params: Params) -> None:
    """Train and publish the model, the curves and the pictures of each epoch.

    Where the environment names several workers, the first of them publishes; the others only train with it.

    Args:
        workspace: data/resized and data/split.csv are read; models/, reports/ and metrics/train are written.
        params: classes, model, resize.size and train are read.

    Raises:
        DataError: when there is nothing to train or to validate on.
        TrainingError: when the loss is not finite, the git repository has no commit, or another worker is gone or has
            other pairs, parameters or code.
        KeyboardInterrupt: when the run is interrupted, with a note that names the best model so far.
    """
    import keras

    from crackflow.training import checkpoints, dataset, loop, precision, workers

    together = workers.join(os.environ.get(WORKERS, ""), os.environ.get(WORKER, ""))
    split = pd.read_csv(workspace.split_csv, dtype=str, keep_default_na=False)
    train_rows = split[split.subset == "train"]
    train_stems = list(train_rows.stem)
    sources = dict(zip(split.stem, split.source, strict=True))
    valid_stems = list(split.stem[split.subset == "valid"])
    foreign_stems = list(split.stem[split.subset == "foreign_valid"])
    shown = dataset.spread(list(split.stem[split.mini_test == "1"]), params.train.num_infer_images)

    recipe = [params.classes, params.model.model_dump(), params.resize.size, params.train.model_dump()]
    recipe += [keras.version(), keras.backend.backend(), precision.resolve(params.train.precision)]
    # a training must not go on with other versions than it began with
    arithmetic = (keras.backend.backend(), "numpy", "cv2")
    recipe += [importlib.import_module(name).__version__ for name in arithmetic]
    # train.draw depends on the sources
    recipe += [[sources[stem] for stem in train_stems] if params.train.draw else []]
    # the pictures of each epoch are kept with the checkpoints
    recipe += [shown]
    pairs = ResizedPairs(workspace.resized, len(params.classes))
    key = _key(pairs, [*train_stems, *valid_stems, *foreign_stems], recipe, fingerprint("tasks.train"))
    state = workspace.state("train", key)
    kept = checkpoints.Checkpoints(state)
    pictures = state / "pictures"
    drawn = ResizedPairs(workspace.resized, len(params.classes), params.model.image_channels)
    if together.chief:
        live = _live(workspace)
        _remove_pictures(workspace)

    def publish(history: list[checkpoints.Row]) -> None:
        _publish_history(workspace, history)
        _publish_pictures(workspace, pictures, pairs, shown, len(history))
        _publish_newest(live, history, params.train)

    def epoch_done(trained: keras.Model, history: list[checkpoints.Row]) -> None:
        for stem in shown:
            probabilities = predict(trained, pairs.image(stem)[None])[0]
            # the most probable class; the threshold is chosen later, by stage evaluate
            classes = probabilities.argmax(axis=-1).astype("uint8")
            name = f"epoch_{len(history):03d}_{stem}.png"
            write_png(pictures / name, encode_classes(classes, len(params.classes)))
        publish(history)

    try:
        with together.together():
            together.agree(key)
            history = loop.train(
                drawn,
                train_stems,
                valid_stems,
                params.resize.size,
                params.model,
                params.train,
                kept,
                epoch_done,
                sources,
                foreign_stems,
                together,
            )
        if not together.chief:
            return
        publish(history)
    except KeyboardInterrupt as stop:
        stop.add_note(_what_is_left(workspace, kept.best))
        raise
    write_text(workspace.trained_on, render(train_rows.photograph))
    workspace.model.parent.mkdir(parents=True, exist_ok=True)
    _copy(kept.best, workspace.model)


def _live(workspace: Workspace) -> "Live":
    """Logs the newest epoch only: the history is in reports/, and DVC itself saves the experiment."""
    from dvclive.live import Live
    from scmrepo.exceptions import SCMError

    try:
        return Live(str(workspace.train_metrics.parent), report=None, save_dvc_exp=False, dvcyaml=None)
    except SCMError as error:
        raise TrainingError(
            f"dvclive found no commit in this git repository ({error}), expected at least one; run `git add -A` and "
            "`git commit -m start`, then train again"
        ) from None


def _copy(source: Path, target: Path) -> None:
    with replacing(target) as part:
        shutil.copyfile(source, part)


def _what_is_left(workspace: Workspace, best: Path) -> str:
    if not best.is_file():
        return "no epoch was finished, so there is no model yet; the next `dvc repro` goes on from here"
    path = best.relative_to(workspace.root)
    return (
        f"the best model so far is {path}; use it with `crackflow predict PHOTOS --out DIR --model {path}`; "
        "the next `dvc repro` goes on from here"
    )


def _key(pairs: ResizedPairs, stems: Sequence[str], recipe: list[object], code: str) -> str:
    """A hash of all that the result depends on: the recipe, the bytes and order of the pairs, the code."""
    digest = hashlib.sha256(json.dumps([recipe, list(stems), code]).encode())
    for stem in track(stems, "train: pairs", unit="pair"):
        for kind in KINDS:
            digest.update(pairs.path(kind, stem).read_bytes())
    return digest.hexdigest()[:16]


def _publish_history(workspace: Workspace, history: list[dict[str, float]]) -> None:
    frame = pd.DataFrame(history).astype({"epoch": int})
    subsets = {prefix: subset for prefix, subset in SUBSETS.items() if f"{prefix}loss" in frame.columns}
    followed = [name for name in frame.columns if f"val_{name}" in frame.columns]
    for kind, names in (("losses", ["loss"]), ("metrics", [name for name in followed if name != "loss"])):
        table = frame[["epoch", *(f"{prefix}{name}" for name in names for prefix in subsets)]]
        write_csv(workspace.reports / f"train_{kind}.csv", table)
        series = {f"{subset} {name}": f"{prefix}{name}" for name in names for prefix, subset in subsets.items()}
        chart = workspace.reports / f"train_{kind}.png"
        lines(chart, table, series, "epoch", "epoch", kind, f"{kind.capitalize()} by epoch")


def _publish_newest(live: "Live", history: list[dict[str, float]], recipe: TrainParams) -> None:
    """Log the last epoch's values, and the best epoch's monitored value, by which trainings are compared."""
    live.step = len(history)
    for name, value in history[-1].items():
        if name != "epoch":  # which is the step
            live.log_metric(name, value, plot=False)
    from crackflow.training.loop import monitored

    better = min if recipe.monitor == "val_loss" else max
    best = better(history, key=lambda row: monitored(row, recipe))
    live.summary["best"] = {"step": int(best["epoch"]), recipe.monitor: best[recipe.monitor]}
    live.make_summary()  # type: ignore[no-untyped-call]


def _pictures_folder(workspace: Workspace) -> Path:
    return workspace.reports / "epoch_change_infer"


def _remove_pictures(workspace: Workspace) -> None:
    """Remove what an earlier training published; DVC does so itself, `python -m tasks train` by hand does not."""
    folder = _pictures_folder(workspace)
    for pattern in ("epoch_*.png", SHEET, NO_PICTURES):
        for path in folder.glob(pattern):
            path.unlink()


def _publish_pictures(
    workspace: Workspace, pictures: Path, pairs: ResizedPairs, shown: Sequence[str], epochs: int
) -> None:
    """Copy the pictures of all epochs and lay out a sheet of the first, the middle and the last one."""
    target = _pictures_folder(workspace)
    target.mkdir(parents=True, exist_ok=True)
    if not shown:
        write_text(target / NO_PICTURES, "train.num_infer_images is 0: no pictures were made.\n")
        return
    for picture in sorted(pictures.glob("epoch_*.png")):
        if not (target / picture.name).exists():
            _copy(picture, target / picture.name)
    columns = sorted({1, (epochs + 1) // 2, epochs})
    rows = []
    for stem in shown:
        image, mask = pairs.pair(stem)
        truth = encode_classes(mask, pairs.num_classes)
        predicted = [read_image(target / f"epoch_{epoch:03d}_{stem}.png") for epoch in columns]
        rows.append([image, truth, *predicted])
    headings = ["image", "truth", *(f"epoch {epoch}" for epoch in columns)]
    write_png(target / SHEET, sheet(rows, [[stem] for stem in shown], headings, SHEET_WIDTH))
