"""Stage report: everything that the other stages left, on one page, and all scored images on another."""

import base64
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from crackflow.atomic import write_text
from crackflow.evaluation.headline import BY_NAME, figure_words, interval_words
from crackflow.imaging.images import read_stored_mask
from crackflow.imaging.pairs import ResizedPairs
from crackflow.parallel.engine import fan_out
from crackflow.parallel.threads import Threads
from crackflow.params import Params
from crackflow.progress import track
from crackflow.reporting.answer import headline_rows
from crackflow.reporting.breakdown import breakdown, by_measure, by_quantile
from crackflow.reporting.charts import calibration_chart, threshold_charts, training_charts
from crackflow.reporting.definitions import COLUMNS
from crackflow.reporting.gallery import FILE, Scored, address, gallery, write_layers
from crackflow.reporting.layers import KINDS, SUFFIXES, Layers, layers
from crackflow.reporting.page import leak_rows, render, split_warning
from tasks.outputs import new_folder
from tasks.workspace import Workspace

WORST = 10
# Test images on the page, and the longer side of their pictures, px.
EXAMPLES, EXAMPLE_SIDE = 6, 288
# Of suspicious.csv: where the model fails is told by these.
MEASURES = ("thickness", "standing_out")


def run(workspace: Workspace, params: Params) -> None:
    """Write reports/index.html, and the gallery of all test images beside it.

    Args:
        workspace: the reports, figures, predictions and resized test pairs are read.
        params: classes and report are read.
    """
    metrics, point = _read_json(workspace.metrics_json), _read_json(workspace.operating_point)
    dataset = _read_json(workspace.reports / "dataset.json")
    images, foreign_images = (scored_images(workspace, name) for name in ("per_image.csv", "foreign_per_image.csv"))
    write_gallery(workspace, images, foreign_images, len(params.classes), params.report.title)
    shared = scored_values(workspace, images, foreign_images, len(params.classes))
    tables = (pd.read_csv(workspace.reports / f"train_{one}.csv") for one in ("losses", "metrics"))
    values = {
        **shared,
        "title": params.report.title,
        "subject": "The test subset",
        "assurance": "Nothing was chosen on test.",
        "origin": _read_json(workspace.raw_json)["origin"],
        "dataset": dataset,
        "warning": split_warning(dataset["split"]["protocol"], dataset["split"]["leaks"]["this"]),
        "leaks": leak_rows(dataset["split"]["leaks"]),
        "original": metrics["original"],
        "point": point,
        "threshold_metric": figure_words(BY_NAME[point["metric"]], metrics["protocol"]),
        "charts": {**shared["charts"], "training": training_charts(*tables)},
        "columns": COLUMNS,
        "epochs": len(pd.read_csv(workspace.reports / "train_losses.csv")),
        "epoch_sheet": (workspace.reports / "epoch_change_infer/sheet.png").exists(),
    }
    write_text(workspace.reports / "index.html", render(values))


def scored_values(
    workspace: Workspace, images: pd.DataFrame, foreign_images: pd.DataFrame, num_classes: int
) -> dict[str, Any]:
    """Give what a page says of scored images: the answer, what it looks like, where it fails, the curves, the figures.

    Args:
        workspace: what tasks.evaluate.publish wrote is read, and predictions and resized pairs for the examples.
        images: of test, as scored_images gives them.
        foreign_images: of places never seen.
        num_classes: of the masks.

    Returns:
        Names that the templates use. The caller adds what only it knows: title, subject and assurance of the answer,
        the operating point, and the columns of its tables.
    """
    metrics = _read_json(workspace.metrics_json)
    cracked = images[images["tp"] + images["fn"] > 0]
    foreign = metrics.get("foreign")
    headline = headline_rows(metrics)
    return {
        "headline": headline,
        "worse": [row["words"] for row in headline.values() if row["no_better"]],
        "interval_words": interval_words(metrics),
        "groups": metrics["intervals"]["groups"],
        "protocol": metrics["protocol"],
        "oracle": metrics["oracle"],
        "calibration": metrics.get("calibration"),
        "classes": metrics.get("classes"),
        "flips": metrics.get("flips"),
        "examples": examples(workspace, cracked, num_classes),
        "gallery_images": len(images) + len(foreign_images),
        "source_parts": breakdown(images, images["source"].to_list()),
        "width_parts": by_measure(cracked, "thickness", 1, " px"),
        "contrast_parts": by_measure(cracked, "standing_out", 0, " %", 100),
        "foreign_parts": breakdown(foreign_images, foreign_images["source"].to_list()),
        "free": len(images) - len(cracked),
        "alarms": images[(images["tp"] + images["fn"] == 0) & (images["fp"] > 0)]["stem"].to_list(),
        "worst": _worst(images),
        "sources": _by_source(workspace.reports / "per_source.csv"),
        "foreign": foreign,
        "foreign_headline": headline_rows(foreign) if foreign else None,
        "foreign_sources": _by_source(workspace.reports / "foreign_per_source.csv"),
        "charts": {
            "calibration": calibration_chart(pd.read_csv(workspace.reports / "calibration.csv")),
            **threshold_charts(pd.read_csv(workspace.reports / "precision_recall.csv"), metrics),
        },
    }


def scored_images(workspace: Workspace, name: str) -> pd.DataFrame:
    """Read the scores of images, with what is known of each from elsewhere.

    Args:
        workspace: the table, split.csv and suspicious.csv are read.
        name: per_image.csv or foreign_per_image.csv.

    Returns:
        The rows of the table, with group (the stem where split.csv has none), thickness (px) and standing_out (0..1),
        NaN where the label has no crack, and `wrong`, pixels.
    """
    texts = {"stem": str, "source": str, "group": str}

    def read(path: Path, columns: Sequence[str] = (), missing: Sequence[str] = ()) -> pd.DataFrame:
        # a name such as NA is a name; in columns of numbers an empty cell is a figure that is undefined
        empty = {column: [""] for column in missing}
        return pd.read_csv(path, usecols=list(columns) or None, dtype=texts, keep_default_na=False, na_values=empty)

    images = read(workspace.reports / name, missing=["tolerant_f1"])
    groups = read(workspace.split_csv, ["stem", "group"])
    measures = read(workspace.reports / "suspicious.csv", ["stem", *MEASURES], MEASURES)
    found = images.merge(groups, on="stem", how="left").merge(measures, on="stem", how="left")
    return found.assign(group=found["group"].fillna(found["stem"]), wrong=found["fp"] + found["fn"])


def write_gallery(
    workspace: Workspace,
    images: pd.DataFrame,
    foreign: pd.DataFrame,
    num_classes: int,
    title: str,
    side: int | None = None,
) -> None:
    """Write the pictures of every scored image, and the page to look through them.

    Args:
        workspace: predictions and resized pairs are read.
        images: of test, as scored_images gives them.
        foreign: of places never seen.
        num_classes: of the masks.
        title: of the report.
        side: the longer side of the pictures, px, where they are to be smaller than the images; None keeps their size.
    """
    stems = [*images["stem"], *foreign["stem"]]
    with new_folder(workspace.reports / "gallery") as folder:

        def write(stem: str) -> tuple[int, int]:
            files = _layers(workspace, stem, num_classes, side)
            write_layers(folder, stem, files)
            return _size(files)

        sizes = list(track(fan_out(Threads(), write, stems), "gallery", total=len(stems)))
        shown = [*_scored(images, sizes[: len(images)], far=False), *_scored(foreign, sizes[len(images) :], far=True)]
        write_text(folder / FILE, gallery(shown, title))


def examples(workspace: Workspace, cracked: pd.DataFrame, num_classes: int) -> list[dict[str, Any]]:
    """Pick test images by quantile of their IoU, with small pictures that stand in the page itself.

    Args:
        workspace: predictions and resized pairs are read.
        cracked: the images with cracks, as scored_images gives them.
        num_classes: of the masks.

    Returns:
        Their rows, the worst first, with address, width and height (px), and a data URI for each kind of picture.
    """
    shown = []
    for row in _records(cracked.loc[by_quantile(cracked["iou"], EXAMPLES)]):
        files = _layers(workspace, row["stem"], num_classes, EXAMPLE_SIDE)
        width, height = _size(files)
        pictures = {
            kind: f"data:image/{SUFFIXES[kind]};base64,{base64.b64encode(content).decode()}"
            for kind, content in zip(KINDS, files, strict=True)
            if kind != "thumb"
        }
        shown.append({**row, **pictures, "address": address(row["stem"]), "width": width, "height": height})
    return shown


def _scored(images: pd.DataFrame, sizes: Sequence[tuple[int, int]], *, far: bool) -> list[Scored]:
    table = images.assign(cracked=images["tp"] + images["fn"] > 0, far=far, size=pd.Series(sizes, images.index, object))
    names = {"width": "thickness", "contrast": "standing_out"}
    columns = [table[names.get(field, field)].to_list() for field in Scored._fields]
    return [Scored(*row) for row in zip(*columns, strict=True)]


def _layers(workspace: Workspace, stem: str, num_classes: int, side: int | None = None) -> Layers:
    image, truth = ResizedPairs(workspace.resized, num_classes).pair(stem)
    predicted = read_stored_mask(workspace.predictions / f"{stem}.png", num_classes)
    return layers(image, truth, predicted, num_classes, side)


def _size(files: Layers) -> tuple[int, int]:
    """Width and height of the pictures but the thumbnail, px; the file says it in its first bytes."""
    with Image.open(io.BytesIO(files.truth)) as picture:
        return picture.size


def _worst(images: pd.DataFrame) -> list[dict[str, Any]]:
    order = images.sort_values(["iou", "wrong", "stem"], ascending=[True, False, True])
    return [{**row, "address": address(row["stem"])} for row in _records(order.head(WORST))]


def _by_source(path: Path) -> list[dict[str, Any]]:
    return _records(pd.read_csv(path, keep_default_na=False, na_values=[""]))


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in table.to_dict("records")]


def _read_json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))
