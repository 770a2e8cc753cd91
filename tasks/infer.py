"""Stage infer: the mini_test pairs as masks, overlays and one sheet."""

import shutil

import pandas as pd

from crackflow.errors import DataError
from crackflow.evaluation.metrics import by_image, counts, iou
from crackflow.imaging.images import encode_classes, write_png
from crackflow.imaging.pairs import KINDS, ResizedPairs
from crackflow.inference.network import predict
from crackflow.inference.operating_point import classify
from crackflow.inference.operating_point_file import read_operating_point
from crackflow.params import Params
from crackflow.progress import track
from crackflow.visualization.overlays import overlay
from crackflow.visualization.prediction_sheet import Compared, comparison
from tasks.outputs import new_folder
from tasks.workspace import Workspace


def run(workspace: Workspace, params: Params) -> None:
    """Predict the mini_test pairs at the operating point and show them beside their truth.

    Args:
        workspace: data/resized, data/split.csv, the model and its operating point are read; reports/mini_test is
            written.
        params: classes, infer and resize.size are read.

    Raises:
        DataError: when no pair is marked as mini_test.
        ModelError: when the model or its operating point is absent, does not fit, or predicts NaN.
    """
    from crackflow.inference.predictor import load_model

    split = pd.read_csv(workspace.split_csv, dtype=str, keep_default_na=False)
    stems = sorted(split["stem"][split["mini_test"] == "1"])
    if not stems:
        raise DataError("data/split.csv marks no mini_test pair; raise split.mini_test or add pairs")
    point = read_operating_point(workspace.operating_point, params.resize.size)
    model = load_model(workspace.model, len(params.classes))
    pairs = ResizedPairs(workspace.resized, len(params.classes))
    compared = []
    with new_folder(workspace.reports / "mini_test") as folder:
        for stem in track(stems, "infer: mini_test"):
            image, truth = pairs.pair(stem)
            for kind in KINDS:
                (folder / kind).mkdir(exist_ok=True)
                shutil.copyfile(pairs.path(kind, stem), folder / kind / f"{stem}.png")
            predicted = classify(predict(model, image[None], flips=point.flips)[0], point)
            write_png(folder / "predicted" / f"{stem}.png", encode_classes(predicted, pairs.num_classes))
            write_png(folder / "overlays" / f"{stem}.png", overlay(image, truth, predicted))
            reached = float(by_image(iou, counts(predicted, truth)))
            compared.append(Compared(stem, reached, image, truth, predicted))
        write_png(folder / "sheet.png", comparison(compared, pairs.num_classes, params.infer.sheet_width))
