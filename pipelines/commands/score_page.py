"""index.html of `crackflow score --out`: the report's page and gallery, of pairs that were scored."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from crackflow.atomic import write_text
from crackflow.audit.crack_width import thickness
from crackflow.audit.label_features import Measures, measure
from crackflow.audit.label_ranking import ranked
from crackflow.evaluation.headline import BY_NAME, figure_words
from crackflow.evaluation.scoring import Evaluation
from crackflow.imaging.pairs import ResizedPairs
from crackflow.inference.operating_point import as_json
from crackflow.parallel.engine import fan_out
from crackflow.parallel.threads import Threads
from crackflow.progress import track
from crackflow.reporting.definitions import COLUMNS
from crackflow.reporting.page import render
from tasks import report
from tasks.outputs import write_csv
from tasks.workspace import Workspace

PAGE, GALLERY = "index.html", "gallery"
# The longer side of the gallery's pictures, px: photographs that are scored at their own size may have 20 megapixels.
SIDE = 1024
# Tables that `score` keeps; the page says what their columns hold.
TABLES = (
    "evaluation.csv",
    "per_image.csv",
    "per_source.csv",
    "precision_recall.csv",
    "calibration.csv",
    "calibration_by_source.csv",
)


def write_page(
    workspace: Workspace, rows: pd.DataFrame, found: Evaluation, num_classes: int, title: str, seen: tuple[int, int]
) -> None:
    """Write reports/index.html and reports/gallery of a workspace.

    Args:
        workspace: its pairs, predictions and what tasks.evaluate.publish wrote are read.
        rows: stem and group of the scored pairs.
        found: their evaluation.
        num_classes: of the masks.
        title: of the page.
        seen: how many pairs were set aside because the weights were fitted to them, and because epoch or operating
            point were chosen on them.
    """
    pairs = ResizedPairs(workspace.resized, num_classes)
    # what the report reads of stages split and statistics
    write_csv(workspace.split_csv, rows[["stem", "group"]])
    write_csv(workspace.reports / "suspicious.csv", _labels(pairs, list(rows["stem"])))
    images, none = (report.scored_images(workspace, name) for name in ("per_image.csv", "foreign_per_image.csv"))
    report.write_gallery(workspace, images, none, num_classes, title, SIDE)
    made = pd.read_csv(workspace.resized_csv, dtype=str, keep_default_na=False)
    left_out = made[made["rejected"] != ""]
    values = {
        **report.scored_values(workspace, images, none, num_classes),
        "title": title,
        "subject": "The set",
        "assurance": "As far as names tell, the model has seen none of them, and nothing was chosen on them.",
        "warning": "",
        "trained_on": seen[0],
        "chosen_on": seen[1],
        "point": as_json(found.point),
        "point_words": found.point.words(),
        "chosen": _chosen(found.figures["protocol"]),
        "rejected": [
            {"name": name, "reason": reason}
            for name, reason in zip(left_out["stem"], left_out["rejected"], strict=True)
        ],
        "columns": {file: COLUMNS[file] for file in TABLES},
    }
    write_text(workspace.reports / PAGE, render(values, "score.html.j2"))


def _chosen(protocol: Mapping[str, Any]) -> str:
    """Say where the operating point was chosen, and by which figure."""
    place, _, metric = protocol["threshold_from"].rpartition(", ")
    if metric not in BY_NAME:
        return "How this was chosen is not known."
    return f"Chosen on {place} by {figure_words(BY_NAME[metric], protocol)}."


def _labels(pairs: ResizedPairs, stems: list[str]) -> pd.DataFrame:
    """Width and contrast of each label, as the page breaks figures down by them."""

    def one(stem: str) -> tuple[float | None, Measures]:
        crack = pairs.mask(stem) > 0
        return thickness(crack), measure(pairs.grey(stem), crack)

    done = track(fan_out(Threads(), one, stems), "labels", len(stems), unit="pair")
    found = dict(zip(stems, done, strict=True))
    labels = ranked({stem: label for stem, (_, label) in found.items()})
    widths = pd.Series([found[stem][0] for stem in labels["stem"]], labels.index, float)
    return labels[["stem", "standing_out"]].assign(thickness=widths)
