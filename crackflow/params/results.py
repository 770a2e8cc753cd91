"""Parameters of evaluate, infer and report, and of the gate."""

from typing import Literal

from pydantic import Field

from crackflow.params.types import Block, Count, Positive, Share


class EvaluateParams(Block):
    """Stage evaluate."""

    batch_size: Positive = Field(4, description="images in memory at a time")
    threshold_metric: Literal["pooled_iou", "per_image_iou", "pooled_f1"] = Field(
        "pooled_iou", description="the threshold that maximises this on valid is used"
    )
    false_alarms: Share = Field(
        0.1, description="target: share of valid's crack-free images with a false alarm; 1 for no component filter"
    )
    false_alarms_cost: Share = Field(
        0.02, description="the component filter may cost this much of threshold_metric and of positives_iou on valid"
    )
    foreign_weight: Share = Field(
        0.5,
        description="how much foreign_valid counts in the choice of the operating point, and valid the rest; read "
        "where there is one",
    )
    compare_flips: bool = Field(True, description="figures with and without flips; evaluate takes four times as long")
    flips: bool = Field(
        False, description="test-time augmentation, the mean over four flips; infer and predict take four times as long"
    )
    tolerance_px: Count = Field(2, description="px; a pixel at most this far from truth is right in the tolerant F1")


class InferParams(Block):
    """Stage infer."""

    sheet_width: Positive = Field(256, description="width of one picture on the mini_test sheet, px")


class ReportParams(Block):
    """Stage report."""

    title: str = Field("crackflow report", description="heading of reports/index.html")


class GateParams(Block):
    """Read by no stage: when a scheduled rebuild's model becomes the champion, the model in use."""

    metric: Literal["pooled_iou", "pooled_f1", "per_image_iou", "positives_iou", "none"] = Field(
        "pooled_iou", description="compared on test images that neither model has seen; none accepts every model"
    )
    min_delta: float = Field(0.0, ge=-1, le=1, description="smallest improvement; below 0 the model may be worse")
    confidence: Share = Field(
        0.5, description="how sure it must be that the model is better; 0.95 asks for strong evidence"
    )
