import keras
import numpy as np
import pytest

from crackflow.models import registry
from crackflow.models.flexunet import flexunet
from crackflow.params import FlexUNetParams

TINY = FlexUNetParams(base_filters=2, max_filters=4, num_layers=3)


def test_the_original_has_the_published_number_of_parameters():
    params = FlexUNetParams(
        base_filters=16,
        max_filters=2048,
        base_kernels=(9, 9),
        num_layers=8,
        stem_stride=1,
        dropout_rate=0.05,
        normalization="none",
        input_scaling="raw",
    )
    assert flexunet(512, 2, params).count_params() == 124_996_866


def test_parameters_of_a_two_level_net_counted_by_hand():
    """Level 0: 3x3 kernels, 2 filters; bridge: 3x3, 4 filters; up: 2x2 transposed.

    down0: 3*3*3*2 + 2 = 56, 3*3*2*2 + 2 = 38; bridge: 3*3*2*4 + 4 = 76, 3*3*4*4 + 4 = 148;
    up0 transposed: 2*2*4*2 + 2 = 34; up0: 3*3*(2+2)*2 + 2 = 74, 38; 1x1: 2*2 + 2 = 6. Together 470.
    """
    params = FlexUNetParams(
        base_filters=2, base_kernels=(3, 3), num_layers=2, stem_stride=1, normalization="none", input_scaling="raw"
    )
    assert flexunet(8, 2, params).count_params() == 470


def test_kernels_shrink_by_two_a_level_and_dilation_by_one():
    params = FlexUNetParams(base_filters=1, base_kernels=(9, 5), dilation=(3, 1), num_layers=4, stem_stride=1)
    model = flexunet(32, 2, params)
    kernels = [model.get_layer(f"down{level}a_conv").kernel_size for level in range(4)]
    assert kernels == [(9, 5), (7, 3), (5, 3), (3, 3)]
    assert [model.get_layer(f"down{level}b_conv").dilation_rate for level in range(4)] == [
        (3, 1),
        (2, 1),
        (1, 1),
        (1, 1),
    ]
    assert model.get_layer("up1a_conv").kernel_size == (7, 3)


def test_widths_double_up_to_the_ceiling():
    model = flexunet(32, 2, FlexUNetParams(base_filters=3, max_filters=10, num_layers=4, stem_stride=1))
    assert [model.get_layer(f"down{level}a_conv").filters for level in range(4)] == [3, 6, 10, 10]


def test_dropout_is_the_rate_times_the_level():
    model = flexunet(32, 2, FlexUNetParams(base_filters=2, num_layers=4, stem_stride=1, dropout_rate=0.05))
    rates = {layer.name: layer.rate for layer in model.layers if isinstance(layer, keras.layers.Dropout)}
    assert rates == pytest.approx(
        {"down1_dropout": 0.05, "down2_dropout": 0.1, "down3_dropout": 0.15, "up1_dropout": 0.05, "up2_dropout": 0.1}
    )


@pytest.mark.parametrize(
    ("stem_stride", "normalization"),
    [(1, "none"), pytest.param(2, "batch", marks=pytest.mark.backend), (4, "layer"), (2, "group")],
)
def test_gives_probabilities_at_the_input_size(stem_stride, normalization):
    model = flexunet(None, 3, TINY.model_copy(update={"stem_stride": stem_stride, "normalization": normalization}))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 16, 32, 3)).astype("float32")
    probabilities = np.asarray(model(pixels))
    assert probabilities.shape == (2, 16, 32, 3)
    np.testing.assert_allclose(probabilities.sum(-1), 1, atol=1e-5)


@pytest.mark.parametrize(("scaling", "expected"), [("unit", [0, 1]), ("centered", [-1, 1])])
def test_scaling_is_a_layer_of_the_model(scaling, expected):
    layer = flexunet(16, 2, TINY.model_copy(update={"input_scaling": scaling})).get_layer("scaling")
    np.testing.assert_allclose(np.asarray(layer(np.array([0.0, 255.0]))), expected, atol=1e-6)


def test_same_seed_same_weights_other_seed_other_weights():
    one, same, other = (flexunet(16, 2, TINY, seed).get_weights() for seed in (1, 1, 2))
    assert all((a == b).all() for a, b in zip(one, same, strict=True))
    assert any((a != b).any() for a, b in zip(one, other, strict=True))


def test_stride_is_the_multiple_that_sides_must_be_of():
    assert TINY.stride == 2 * 2 * 2
    with pytest.raises(ValueError, match="shape"):
        flexunet(12, 2, TINY)


def test_a_saved_model_loads_in_plain_keras_and_predicts_the_same(tmp_path):
    model = flexunet(16, 2, TINY)
    pixels = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3)).astype("float32")
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", custom_objects={})
    np.testing.assert_array_equal(np.asarray(again(pixels)), np.asarray(model(pixels)))


def test_widths_by_level_replace_the_doubling():
    model = flexunet(32, 2, FlexUNetParams(widths=(3, 5, 4), num_layers=3, head="subpixel"))
    assert [model.get_layer(f"down{level}a_conv").filters for level in range(3)] == [3, 5, 4]
    assert [model.get_layer(f"up{level}a_conv").filters for level in range(2)] == [3, 5]


def test_one_convolution_a_level_on_the_way_up():
    names = {layer.name for layer in flexunet(16, 2, TINY.model_copy(update={"decoder_convs": 1})).layers}
    assert "up1a_conv" in names
    assert "down1b_conv" in names
    assert "up1b_conv" not in names


@pytest.mark.parametrize("stem_stride", [pytest.param(2, marks=pytest.mark.backend), 4])
def test_a_subpixel_head_goes_from_the_first_level_to_full_size(stem_stride):
    """Kernel 2s, stride s: 4 s^2 weights for each of 2 filters and 3 classes, and 3 offsets; no other layer there."""
    model = flexunet(None, 3, TINY.model_copy(update={"stem_stride": stem_stride, "head": "subpixel"}))
    assert model.get_layer("probabilities").count_params() == 4 * stem_stride**2 * 2 * 3 + 3
    probabilities = np.asarray(model(np.zeros((1, 16, 32, 3), "float32")))
    assert probabilities.shape == (1, 16, 32, 3)
    np.testing.assert_allclose(probabilities.sum(-1), 1, atol=1e-5)


@pytest.mark.parametrize("stem_stride", [pytest.param(2, marks=pytest.mark.backend), 4])
def test_a_packed_head_brings_the_pixels_down_to_the_first_level(stem_stride):
    """Of 2 filters: pixels to 1 by a kernel of 2s, then 3x3 from 2 + 1 to 2 + 1, then s x s of each of 3 classes."""
    model = flexunet(None, 3, TINY.model_copy(update={"stem_stride": stem_stride, "head": "packed"}))
    assert model.get_layer("head_pixels").count_params() == 3 * 4 * stem_stride**2 + 1
    assert model.get_layer("head_conv").count_params() == 3 * 3 * 3 * 3
    assert model.get_layer("probabilities").count_params() == 3 * stem_stride**2 * 3 + 3
    probabilities = np.asarray(model(np.zeros((1, 16, 32, 3), "float32")))
    assert probabilities.shape == (1, 16, 32, 3)
    np.testing.assert_allclose(probabilities.sum(-1), 1, atol=1e-5)


@pytest.mark.backend
def test_supervised_levels_come_after_the_output_the_deepest_first():
    params = TINY.model_copy(update={"num_layers": 4})
    model = flexunet(None, 2, params, supervised=(1, 2))
    shapes = [np.asarray(output).shape for output in model(np.zeros((1, 32, 32, 3), "float32"))]
    assert shapes == [(1, 32, 32, 2), (1, 4, 4, 2), (1, 8, 8, 2)]
    plain = flexunet(None, 2, params)
    for one, two in zip(plain.get_weights(), model.get_weights(), strict=False):
        np.testing.assert_array_equal(one, two)


@pytest.mark.backend
def test_bfloat16_calculates_but_keeps_float32_weights_and_probabilities():
    exact = flexunet(None, 2, TINY)
    mixed = registry.build(TINY, None, 2, 0, "mixed_bfloat16")
    assert {weight.dtype for weight in mixed.weights} == {"float32"}
    assert mixed.get_layer("down0a_conv").compute_dtype == "bfloat16"
    pixels = np.random.default_rng(0).integers(0, 256, (1, 16, 16, 3)).astype("float32")
    probabilities = np.asarray(mixed(pixels))
    assert probabilities.dtype == np.float32
    # bfloat16 keeps 8 bits
    np.testing.assert_allclose(probabilities, np.asarray(exact(pixels)), atol=0.05)
    assert (probabilities != np.asarray(exact(pixels))).any()


def test_a_plain_unet_is_one_of_its_shapes():
    """31,031,745 parameters, as Harb et al. 2024 (arXiv 2411.04620) have; theirs ends in one channel, of 65."""
    params = FlexUNetParams(
        base_filters=64, max_filters=1024, base_kernels=(3, 3), num_layers=5, stem_stride=1, normalization="none"
    )
    assert flexunet(None, 2, params).count_params() - 65 == 31_031_745
