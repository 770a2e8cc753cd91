"""Stage evaluate: the operating point from valid, the figures from test."""

import functools
import os
from pathlib import Path

import pandas as pd

from crackflow.errors import DataError
from crackflow.evaluation.figures import calibration, foreign_figures, plain
from crackflow.evaluation.figures_file import as_file
from crackflow.evaluation.scoring import Evaluation, score_pairs, search_operating_points
from crackflow.evaluation.tables import (
    calibration_by_source_table,
    calibration_table,
    figure_table,
    per_image_table,
    per_source_table,
    precision_recall_table,
)
from crackflow.imaging.pairs import ResizedPairs
from crackflow.inference.network import Network
from crackflow.inference.operating_point import sha256
from crackflow.inference.pair_predictions import Workers, in_this_process
from crackflow.keras_import import import_keras
from crackflow.models import seen_pairs
from crackflow.parallel.engine import Engine
from crackflow.parallel.threads import Threads
from crackflow.params import Params
from crackflow.splitting.foreign import CHOSEN_ON, FOREIGN, TEST
from crackflow.strict_json import FORMAT
from crackflow.visualization.threshold_chart import Spot, precision_recall
from tasks.engine import open_engine
from tasks.outputs import new_folder, write_csv, write_json
from tasks.workspace import Workspace


def run(workspace: Workspace, params: Params) -> None:
    """Choose the operating point on valid, score test with it.

    Args:
        workspace: data/resized, data/split.csv, the model and the list of what it was trained on are read; operating
            point, predictions, figures and tables are written.
        params: classes, evaluate and compute are read.

    Raises:
        DataError: when valid or test has no images, valid no crack, or the model was trained on one of them.
        ModelError: when the model or that list is absent, does not fit, or predicts NaN.
    """
    split = pd.read_csv(workspace.split_csv, dtype=str, keep_default_na=False)
    rows = {subset: split[split["subset"] == subset] for subset in ("valid", "test", *FOREIGN)}
    for subset in ("valid", "test"):
        if rows[subset].empty:
            raise DataError(f"data/split.csv has no {subset} images; raise split.shares.{subset} or add pairs")
    hashes = seen_pairs.read_hashes(workspace.trained_on)
    for found in rows.values():
        reject_trained_on(found, hashes)
    chosen_on = [subset for subset in CHOSEN_ON if not rows[subset].empty]
    evaluate, names = params.evaluate, list(params.classes)
    pairs = ResizedPairs(workspace.resized, len(names))
    levels = workspace.state("evaluate", "levels")
    chosen = pd.concat([rows[subset] for subset in chosen_on])
    with (
        open_engine(workspace, params.compute, "tasks.evaluate") as engine,
        new_folder(workspace.predictions) as folder,
    ):
        workers = _workers(engine, workspace.model, len(names))
        results = search_operating_points(workers, pairs, chosen, evaluate, levels)
        result, other = results[evaluate.flips], results.get(not evaluate.flips)
        point, origin = result.point, f"{' and '.join(chosen_on)}, {evaluate.threshold_metric}"
        other_point = other.point if other else None
        evaluation = score_pairs(
            workers, pairs, rows["test"], evaluate, names, point, origin, other=other_point, masks=folder
        )
        foreign = None
        if not rows[TEST].empty:
            foreign = score_pairs(workers, pairs, rows[TEST], evaluate, names, point, origin, masks=folder)
    evaluation.figures["calibration"] = calibration(evaluation.images, result.odds)
    publish(workspace, evaluation, foreign)
    write_csv(workspace.reports / "operating_point.csv", result.table)
    write_json(
        workspace.operating_point,
        {
            **result.as_json(),
            "format": FORMAT,
            "metric": evaluate.threshold_metric,
            "chosen_on": " and ".join(chosen_on),
            "model_sha256": sha256(workspace.model),
            "false_alarms_target": evaluate.false_alarms,
            "false_alarms_cost": evaluate.false_alarms_cost,
        },
    )
    reached = evaluation.figures["crack"]["pooled"]["iou"]
    abroad = ""
    if foreign:
        there = foreign.figures["crack"]["pooled"]["iou"]
        abroad = f", {there:.4f} over {len(rows[TEST])} images of places never seen"
    print(f"crack IoU {reached:.4f}, pooled over {len(rows['test'])} test images{abroad}; {point.words()}")


def _workers(engine: Engine, model: Path, classes: int) -> Workers:
    """Let this process predict by itself where its threads are asked for: a network uses all cores anyway."""
    if isinstance(engine, Threads):
        return in_this_process(_network(model, classes))
    return Workers(engine, functools.partial(_network_of_worker, model, sha256(model), classes))


def _network(model: Path, classes: int) -> Network:
    from crackflow.inference.predictor import load_model

    network: Network = load_model(model, classes)
    return network


@functools.lru_cache(maxsize=1)
def _network_of_worker(model: Path, content: str, classes: int) -> Network:  # noqa: ARG001 what is kept follows it
    """Load the model once in a worker, and let it use one core: workers are as many as there are cores.

    A worker of a standing cluster lives longer than a model, and the next one has the same path.
    """
    # read when TensorFlow is imported
    os.environ |= {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    import_keras()
    return _network(model, classes)


def reject_trained_on(rows: pd.DataFrame, hashes: frozenset[str]) -> None:
    """Check that the model was trained on none of the pairs that it is measured on.

    Args:
        rows: of split.csv, of one subset.
        hashes: of the photographs that the model was trained on.

    Raises:
        DataError: when the model was trained on one of them.
    """
    known = seen_pairs.known(rows["photograph"], hashes)
    if known:
        raise DataError(
            f"the model was trained on {len(known)} of the {len(rows)} {rows['subset'].iloc[0]} pairs, the first "
            f"{known[0]}; expected none: train again with `dvc repro train`, or split as it was when the model was "
            "trained (split.previous)"
        )


def publish(workspace: Workspace, evaluation: Evaluation, foreign: Evaluation | None = None) -> None:
    """Write the figures, tables and the chart of an evaluation.

    Args:
        workspace: metrics and reports are written.
        evaluation: on test, as score_pairs gives it.
        foreign: likewise on foreign_test; None where there is none.
    """
    abroad = foreign.images if foreign else []
    foreign_sources = per_source_table(abroad)
    if foreign:
        evaluation.figures["foreign"] = foreign_figures(foreign.figures, foreign_sources.to_dict("records"))
    figures, images, point = evaluation.figures, evaluation.images, evaluation.point
    write_json(workspace.metrics_json, as_file(plain(figures)))
    write_csv(workspace.reports / "evaluation.csv", figure_table(figures, point), header=False)
    write_csv(workspace.reports / "per_image.csv", per_image_table(images))
    write_csv(workspace.reports / "per_source.csv", per_source_table(images).assign(operating_point=point.words()))
    write_csv(workspace.reports / "foreign_per_image.csv", per_image_table(abroad))
    write_csv(workspace.reports / "foreign_per_source.csv", foreign_sources)
    write_csv(workspace.reports / "calibration.csv", calibration_table(images))
    write_csv(workspace.reports / "calibration_by_source.csv", calibration_by_source_table(images))
    curve = precision_recall_table(images)
    write_csv(workspace.reports / "precision_recall.csv", curve)
    pooled = figures["crack"]["pooled"]
    label = f"threshold {point.threshold:.3f}, F1 {pooled['f1']:.3f}"
    if not (point.smallest_area or point.peak):
        used, unfiltered = Spot(pooled["recall"], pooled["precision"], label), None
    else:
        used = Spot(pooled["recall"], pooled["precision"], f"{label}, components filtered")
        at = curve.iloc[(curve["threshold"] - point.threshold).abs().argmin()]
        unfiltered = Spot(at["recall"], at["precision"], f"the threshold alone, F1 {at['f1']:.3f}")
    precision_recall(workspace.reports / "precision_recall.png", curve, used, unfiltered)
