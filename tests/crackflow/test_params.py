from pathlib import Path
from typing import Annotated, Literal

import pytest
import yaml
from pydantic import Field

from crackflow.errors import ParamsError
from crackflow.params import ArchitectureParams, FlexUNetParams, Params, dump, parse, render

ROOT = Path(__file__).parents[2]


def changed(key, value):
    """The defaults with one dotted key set."""
    values = dump(Params())
    *blocks, last = key.split(".")
    block = values
    for name in blocks:
        block = block[name]
    block[last] = value
    return values


def test_params_yaml_as_committed_is_the_defaults_written_whole():
    assert (ROOT / "params.yaml").read_text(encoding="utf-8") == render(Params())


def test_what_is_rendered_is_parsed_back():
    params = parse(changed("train.loss", {"focal": 0.5, "dice": 2.0}))
    assert parse(yaml.safe_load(render(params))) == params


def test_a_key_carries_its_description_as_a_comment():
    assert "  sheet_width: 256  # width of one picture on the mini_test sheet, px" in render(Params())


def test_a_long_list_has_a_line_an_entry_below_its_description():
    lines = render(
        parse(changed("split.sources", [rf"(?P<source>road{number:02d})_" for number in range(5)]))
    ).splitlines()
    at = lines.index("  sources:")
    assert lines[at + 1 : at + 3] == ["  - (?P<source>road00)_", "  - (?P<source>road01)_"]
    assert lines[at - 2].startswith("  # regular expressions for the source of a pair")
    assert max(map(len, lines[at - 2 : at + 6])) <= 120


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("train.learning_rat", 0.1, "params.yaml: unknown key train.learning_rat; did you mean train.learning_rate?"),
        ("modle", {}, "unknown key modle; did you mean model?"),
        ("zzz", 1, "unknown key zzz; remove it"),
        ("model.num_layers", 11, "resize.size is 512, but model.architecture flexunet needs a multiple of 2048"),
        ("train.crop", 100, "train.crop is 100, but model.architecture flexunet needs a multiple of 64 with"),
        ("train.crop", 1024, "train.crop 1024 is larger than resize.size 512"),
        ("model.widths", [8, 16], "model: widths has 2 levels, but num_layers is 6; give one width per level"),
        ("model.stem_strid", 2, "unknown key model.stem_strid; did you mean model.stem_stride?"),
        ("model.num_layers", 1, "model.num_layers is 1: input should be greater than or equal to 2"),
        ("model.architecture", "unet", "model.architecture is 'unet', expected one of 'flexunet'"),
        ("model", 3, "model is 3: "),
        ("split.shares", {"train": 0.7, "valid": 0.2, "test": 0.2}, "split.shares: shares add to 1.1, expected 1"),
        (
            "split.shares",
            {"train": 0.8, "valid": 0.2, "test": 0.0},
            "shares.test is 0.0: input should be greater than 0",
        ),
        ("split.previous", "./data/split.csv", "split.previous: data/split.csv is what this stage writes; copy it"),
        ("split.previous", " ", "split.previous: expected a file; data/previous.csv is the one that holds no pair"),
        ("split.parents", ["(?P<photo>a"], "split.parents.0: (?P<photo>a is no regular expression: missing )"),
        ("split.parents", ["(a+)-", "b"], "split.parents.0: (a+)- has 0 named groups, expected one: write (?P<photo>"),
        ("split.sources", ["(?P<a>a)(?P<b>b)"], "split.sources.0: (?P<a>a)(?P<b>b) has 2 named groups, expected one"),
        ("split.parents", ["(?P<photo>" + "a" * 200 + ")"], "should have at most 200 characters"),
        (
            "split.parents",
            ["(?P<photo>(?:a{99}){102})"],
            "repeats 10098 times in all, expected at most 10000; count less",
        ),
        ("split.sources", ["(?P<source>a)"] * 101, "should have at most 100 items"),
        ("train.loss", {"dicee": 1.0}, "'dice'"),
        ("train.loss", {"dice": 0.0}, "train.loss.dice is 0.0: input should be greater than 0"),
        ("train.loss", {}, "train.loss is {}: dictionary should have at least 1 item"),
        ("train.monitor", "val_crack_recall", "expected one of val_loss, val_dice_coef_multiclass, val_crack_iou"),
        ("classes", {"background": [0, 0, 0]}, "classes has 1, expected the background and at least one more"),
        ("classes", {"a": [1, 1, 1], "b": [1, 1, 1]}, "two classes have the same colour"),
        ("data.max_rejected", 1.5, "data.max_rejected is 1.5: input should be less than or equal to 1"),
        ("data.max_refused", 0.05, "unknown key data.max_refused; did you mean data.max_rejected?"),
        ("train.seed", -1, "train.seed is -1: input should be greater than or equal to 0"),
        ("train.seed", 2**32, "train.seed is 4294967296: input should be less than 4294967296"),
        ("train.optimizer", "lion", "train.optimizer is 'lion'"),
    ],
)
def test_what_no_run_can_use_is_said_in_one_line(key, value, message):
    with pytest.raises(ParamsError) as caught:
        parse(changed(key, value))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_key_is_named_and_not_made_up():
    values = dump(Params())
    del values["train"]["seed"]
    with pytest.raises(ParamsError, match=r"my\.yaml: train\.seed is missing; add it"):
        parse(values, "my.yaml")


OLD_KEYS_MISSING = "split.parents, split.sources, model.architecture and train.encoder_rate are missing; add them"


def old_values():
    """The values of a params.yaml as version 0.1.0 wrote it."""
    values = dump(Params())
    values["data"]["max_refused"] = values["data"].pop("max_rejected")
    for block, key in (
        ("split", "parents"),
        ("split", "sources"),
        ("model", "architecture"),
        ("train", "encoder_rate"),
    ):
        del values[block][key]
    return values


def test_all_missing_keys_are_named_at_once():
    values = old_values()
    values["data"]["max_rejected"] = values["data"].pop("max_refused")
    with pytest.raises(ParamsError) as caught:
        parse(values)
    assert str(caught.value).startswith(f"params.yaml: {OLD_KEYS_MISSING}")
    assert "`crackflow profile --upgrade`" in str(caught.value)


def test_unknown_and_missing_keys_are_named_in_one_line():
    with pytest.raises(ParamsError) as caught:
        parse(old_values())
    start = "params.yaml: unknown key data.max_refused; did you mean data.max_rejected? "
    assert str(caught.value).startswith(start + OLD_KEYS_MISSING)
    # a renamed key is named once
    assert str(caught.value).count("max_rejected") == 1
    assert "\n" not in str(caught.value)


def test_all_unknown_keys_are_named_at_once():
    values = changed("train.epoch", 3) | {"zzz": 1}
    with pytest.raises(ParamsError) as caught:
        parse(values)
    said = "params.yaml: unknown keys zzz and train.epoch (did you mean train.epochs?); correct or remove them"
    assert str(caught.value) == said


def test_a_block_that_is_missing_is_one_key():
    values = dump(Params())
    del values["gate"]
    with pytest.raises(ParamsError, match=r"params\.yaml: gate is missing; add it"):
        parse(values)


def test_a_message_names_ten_keys_and_counts_the_others():
    values = dump(Params())
    values["train"] = {}
    with pytest.raises(ParamsError) as caught:
        parse(values)
    named, rest = str(caught.value).removeprefix("params.yaml: ").split(" and ", 1)
    assert len(named.split(", ")) == 10
    assert rest.startswith(f"{len(dump(Params())['train']) - 10} more are missing; add them")
    with pytest.raises(
        ParamsError, match=r"^params\.yaml: unknown keys 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 1 more; correct"
    ):
        parse(dump(Params()) | {str(number): 0 for number in range(11)})


def test_params_written_before_there_was_a_choice_of_network_are_told_what_to_add():
    values = dump(Params())
    del values["model"]["architecture"]
    with pytest.raises(ParamsError, match=r"my\.yaml: model\.architecture is missing; add it"):
        parse(values, "my.yaml")


class TinyParams(ArchitectureParams):
    """Another network, which has no levels, no widths and no deep supervision."""

    architecture: Literal["tiny"] = "tiny"
    filters: int = 2

    @property
    def stride(self):
        return 3


class WithTiny(Params):
    """Params as they are once a second architecture is added."""

    model: Annotated[FlexUNetParams | TinyParams, Field(discriminator="architecture")] = FlexUNetParams()


def test_the_architecture_picks_the_keys_of_the_block_and_what_must_fit_together():
    values = dump(Params()) | {"model": {"architecture": "tiny", "image_channels": 1, "filters": 5}}
    values["resize"]["size"], values["train"]["crop"] = 513, 255
    params = WithTiny.model_validate(values)
    assert params.model == TinyParams(image_channels=1, filters=5)
    assert yaml.safe_load(render(params))["model"] == values["model"]
    values["train"]["crop"] = 256
    with pytest.raises(ValueError, match=r"train.crop is 256, but model.architecture tiny needs a multiple of 3"):
        WithTiny.model_validate(values)
    values["train"] |= {"crop": 255, "deep_supervision": 0.3}
    with pytest.raises(ValueError, match=r"model.architecture tiny has no outputs at lower resolutions; set it to 0"):
        WithTiny.model_validate(values)


def test_deep_supervision_needs_levels_to_supervise():
    values = changed("model.num_layers", 3)
    values["train"]["deep_supervision"] = 0.3
    with pytest.raises(ParamsError, match=r"needs two levels below the first, but model.num_layers is 3; use 4"):
        parse(values)


def test_params_are_frozen():
    with pytest.raises(ValueError, match="frozen"):
        Params().train.epochs = 3


@pytest.mark.parametrize("name", ["yes", "12", "1.5", "null", "ä", "crack (wide) + 2-3", "x" * 40])
def test_names_of_classes_that_need_quotes_are_read_again(name):
    params = Params.model_validate({"classes": {"background": (0, 0, 0), name: (255, 255, 255)}})
    assert parse(yaml.safe_load(render(params))) == params


@pytest.mark.parametrize("name", ["", "=1+1", "<script>", "a\nb", "\x1b[31m", "[red]", "@all", "-a", "a|b", "x" * 41])
def test_a_class_has_a_name_that_does_no_harm(name):
    values = dump(Params()) | {"classes": {"background": [0, 0, 0], name: [255, 255, 255]}}
    with pytest.raises(ParamsError, match="is no name of a class, expected 1 to 40 letters") as error:
        parse(values)
    assert "\n" not in str(error.value)
    assert "\x1b" not in str(error.value)
