"""pipelines/commands/profile.py, and the profiles themselves."""

import os
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from crackflow.errors import ParamsError
from crackflow.params import ArchitectureParams, Params, architectures, dump, render
from pipelines.cli import app
from pipelines.commands import profile

PROFILES = Path(__file__).parents[3] / "profiles"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "small.yaml").write_text("train:\n  epochs: 2\n  loss:\n    dice: 1.0\n")
    return tmp_path


@pytest.mark.parametrize("name", profile.names(PROFILES))
def test_every_profile_can_be_used(name):
    assert profile.load(PROFILES, name)


@pytest.mark.parametrize("path", sorted(PROFILES.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_profile_says_what_it_is(path):
    assert path.read_text().startswith("# ")
    assert profile.changes(dump(Params()), dump(profile.load(PROFILES, path.stem)))


def test_the_original_is_the_original_to_the_letter():
    params = profile.load(PROFILES, "original")
    # from the published configuration
    assert (params.resize.size, params.model.image_channels, len(params.classes)) == (512, 3, 2)
    assert (params.model.base_filters, params.model.base_kernels, params.model.num_layers) == (16, (9, 9), 8)
    assert (params.model.dropout_rate, params.model.dilation) == (0.05, (1, 1))
    assert (params.train.optimizer, params.train.learning_rate, params.train.clipvalue) == ("adam", 7e-5, 0.5)
    assert (params.train.batch_size, params.train.epochs, params.train.early_stopping) == (2, 100, 10)
    assert dict(params.train.loss) == {"categorical_crossentropy": 1.0}
    assert (params.train.reducer.factor, params.train.reducer.patience) == (0.5, 4)
    assert not any(dump(params)["train"]["augment"].values())
    assert (params.split.shares.train, params.split.shares.valid, params.split.shares.test) == (0.7, 0.2, 0.1)


def test_no_level_of_the_original_is_cut():
    params = profile.load(PROFILES, "original").model
    assert params.base_filters * 2 ** (params.num_layers - 1) == params.max_filters == 2048


def test_quick_is_the_defaults(folder):
    assert profile.load(folder, "quick") == Params()
    assert profile.names(folder) == ["quick", "small"]


def test_a_profile_is_a_difference_from_the_defaults(folder):
    params = profile.load(folder, "small")
    assert params.train.epochs == 2
    # a mapping that is one value is replaced whole: the default has a second loss
    assert dict(params.train.loss) == {"dice": 1.0}
    assert params.train.augment == Params().train.augment
    assert params.model == Params().model


def test_settings_come_last(folder):
    params = profile.load(folder, "small", ["train.epochs=3", "data.path=a b/c.zip", "model.base_kernels=[3, 3]"])
    assert (params.train.epochs, params.data.path, params.model.base_kernels) == (3, "a b/c.zip", (3, 3))
    assert dict(params.train.loss) == {"dice": 1.0}


def test_an_unknown_profile_lists_the_known_ones(folder):
    with pytest.raises(ParamsError, match="no profile smal; expected one of quick, small"):
        profile.load(folder, "smal")


def test_a_path_is_no_profile(folder):
    (folder.parent / "other.yaml").write_text("{}")
    with pytest.raises(ParamsError, match="no profile"):
        profile.load(folder, "../other")


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("train.epoch=3", "--set: unknown key train.epoch; did you mean train.epochs?"),
        ("train.epochs=0", "--set: train.epochs is 0"),
        ("train.epochs", "--set train.epochs: expected KEY=VALUE"),
        ("=3", "--set =3: expected KEY=VALUE"),
        ("train.epochs=[", "--set train.epochs=[: line 1 is not YAML"),
        ("train=3", "--set: train is 3"),
        ("train.epochs.x=3", "--set: train.epochs is {'x': 3}"),
    ],
)
def test_a_bad_setting_is_said_in_one_line(folder, setting, message):
    with pytest.raises(ParamsError) as caught:
        profile.load(folder, "quick", [setting])
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train:\n  epoch: 2\n", "profiles/small.yaml: unknown key train.epoch; did you mean train.epochs?"),
        ("train: [", "small.yaml line 1 is not YAML"),
        ("- 1\n", "small.yaml holds list, expected blocks"),
    ],
)
def test_a_bad_profile_is_said_in_one_line(folder, text, message):
    (folder / "small.yaml").write_text(text)
    with pytest.raises(ParamsError) as caught:
        profile.load(folder, "small")
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.fixture
def old():
    """A params.yaml as version 0.1.0 wrote it, with values of the user's."""
    values = yaml.safe_load(render(Params()))
    values["data"] |= {"source": "folder", "path": "photos.zip", "max_refused": 0.25}
    del values["data"]["max_rejected"]
    values["classes"] = {"background": [0, 0, 0], "crack": [255, 0, 0]}
    values["train"]["loss"] = {"focal": 0.5}
    for block, key in (
        ("split", "parents"),
        ("split", "sources"),
        ("model", "architecture"),
        ("train", "encoder_rate"),
    ):
        del values[block][key]
    return values


def test_an_upgrade_adds_what_is_new_and_keeps_every_value(old):
    params, added, renamed = profile.upgrade(old)
    assert renamed == [("data.max_refused", "data.max_rejected")]
    assert set(added) == {"split.parents", "split.sources", "model.architecture", "train.encoder_rate"}
    assert params.data.max_rejected == 0.25
    assert params.split.parents == Params().split.parents
    assert params.model.architecture == "flexunet"
    kept = dict(profile._flat(old))
    del kept["data.max_refused"]
    assert kept.items() <= dict(profile._flat(dump(params))).items()


def test_an_upgrade_of_today_changes_nothing():
    params = profile.load(PROFILES, "photos")
    assert profile.upgrade(yaml.safe_load(render(params))) == (params, [], [])


def test_an_upgrade_takes_the_new_keys_of_the_network_that_is_chosen(old):
    old["model"] = {"architecture": "pretrained_unet"}
    params, added, _ = profile.upgrade(old)
    assert params.model == architectures()["pretrained_unet"].model_validate({})
    assert "model.image_channels" in added
    assert "model.base_filters" not in added


def test_an_upgrade_rejects_what_it_does_not_know(old):
    before = yaml.safe_dump(old)
    old["train"]["epoch"] = 3
    old["zzz"] = 1
    with pytest.raises(ParamsError) as caught:
        profile.upgrade(old)
    assert "unknown keys zzz and train.epoch (did you mean train.epochs?)" in str(caught.value)
    del old["train"]["epoch"], old["zzz"]
    # what was given is not changed
    assert yaml.safe_dump(old) == before


def test_an_upgrade_does_not_choose_between_an_old_and_a_new_name(old):
    old["data"]["max_rejected"] = 0.1
    with pytest.raises(ParamsError, match=r"unknown key data\.max_refused"):
        profile.upgrade(old)


def test_a_file_that_reads_back_otherwise_is_not_written(tmp_path, monkeypatch):
    path = tmp_path / "params.yaml"
    path.write_text("mine")
    monkeypatch.setattr(profile, "render", lambda params: render(params).replace("  epochs: ", "  epochs: 1"))
    with pytest.raises(ParamsError, match=r"params\.yaml was left as it was: .* train\.epochs differs"):
        profile.write(path, Params())
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("params.yaml", "mine")]


def test_changes_are_given_by_dotted_key():
    old = {"a": {"b": 1, "same": True}, "gone": "x"}
    new = {"a": {"b": [2, 3], "same": True}, "new": None}
    assert profile.changes(old, new) == [
        ("a.b", "1", "[2, 3]"),
        ("new", "(absent)", "null"),
        ("gone", "x", "(absent)"),
    ]


def test_equal_values_are_no_change():
    values = yaml.safe_load("a: {b: 1.0, c: [1, 2]}")
    assert profile.changes(values, values) == []


class TinyParams(ArchitectureParams):
    """A network that only this test knows."""

    architecture: str = "tiny"
    filters: int = 2


def test_another_architecture_starts_from_its_own_defaults(monkeypatch):
    """Keys of the default network would be unknown to the other one."""
    known = architectures() | {"tiny": TinyParams}
    monkeypatch.setattr(profile, "architectures", lambda: known)
    difference = {"model": {"architecture": "tiny", "image_channels": 1}, "train": {"epochs": 3}}
    values = profile._merged(Params(), dump(Params()), difference)
    assert values["model"] == {"architecture": "tiny", "image_channels": 1, "filters": 2}
    assert values["train"] == dump(Params())["train"] | {"epochs": 3}
    again = profile._merged(Params(), values, {"model": {"architecture": "tiny", "filters": 7}})
    assert again["model"] == {"architecture": "tiny", "image_channels": 1, "filters": 7}


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.timeout(60)
def test_a_named_pipe_for_params_keeps_nobody_waiting(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    os.mkfifo("params.yaml")
    result = CliRunner().invoke(app, ["profile", "quick", "--yes"])
    assert (result.exit_code, result.stderr) == (
        2,
        "error: params.yaml can't be read: a named pipe; expected a text file\n",
    )
