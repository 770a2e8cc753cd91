"""Every parameter of a run: strict, frozen models that params.yaml is parsed into once.

The defaults are the profile `quick`. params.yaml as committed is `render(Params())`, comments included, and a test
compares the two. `crackflow` itself never opens params.yaml: whoever runs it passes on what was parsed.
"""

from crackflow.params.compute import ComputeParams
from crackflow.params.data import (
    ArchiveParams,
    DataParams,
    ForeignParams,
    KaggleParams,
    ResizeParams,
    SampleParams,
    SharesParams,
    SplitParams,
    StatisticsParams,
)
from crackflow.params.model import (
    ArchitectureParams,
    EfficientCrackNetParams,
    EGAUNetParams,
    FlexUNetParams,
    ModelParams,
    PretrainedUNetParams,
)
from crackflow.params.results import EvaluateParams, GateParams, InferParams, ReportParams
from crackflow.params.run import Params, architectures, dump, parse
from crackflow.params.text import render
from crackflow.params.training import (
    AugmentParams,
    LossName,
    MetricName,
    OptimizerName,
    Precision,
    ReducerParams,
    TrainParams,
)
from crackflow.params.types import (
    Amount,
    Colour,
    Count,
    Level,
    NamePattern,
    NamePatterns,
    Part,
    Positive,
    Range,
    Rate,
    Share,
)

__all__ = [
    "Amount",
    "ArchitectureParams",
    "ArchiveParams",
    "AugmentParams",
    "Colour",
    "ComputeParams",
    "Count",
    "DataParams",
    "EGAUNetParams",
    "EfficientCrackNetParams",
    "EvaluateParams",
    "FlexUNetParams",
    "ForeignParams",
    "GateParams",
    "InferParams",
    "KaggleParams",
    "Level",
    "LossName",
    "MetricName",
    "ModelParams",
    "NamePattern",
    "NamePatterns",
    "OptimizerName",
    "Params",
    "Part",
    "Positive",
    "Precision",
    "PretrainedUNetParams",
    "Range",
    "Rate",
    "ReducerParams",
    "ReportParams",
    "ResizeParams",
    "SampleParams",
    "Share",
    "SharesParams",
    "SplitParams",
    "StatisticsParams",
    "TrainParams",
    "architectures",
    "dump",
    "parse",
    "render",
]
