"""Parameters of stage train."""

from typing import Annotated, Literal

from pydantic import Field

from crackflow.params.types import Amount, Block, Count, Positive, Rate, Share


class AugmentParams(Block):
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
    jpeg: Share = Field(0.0, description="largest loss of JPEG quality: 0.7 goes down to quality 30; half the crops")
    style: Share = Field(0.0, description="share of crops that take the colours of another training photograph")


class ReducerParams(Block):
    """For the plateau schedule: lower the learning rate when valid stops improving."""

    factor: Annotated[float, Field(gt=0, lt=1)] = Field(0.5, description="new rate = rate * factor")
    patience: Positive = Field(4, description="epochs without improvement before that")


# A name here is an entry of the registry in crackflow/training/losses.py, metrics.py or optimizers.py.
LossName = Literal["categorical_crossentropy", "binary_crossentropy", "dice", "focal", "tversky"]
MetricName = Literal["dice_coef_multiclass", "crack_iou", "crack_f1", "crack_precision", "crack_recall"]
OptimizerName = Literal["adam", "adamw", "muon", "sgd"]
Precision = Literal["auto", "float32", "mixed_bfloat16"]


class TrainParams(Block):
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
        "float32", description="auto: mixed_bfloat16 on a processor with instructions for it, where it is faster"
    )
    optimizer: OptimizerName = Field("muon", description="muon: Muon for kernels, AdamW for the rest")
    learning_rate: Rate = Field(0.005, description="the highest rate, where a schedule changes it")
    encoder_rate: Amount = Field(
        0.06, description="learning rate of pretrained layers, as a share of learning_rate; muon only"
    )
    weight_decay: Amount = Field(0.0001, description="for adamw and muon only")
    averaging: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.0, description="decay per step of the exponential moving average of the weights; 0 for none"
    )
    clipvalue: Amount = Field(0.5, description="gradients are clipped to +- this; 0 does not clip")
    schedule: Literal["plateau", "cosine", "constant"] = Field("cosine", description="plateau is the original's")
    warmup_steps: Count = Field(40, description="for cosine only: steps in which the rate rises from 0")
    reducer: ReducerParams = ReducerParams()
    monitor: str = Field("val_crack_iou", description="picks the best epoch: val_loss or val_METRIC")
    foreign_weight: Share = Field(
        0.5, description="how much foreign_valid counts in monitor, and valid the rest; read where there is one"
    )
    early_stopping: Count = Field(10, description="stop after this many epochs without improvement; 0 never")
    valid_images: Count = Field(0, description="valid images used after each epoch; 0 uses all")
    num_infer_images: Count = Field(6, description="mini_test images predicted after each epoch, to look at")
