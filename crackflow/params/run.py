"""All parameters of a run, and how they are read: a wrong key stops the run before any work, in one line."""

import difflib
from collections.abc import Mapping
from typing import Any, Self, get_args

from pydantic import Field, ValidationError, model_validator

from crackflow.errors import ParamsError
from crackflow.params.data import DataParams, ResizeParams, SplitParams, StatisticsParams
from crackflow.params.model import ArchitectureParams, FlexUNetParams, ModelParams
from crackflow.params.results import EvaluateParams, GateParams, InferParams, ReportParams
from crackflow.params.training import TrainParams
from crackflow.params.types import Block, Colour


class Params(Block):
    """Everything that a run reads. One block per stage, plus the classes that all stages share and the gate."""

    classes: dict[str, Colour] = Field(
        {"background": (0, 0, 0), "crack": (255, 255, 255)},
        description="name and mask colour (RGB) of each class; the first is the background",
    )
    data: DataParams = DataParams()
    resize: ResizeParams = ResizeParams()
    split: SplitParams = SplitParams()
    statistics: StatisticsParams = StatisticsParams()
    model: ModelParams = FlexUNetParams()
    train: TrainParams = TrainParams()
    evaluate: EvaluateParams = EvaluateParams()
    infer: InferParams = InferParams()
    report: ReportParams = ReportParams()
    gate: GateParams = GateParams()

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if len(self.classes) < 2:
            raise ValueError(f"classes has {len(self.classes)}, expected the background and at least one more")
        if len(set(self.classes.values())) < len(self.classes):
            raise ValueError("two classes have the same colour; give each its own")
        stride = self.model.stride
        for key, side in (("resize.size", self.resize.size), ("train.crop", self.train.crop)):
            if side % stride:
                raise ValueError(
                    f"{key} is {side}, but model.architecture {self.model.architecture} needs a multiple of {stride} "
                    "with these keys of model; change the size, or build a network that halves it less often"
                )
        if self.train.deep_supervision:
            self.model.check_deep_supervision()
        if self.train.crop > self.resize.size:
            raise ValueError(f"train.crop {self.train.crop} is larger than resize.size {self.resize.size}; lower it")
        monitors = ["val_loss", *(f"val_{name}" for name in self.train.metrics)]
        if self.train.monitor not in monitors:
            raise ValueError(f"train.monitor is {self.train.monitor}, expected one of {', '.join(monitors)}")
        return self


def parse(values: Mapping[str, Any], origin: str = "params.yaml") -> Params:
    """Turn a mapping as read from YAML into `Params`.

    Args:
        values: nested mapping with every key of `Params`.
        origin: where it was read from, for messages.

    Returns:
        The parsed, frozen parameters.

    Raises:
        ParamsError: on an unknown, missing or out-of-range key; one line, naming the key and, for an unknown one, the
            nearest valid key.
    """
    try:
        params = Params.model_validate(values)
    except ValidationError as error:
        raise ParamsError(f"{origin}: {_explain(error)}") from None
    missing = sorted(_keys(dump(params)) - _keys(dict(values)))
    if missing:
        raise ParamsError(f"{origin}: {_missing(missing[0])}")
    return params


def architectures() -> dict[str, type[ArchitectureParams]]:
    """The parameter class of each architecture, by the name that `model.architecture` has for it."""
    annotation = Params.model_fields["model"].annotation
    members = get_args(annotation) or (annotation,)
    return {member.model_fields["architecture"].default: member for member in members}


def dump(params: Params) -> dict[str, Any]:
    """Give `params` as the plain nested mapping that YAML holds."""
    return params.model_dump(mode="json")


def _keys(values: Mapping[str, Any], prefix: str = "") -> set[str]:
    """Dotted keys of the blocks and fields; what a field itself maps (classes, loss) is its value, not a key."""
    found = set()
    for key, value in values.items():
        dotted = f"{prefix}{key}"
        found.add(dotted)
        if isinstance(value, Mapping) and dotted not in {"classes", "train.loss", "train.draw"}:
            found |= _keys(value, f"{dotted}.")
    return found


def _missing(key: str) -> str:
    return (
        f"{key} is missing; add it (`crackflow profile quick` shows the default), "
        "since a run uses no value that is not written down"
    )


def _explain(error: ValidationError) -> str:
    """Say the first thing wrong in one line."""
    first = error.errors()[0]
    parts = [str(part) for part in first["loc"] if part != "[key]"]
    if parts[:1] == ["model"] and len(parts) > 1:
        # pydantic names the architecture that the block was read as; params.yaml has no such key
        del parts[1]
    key = ".".join(parts)
    if first["type"] == "union_tag_not_found" and isinstance(first["input"], Mapping):
        return _missing(f"{key}.architecture")
    if first["type"] == "union_tag_invalid":
        return f"{key}.architecture is {first['ctx']['tag']!r}, expected one of {first['ctx']['expected_tags']}"
    if first["type"] == "extra_forbidden":
        near = difflib.get_close_matches(key, sorted(_known_keys()), n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else "; remove it"
        return f"unknown key {key}{hint}"
    if first["type"] == "value_error":
        return f"{key}: {first['ctx']['error']}" if key else str(first["ctx"]["error"])
    return f"{key} is {first['input']!r}: {first['msg'][0].lower()}{first['msg'][1:]}"


def _known_keys() -> set[str]:
    models = {f"model.{name}" for member in architectures().values() for name in member.model_fields}
    return _keys(dump(Params())) | models
