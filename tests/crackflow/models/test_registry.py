import keras
import numpy as np
import pytest

from crackflow.errors import ModelError
from crackflow.models import registry
from crackflow.models.registry import ARCHITECTURES, Architecture, build
from crackflow.params import ArchitectureParams, FlexUNetParams, architectures

SMALL = FlexUNetParams(base_filters=2, max_filters=4, num_layers=4)


class TinyParams(ArchitectureParams):
    """A network that only this test knows."""

    architecture: str = "tiny"


def register(monkeypatch, layers, supervised=None):
    def builder(size, num_classes, params, seed):
        pixels = keras.Input((size, size, params.image_channels))
        return keras.Model(pixels, layers(pixels))

    monkeypatch.setitem(ARCHITECTURES, "tiny", Architecture(builder, supervised))


def test_every_architecture_of_params_has_a_builder_and_the_other_way_round():
    assert set(ARCHITECTURES) == set(architectures())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_gives_probabilities_at_full_size(name):
    params = architectures()[name]()
    side = 2 * params.stride
    model = build(params, side if registry.has_fixed_size(params) else None, 3, seed=0)
    pixels = np.random.default_rng(0).integers(0, 256, (1, side, side, params.image_channels)).astype("float32")
    probabilities = np.asarray(model(pixels))
    assert probabilities.shape == (1, side, side, 3)
    np.testing.assert_allclose(probabilities.sum(-1), 1, atol=1e-5)


@pytest.mark.parametrize("name", [name for name, entry in ARCHITECTURES.items() if entry.build_supervised])
def test_supervised_networks_have_lower_resolutions_besides_and_the_same_other_layers(name):
    params = architectures()[name]()
    model = build(params, None, 2, seed=0, supervised=True)
    side = params.stride
    full, *lower = model(np.zeros((1, side, side, params.image_channels), "float32"))
    assert full.shape[1] == side
    assert lower
    for level in lower:
        assert side > level.shape[1] >= 1
        assert side % level.shape[1] == 0
    inner, plain = keras.Model(model.input, model.outputs[0]), build(params, None, 2, seed=0)
    for one, two in zip(inner.get_weights(), plain.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_the_precision_is_that_of_this_network_alone():
    model = build(SMALL, None, 2, seed=0, precision="mixed_bfloat16")
    assert model.get_layer("down0a_conv").compute_dtype == "bfloat16"
    assert model.get_layer("probabilities").compute_dtype == "float32"
    assert keras.config.dtype_policy().name == "float32"


def test_the_precision_reaches_layers_that_do_not_name_one(monkeypatch):
    register(monkeypatch, lambda x: keras.layers.Conv2D(2, 3, padding="same", name="only")(x))
    model = build(TinyParams(), 8, 2, seed=0, precision="mixed_bfloat16")
    assert model.get_layer("only").compute_dtype == "bfloat16"
    assert model.get_layer("only").variable_dtype == "float32"


def test_a_name_that_is_not_registered_says_where_to_add_it():
    with pytest.raises(ModelError, match=r"no architecture tiny, expected one of flexunet.*ARCHITECTURES in"):
        build(TinyParams(), 8, 2, seed=0)


def test_other_outputs_than_the_classes_are_said(monkeypatch):
    register(monkeypatch, lambda x: keras.layers.Conv2D(1, 1)(x))
    with pytest.raises(ModelError, match=r"tiny gives \(None, 8, 8, 1\), expected \(N, H, W, 2\)"):
        build(TinyParams(), 8, 2, seed=0)


def test_a_model_within_the_model_is_said(monkeypatch):
    inner = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(2, 1)], name="inner")
    register(monkeypatch, inner)
    with pytest.raises(ModelError, match="tiny holds the model inner, expected layers alone"):
        build(TinyParams(), 8, 2, seed=0)


def test_deep_supervision_of_a_network_that_has_none_is_said(monkeypatch):
    register(monkeypatch, lambda x: keras.layers.Conv2D(2, 1)(x))
    with pytest.raises(ModelError, match=r"tiny has no network for deep supervision; set train\.deep_supervision to 0"):
        registry.build(TinyParams(), 8, 2, seed=0, supervised=True)
