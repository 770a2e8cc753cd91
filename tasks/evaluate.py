"""Stage evaluate: the threshold from valid, the figures from test."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crackflow.errors import DataError
from crackflow.evaluation import (
    REDUCTIONS,
    Scored,
    figures,
    flat,
    per_image_table,
    per_source_table,
    plain,
    precision_recall_table,
    score,
)
from crackflow.images import encode_classes, read_image, read_stored_mask, write_png
from crackflow.operating_point import OperatingPoint, classify
from crackflow.params import Params
from crackflow.progress import track
from crackflow.threshold_chart import precision_recall
from crackflow.thresholds import choose, counts_at, levels
from tasks.outputs import new_folder, write_csv, write_json
from tasks.workspace import Workspace

# Of evaluation.csv: the original experiment's figures come first, under the names it published them with.
ORIGINAL = ("categorical_crossentropy", "dice_coef_multiclass", "dice_coef_multiclass_all_background")

Predicted = tuple[str, str, NDArray[np.float32], NDArray[np.uint8]]


def run(workspace: Workspace, params: Params) -> None:
    """Choose the threshold on valid, score test with it.

    Args:
        workspace: data/resized, data/split.csv and the model are read; operating point, predictions, figures and tables
            are written.
        params: classes and evaluate are read.

    Raises:
        DataError: when valid or test has no images, or valid no crack.
        ModelError: when the model is absent, does not fit, or predicts NaN.
    """
    from crackflow.inference import load_model

    split = pd.read_csv(workspace.split_csv, dtype=str, keep_default_na=False)
    rows = {subset: split[split["subset"] == subset] for subset in ("valid", "test")}
    for subset, found in rows.items():
        if found.empty:
            raise DataError(f"data/split.csv has no {subset} images; raise split.shares.{subset} or add pairs")
    model = load_model(workspace.model)
    valid = np.stack([levels(one, truth) for _, _, one, truth in _predictions(workspace, params, model, rows["valid"])])
    metric = params.evaluate.threshold_metric
    chosen = choose(counts_at(valid), metric)
    values = score_rows(workspace, params, model, rows["test"], OperatingPoint(chosen.threshold), f"valid, {metric}")
    write_json(
        workspace.operating_point,
        {**chosen._asdict(), "metric": metric, "chosen_on": "valid", "images": len(valid)},
    )
    reached = values["crack"]["pooled"]["iou"]
    print(f"crack IoU {reached:.4f}, pooled over {len(rows['test'])} test images, at threshold {chosen.threshold:.4f}")


def score_rows(
    workspace: Workspace, params: Params, model: Any, rows: pd.DataFrame, point: OperatingPoint, origin: str
) -> dict[str, Any]:
    """Score a model at a given operating point; write predictions, figures and tables.

    Args:
        workspace: data/resized is read; predictions, figures and tables are written.
        params: classes and evaluate are read.
        model: as crackflow.inference.load_model gives it.
        rows: of split.csv, at least one: stem, source and subset are read.
        point: how probabilities become masks.
        origin: where the point was chosen, for the protocol.

    Returns:
        The figures, with their protocol.

    Raises:
        ModelError: when the model does not fit, or predicts NaN.
    """
    classes = list(params.classes)
    scored: list[Scored] = []
    size = ""
    with new_folder(workspace.predictions) as folder:
        for stem, source, probabilities, truth in _predictions(workspace, params, model, rows):
            predicted = classify(probabilities, point)
            write_png(folder / f"{stem}.png", encode_classes(predicted, len(classes)))
            scored.append(score(stem, source, probabilities, predicted, truth, params.evaluate.tolerance_px))
            size = f"{truth.shape[1]}x{truth.shape[0]}"
    values = figures(scored, classes)
    values["protocol"] = {
        "subset": "test",
        "images": len(scored),
        "images_with_cracks": sum(bool(picture.counts.tp + picture.counts.fn > 0) for picture in scored),
        "resolution": size,
        "threshold": point.threshold,
        "threshold_from": origin,
        "tolerance_px": params.evaluate.tolerance_px,
        **REDUCTIONS,
    }
    _publish(workspace, scored, values, point)
    return values


def _predictions(workspace: Workspace, params: Params, model: Any, rows: pd.DataFrame) -> Iterator[Predicted]:
    """Stem, source, probabilities and truth of each row; a batch of pictures is in memory at a time."""
    from crackflow.inference import predict

    batch_size, num_classes = params.evaluate.batch_size, len(params.classes)
    starts = range(0, len(rows), batch_size)
    for start in track(starts, f"evaluate: {rows['subset'].iloc[0]}", unit="batch"):
        batch = rows.iloc[start : start + batch_size]
        pictures = [read_image(workspace.resized / "images" / f"{stem}.png") for stem in batch["stem"]]
        probabilities = predict(model, np.stack(pictures))
        for stem, source, one in zip(batch["stem"], batch["source"], probabilities, strict=True):
            yield stem, source, one, read_stored_mask(workspace.resized / "masks" / f"{stem}.png", num_classes)


def _publish(workspace: Workspace, scored: list[Scored], values: dict[str, Any], point: OperatingPoint) -> None:
    write_json(workspace.metrics_json, plain(values))
    original = values["original"]
    ours = flat({name: part for name, part in values.items() if name not in ("original", "protocol")})
    rows = [(name, original[name]) for name in ORIGINAL] + list(ours.items())
    table = pd.DataFrame(rows, columns=["name", "value"])
    write_csv(workspace.reports / "evaluation.csv", table.round(4), header=False)
    write_csv(workspace.reports / "per_image.csv", per_image_table(scored))
    write_csv(workspace.reports / "per_source.csv", per_source_table(scored))
    curve = precision_recall_table(scored)
    write_csv(workspace.reports / "precision_recall.csv", curve)
    pooled = values["crack"]["pooled"]
    label = f"threshold {point.threshold:.3f}, F1 {pooled['f1']:.3f}"
    where = (pooled["recall"], pooled["precision"])
    precision_recall(workspace.reports / "precision_recall.png", curve, where, label)
