"""Stage evaluate: the operating point from valid, the figures from test."""

import contextlib
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from crackflow.errors import DataError
from crackflow.evaluation.evaluation import (
    REDUCTIONS,
    Scored,
    brief,
    figures,
    flat,
    per_image_table,
    per_source_table,
    plain,
    precision_recall_table,
    score,
)
from crackflow.evaluation.metrics import Counts, counts
from crackflow.evaluation.operating_point_search import Choice, Chooser
from crackflow.imaging.images import encode_classes, write_png
from crackflow.imaging.pairs import ResizedPairs
from crackflow.inference.operating_point import OperatingPoint, as_json, classify, sha256
from crackflow.models import seen_pairs
from crackflow.params import Params
from crackflow.progress import track
from crackflow.visualization.threshold_chart import Spot, precision_recall
from tasks.outputs import new_folder, write_csv, write_json
from tasks.workspace import Workspace

# Of evaluation.csv: the original experiment's figures come first, under the names it published them with.
ORIGINAL = ("categorical_crossentropy", "dice_coef_multiclass", "dice_coef_multiclass_all_background")

# Probabilities by whether flips are averaged.
Predicted = tuple[str, str, dict[bool, NDArray[np.float32]], NDArray[np.uint8]]


def run(workspace: Workspace, params: Params) -> None:
    """Choose the operating point on valid, score test with it.

    Args:
        workspace: data/resized, data/split.csv, the model and the list of what it was trained on are read; operating
            point, predictions, figures and tables are written.
        params: classes and evaluate are read.

    Raises:
        DataError: when valid or test has no images, valid no crack, or the model was trained on one of them.
        ModelError: when the model or that list is absent, does not fit, or predicts NaN.
    """
    from crackflow.inference.predictor import load_model

    split = pd.read_csv(workspace.split_csv, dtype=str, keep_default_na=False)
    rows = {subset: split[split["subset"] == subset] for subset in ("valid", "test")}
    hashes = seen_pairs.read(workspace.trained_on)
    for subset, found in rows.items():
        if found.empty:
            raise DataError(f"data/split.csv has no {subset} images; raise split.shares.{subset} or add pairs")
        refuse_trained_on(found, hashes)
    model = load_model(workspace.model)
    metric = params.evaluate.threshold_metric
    choices = _choose(workspace, params, model, rows["valid"])
    choice, other = choices[params.evaluate.flips], choices.get(not params.evaluate.flips)
    values = score_rows(
        workspace, params, model, rows["test"], choice.point, f"valid, {metric}", other.point if other else None
    )
    write_csv(workspace.reports / "operating_point.csv", choice.table)
    write_json(
        workspace.operating_point,
        {
            **choice.as_json(),
            "metric": metric,
            "chosen_on": "valid",
            "model_sha256": sha256(workspace.model),
            "false_alarms_target": params.evaluate.false_alarms,
            "false_alarms_cost": params.evaluate.false_alarms_cost,
        },
    )
    crack = values["crack"]
    print(
        f"crack IoU {crack['pooled']['iou']:.4f}, pooled over {len(rows['test'])} test images; {choice.point.words()}"
    )


def refuse_trained_on(rows: pd.DataFrame, hashes: frozenset[str]) -> None:
    """Refuse to measure a model on what it has learnt by heart.

    Args:
        rows: of split.csv, of one subset.
        hashes: of the stems that the model was trained on.

    Raises:
        DataError: when there is one of them among the rows.
    """
    known = seen_pairs.known(rows["stem"], hashes)
    if known:
        raise DataError(
            f"the model was trained on {len(known)} of the {len(rows)} {rows['subset'].iloc[0]} pairs, the first "
            f"{known[0]}; expected none: train again with `dvc repro train`, or split as it was when the model was "
            "trained (split.previous)"
        )


def _choose(workspace: Workspace, params: Params, model: Any, rows: pd.DataFrame) -> dict[bool, Choice]:
    """An operating point without flips, one with them, or both, each chosen on these rows."""
    evaluate = params.evaluate
    views = (False, True) if params.evaluate.compare_flips else (params.evaluate.flips,)
    with contextlib.ExitStack() as stack:
        choosers = {
            flips: stack.enter_context(Chooser(workspace.state("evaluate", "levels"), flips=flips)) for flips in views
        }
        for _, _, seen, truth in _predictions(workspace, params, model, rows, views):
            for flips, chooser in choosers.items():
                chooser.add(seen[flips], truth)
        return {
            flips: chooser.choose(evaluate.threshold_metric, evaluate.false_alarms, evaluate.false_alarms_cost)
            for flips, chooser in choosers.items()
        }


def score_rows(
    workspace: Workspace,
    params: Params,
    model: Any,
    rows: pd.DataFrame,
    point: OperatingPoint,
    origin: str,
    other: OperatingPoint | None = None,
) -> dict[str, Any]:
    """Score a model at a given operating point; write predictions, figures and tables.

    Args:
        workspace: data/resized is read; predictions, figures and tables are written.
        params: classes and evaluate are read.
        model: as crackflow.inference.predictor.load_model gives it.
        rows: of split.csv, at least one: stem, source and subset are read.
        point: how probabilities become masks.
        origin: where the point was chosen, for the protocol.
        other: the point for the other of plain and averaged, for figures with and without flips side by side.

    Returns:
        The figures, with their protocol.

    Raises:
        ModelError: when the model does not fit, or predicts NaN.
    """
    classes = list(params.classes)
    points = [point] if other is None else [point, other]
    scored: list[Scored] = []
    others: list[Counts] = []
    size = ""
    with new_folder(workspace.predictions) as folder:
        views = tuple(one.flips for one in points)
        for stem, source, seen, truth in _predictions(workspace, params, model, rows, views):
            probabilities = seen[point.flips]
            predicted = classify(probabilities, point)
            write_png(folder / f"{stem}.png", encode_classes(predicted, len(classes)))
            scored.append(score(stem, source, probabilities, predicted, truth, params.evaluate.tolerance_px))
            if other:
                others.append(counts(classify(seen[other.flips], other), truth))
            size = f"{truth.shape[1]}x{truth.shape[0]}"
    values = figures(scored, classes)
    if other:
        both = {point: Counts.stack(picture.counts for picture in scored), other: Counts.stack(others)}
        values["flips"] = {
            "averaged" if one.flips else "plain": {
                **brief(both[one]),
                "threshold": one.threshold,
                "smallest_share": one.smallest_share,
                "peak": one.peak,
            }
            for one in sorted(points, key=lambda one: not one.flips)
        }
    values["protocol"] = {
        "subset": rows["subset"].iloc[0],
        "images": len(scored),
        "images_with_cracks": sum(bool(picture.counts.tp + picture.counts.fn > 0) for picture in scored),
        "resolution": size,
        "operating_point": point.words(),
        **as_json(point),
        "threshold_from": origin,
        "tolerance_px": params.evaluate.tolerance_px,
        **REDUCTIONS,
    }
    _publish(workspace, scored, values, point)
    return values


def _predictions(
    workspace: Workspace, params: Params, model: Any, rows: pd.DataFrame, flips: tuple[bool, ...]
) -> Iterator[Predicted]:
    """Stem, source, probabilities and truth of each row; a batch of pictures is in memory at a time."""
    from crackflow.inference.predictor import predict, predict_views

    batch_size, pairs = params.evaluate.batch_size, ResizedPairs(workspace.resized, len(params.classes))
    starts = range(0, len(rows), batch_size)
    for start in track(starts, f"evaluate: {rows['subset'].iloc[0]}", unit="batch"):
        batch = rows.iloc[start : start + batch_size]
        images, truths = zip(*(pairs.pair(stem) for stem in batch["stem"]), strict=True)
        pictures = np.stack(images)
        if any(flips):
            found = dict(zip((False, True), predict_views(model, pictures), strict=True))
        else:
            found = {False: predict(model, pictures)}
        for index, (stem, source) in enumerate(zip(batch["stem"], batch["source"], strict=True)):
            yield stem, source, {key: found[key][index] for key in flips}, truths[index]


def _publish(workspace: Workspace, scored: list[Scored], values: dict[str, Any], point: OperatingPoint) -> None:
    write_json(workspace.metrics_json, plain(values))
    original = values["original"]
    ours = flat({name: part for name, part in values.items() if name not in ("original", "flips", "protocol")})
    rows = [(name, original[name]) for name in ORIGINAL] + list(ours.items())
    table = pd.DataFrame(rows, columns=["name", "value"]).round(4)
    # as they are: four decimals would make 1 of a peak of 0.99997
    at = [(f"operating_point_{name}", float(value)) for name, value in as_json(point).items()]
    write_csv(
        workspace.reports / "evaluation.csv", pd.concat([table, pd.DataFrame(at, columns=table.columns)]), header=False
    )
    write_csv(workspace.reports / "per_image.csv", per_image_table(scored))
    write_csv(workspace.reports / "per_source.csv", per_source_table(scored).assign(operating_point=point.words()))
    curve = precision_recall_table(scored)
    write_csv(workspace.reports / "precision_recall.csv", curve)
    pooled = values["crack"]["pooled"]
    label = f"threshold {point.threshold:.3f}, F1 {pooled['f1']:.3f}"
    if not (point.smallest_share or point.peak):
        used, undropped = Spot(pooled["recall"], pooled["precision"], label), None
    else:
        used = Spot(pooled["recall"], pooled["precision"], f"{label}, false alarms dropped")
        undropped = _on_curve(curve, point.threshold)
    precision_recall(workspace.reports / "precision_recall.png", curve, used, undropped)


def _on_curve(curve: pd.DataFrame, threshold: float) -> Spot:
    at = curve.iloc[(curve["threshold"] - threshold).abs().argmin()]
    return Spot(at["recall"], at["precision"], f"the threshold alone, F1 {at['f1']:.3f}")
