"""All parameters of a run, and how they are read: a wrong key stops the run before any work, in one line."""

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Self, get_args

from pydantic import BaseModel, Field, ValidationError, model_validator

from crackflow.errors import ParamsError
from crackflow.params.compute import ComputeParams
from crackflow.params.data import DataParams, ResizeParams, SplitParams, StatisticsParams
from crackflow.params.model import ArchitectureParams, FlexUNetParams, ModelParams
from crackflow.params.results import EvaluateParams, GateParams, InferParams, ReportParams
from crackflow.params.training import TrainParams
from crackflow.params.types import Block, ClassName, Colour

_MOST_NAMES = 10
"""Keys that one message names."""


class Params(Block):
    """Everything that a run reads. One block per stage, plus the classes that all stages share and the gate."""

    classes: dict[ClassName, Colour] = Field(
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
    compute: ComputeParams = ComputeParams()

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
        ParamsError: on unknown, missing or out-of-range keys; one line, with all unknown and missing keys, or else the
            first that is out of range. An unknown key has the nearest valid one beside it.
    """
    unknown, missing = _compare(Params(), values)
    if unknown or missing:
        raise ParamsError(f"{origin}: {_explain_keys(unknown, missing)}")
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        raise ParamsError(f"{origin}: {_explain(error)}") from None


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


def _compare(block: BaseModel, values: Mapping[str, Any], prefix: str = "") -> tuple[list[str], list[str]]:
    """Give the dotted keys of `values` that `block` does not know, and those of `block` that `values` lacks."""
    if isinstance(block, ArchitectureParams):
        chosen = architectures().get(str(values.get("architecture", block.architecture)))
        if chosen is None:
            # which keys belong here is known once the architecture is; pydantic says which there are
            return [], []
        block = chosen.model_validate({})
    fields = type(block).model_fields
    unknown = [f"{prefix}{key}" for key in values if key not in fields]
    missing = [f"{prefix}{name}" for name in fields if name not in values]
    for name in fields:
        inner, given = getattr(block, name), values.get(name)
        if isinstance(inner, BaseModel) and isinstance(given, Mapping):
            found = _compare(inner, given, f"{prefix}{name}.")
            unknown += found[0]
            missing += found[1]
    return unknown, missing


def _explain_keys(unknown: Sequence[str], missing: Sequence[str]) -> str:
    """Say in one line which keys are unknown and which are missing."""
    known = sorted(_known_keys())
    unknown = [_printable(key)[:80] for key in unknown]
    near = {key: difflib.get_close_matches(key, known, n=1, cutoff=0.5) for key in unknown[:_MOST_NAMES]}
    hints = {key: f"did you mean {found[0]}?" for key, found in near.items() if found}
    if len(unknown) == 1:
        text = f"unknown key {unknown[0]}; {hints.get(unknown[0], 'remove it')}"
    else:
        names = [f"{key} ({hints[key]})" if key in hints else key for key in unknown]
        text = f"unknown keys {_listing(names)}; correct or remove them" if unknown else ""
    # a misspelt key is missing too; it has been named
    suggested = {name for found in near.values() for name in found}
    missing = [key for key in missing if key not in suggested]
    if not missing:
        return text
    separator = ("; ", " ")[text.endswith("?")] if text else ""
    verb, them = ("is", "it") if len(missing) == 1 else ("are", "them")
    return (
        f"{text}{separator}{_listing(missing)} {verb} missing; add {them}, since a run uses no value that is not "
        "written down (`crackflow profile --upgrade` adds the defaults and keeps your values)"
    )


def _listing(names: Sequence[str]) -> str:
    """Join names as "a, b and c", and leave out all after the tenth."""
    if len(names) > _MOST_NAMES:
        return f"{', '.join(names[:_MOST_NAMES])} and {len(names) - _MOST_NAMES} more"
    return " and ".join(part for part in (", ".join(names[:-1]), names[-1]) if part)


def _explain(error: ValidationError) -> str:
    """Say the first thing wrong in one line."""
    first = error.errors()[0]
    parts = [_printable(str(part)) for part in first["loc"] if part != "[key]"]
    if parts[:1] == ["model"] and len(parts) > 1:
        # pydantic names the architecture that the block was read as; params.yaml has no such key
        del parts[1]
    key = ".".join(parts)
    if first["type"] == "union_tag_invalid":
        return f"{key}.architecture is {first['ctx']['tag']!r}, expected one of {first['ctx']['expected_tags']}"
    if first["type"] == "value_error":
        return f"{key}: {first['ctx']['error']}" if key else str(first["ctx"]["error"])
    return f"{key} is {first['input']!r}: {first['msg'][0].lower()}{first['msg'][1:]}"


def _printable(text: str) -> str:
    return text if text.isprintable() else repr(text)


def _known_keys() -> set[str]:
    models = {f"model.{name}" for member in architectures().values() for name in member.model_fields}
    return _keys(dump(Params())) | models
