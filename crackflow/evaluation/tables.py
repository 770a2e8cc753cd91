"""The tables of an evaluation: a row an image, a source, a threshold, or a figure."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from crackflow.evaluation.figures import RATIOS, crack_figures, flat
from crackflow.evaluation.image_scores import ImageScores
from crackflow.evaluation.metrics import Counts, by_image, pooled
from crackflow.evaluation.thresholds import THRESHOLDS, counts_at
from crackflow.inference.operating_point import OperatingPoint, as_json
from crackflow.statistics.calibration import reliability

# Of evaluation.csv: the original experiment's figures come first, under the names it published them with.
ORIGINAL = ("categorical_crossentropy", "dice_coef_multiclass", "dice_coef_multiclass_all_background")
# Blocks of the figures that evaluation.csv leaves out.
LEFT_OUT = ("original", "calibration", "intervals", "flips", "protocol", "foreign")


def per_image_table(images: Sequence[ImageScores]) -> pd.DataFrame:
    """A row an image, by stem. The means of the ratios' columns are the `per_image` figures."""
    ordered = sorted(images, key=lambda image: image.stem)
    counts = Counts.stack(image.counts for image in ordered)
    table = {
        "stem": [image.stem for image in ordered],
        "source": [image.source for image in ordered],
        "crack_share": (counts.tp + counts.fn) / (counts.tp + counts.fp + counts.fn + counts.tn),
        **{name: by_image(ratio, counts) for name, ratio in RATIOS.items()},
        "tolerant_f1": [image.tolerant_f1 for image in ordered],
        "tp": counts.tp,
        "fp": counts.fp,
        "fn": counts.fn,
    }
    return pd.DataFrame(table)


def per_source_table(images: Sequence[ImageScores]) -> pd.DataFrame:
    """A row a source, by name: images, images_with_cracks, the figures of `crack`, flat, and its calibration error.

    Without images only the column `source` is there.
    """
    rows = []
    for source in sorted({image.source for image in images}):
        own = [image for image in images if image.source == source]
        counts = {"source": source, "images": len(own), "images_with_cracks": sum(image.has_crack for image in own)}
        ece = reliability(np.sum([image.odds for image in own], axis=0)).error
        rows.append({**counts, **flat(crack_figures(own)), "ece": ece})
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=["source"])


def precision_recall_table(images: Sequence[ImageScores]) -> pd.DataFrame:
    """A row a threshold, rising: pooled precision, recall, F1 and IoU; precision is NaN where nothing is predicted."""
    at = counts_at(np.stack([image.levels for image in images]))
    order = ("precision", "recall", "f1", "iou")
    return pd.DataFrame({"threshold": THRESHOLDS, **{name: pooled(RATIOS[name], at) for name in order}})


def calibration_table(images: Sequence[ImageScores]) -> pd.DataFrame:
    """A row a bin of crack probability that has pixels, rising.

    Columns low, high, pixels, probability (the mean of its pixels), crack_share (how many of them are crack).
    """
    curve = reliability(np.sum([image.odds for image in images], axis=0))
    columns = ("low", "high", "pixels", "probability", "crack_share")
    return pd.DataFrame(dict(zip(columns, curve, strict=True)))


def calibration_by_source_table(images: Sequence[ImageScores]) -> pd.DataFrame:
    """The same for each source, by name: source before the columns of `calibration_table`."""
    sources = sorted({image.source for image in images})
    tables = (calibration_table([image for image in images if image.source == source]) for source in sources)
    return pd.concat(
        [
            table.assign(source=source)[["source", *table.columns]]
            for source, table in zip(sources, tables, strict=True)
        ],
        ignore_index=True,
    )


def figure_table(figures: Mapping[str, Any], point: OperatingPoint) -> pd.DataFrame:
    """Give every figure as a name and a value: the original's first, the operating point's numbers last.

    Args:
        figures: as `figures.figures` gives them.
        point: at which they were taken.

    Returns:
        Columns name and value; figures to 4 decimals, the operating point's numbers as they are.
    """
    original = figures["original"]
    ours = flat({name: part for name, part in figures.items() if name not in LEFT_OUT})
    rows = [(name, original[name]) for name in ORIGINAL] + list(ours.items())
    table = pd.DataFrame(rows, columns=["name", "value"]).round(4)
    # Four decimals would turn a peak of 0.99997 into 1.
    at = [(f"operating_point_{name}", float(value)) for name, value in as_json(point).items()]
    return pd.concat([table, pd.DataFrame(at, columns=table.columns)])
