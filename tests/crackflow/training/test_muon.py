import keras
import numpy as np
import pytest

from crackflow.training.muon import ADAM_SHARE, ConvMuon

pytestmark = pytest.mark.backend
RNG = np.random.default_rng(3)


def flat(kernel):
    kernel = np.asarray(kernel, np.float64)
    return kernel.reshape(-1, kernel.shape[-1])


def stepped(shape, gradient, optimizer, steps=1):
    variable = keras.Variable(np.zeros(shape, np.float32))
    for _ in range(steps):
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [variable])
    return keras.ops.convert_to_numpy(variable)


@pytest.mark.parametrize("shape", [(3, 3, 16, 24), (1, 1, 64, 32), (1, 1, 20, 48), (40, 18)])
def test_every_direction_of_a_kernel_moves_about_alike(shape):
    """Singular values of the gradient differ by a factor of 30; the polar factor U V', by SVD, is what is meant."""
    left, _, right = np.linalg.svd(flat(RNG.normal(size=shape)), full_matrices=False)
    sizes = np.geomspace(1, 1 / 30, len(right))
    gradient = ((left * sizes) @ right).reshape(shape).astype(np.float32)
    moved = -flat(stepped(shape, gradient, ConvMuon(0.01, 0.0)))
    found = np.linalg.svd(moved, compute_uv=False)
    assert found.min() > 0.4 * found.max()
    exact = left @ right
    assert (moved * exact).sum() / np.linalg.norm(moved) / np.linalg.norm(exact) > 0.95


def test_a_step_is_a_fifth_of_the_rate_in_root_mean_square():
    """With singular values 1 the mean square of n x m entries is 1 / max(n, m); Newton-Schulz leaves 0.7 to 1.2."""
    gradient = RNG.normal(size=(3, 3, 32, 32)).astype(np.float32)
    moved = stepped(gradient.shape, gradient, ConvMuon(0.01, 0.0))
    assert np.sqrt(np.mean(moved**2)) == pytest.approx(0.2 * 0.01, rel=0.25)


@pytest.mark.parametrize("shape", [(7,), (3, 3, 11, 8), (1, 1, 8, 32)])
def test_offsets_and_narrow_kernels_move_as_with_adamw(shape):
    gradient = RNG.normal(size=shape).astype(np.float32)
    ours = stepped(shape, gradient, ConvMuon(0.01, 0.1), steps=3)
    theirs = stepped(shape, gradient, keras.optimizers.AdamW(0.01 * ADAM_SHARE, weight_decay=0.0), steps=3)
    assert ours == pytest.approx(theirs, rel=0.01)


def test_decay_takes_its_share_of_kernels_and_nothing_of_what_is_excluded():
    """Without a gradient a step is decay alone: 1 - 0.1 x 0.5."""
    optimizer = ConvMuon(0.1, 0.5)
    optimizer.exclude_from_weight_decay(var_names=["gamma"])
    kernel = keras.Variable(np.ones((1, 1, 16, 16), np.float32), name="kernel")
    gamma = keras.Variable(np.ones(4, np.float32), name="gamma")
    optimizer.apply([keras.ops.zeros(kernel.shape), keras.ops.zeros(gamma.shape)], [kernel, gamma])
    assert keras.ops.convert_to_numpy(kernel) == pytest.approx(0.95)
    assert keras.ops.convert_to_numpy(gamma) == pytest.approx(1)


def test_pretrained_layers_move_as_with_adamw_at_their_own_rate_and_never_decay():
    gradient = RNG.normal(size=(1, 1, 32, 48)).astype(np.float32)

    def moved(optimizer, name):
        layer = keras.layers.Conv2D(48, 1, use_bias=False, name=name)
        layer.build((None, 8, 8, 32))
        layer.kernel.assign(np.ones(gradient.shape, np.float32))
        optimizer.apply([keras.ops.convert_to_tensor(gradient)], [layer.kernel])
        return keras.ops.convert_to_numpy(layer.kernel) - 1

    ours = moved(ConvMuon(0.01, 0.5, encoder_rate=0.06), "encoder_block4_expand")
    theirs = moved(keras.optimizers.AdamW(0.01 * 0.06, weight_decay=0.0), "any")
    assert ours == pytest.approx(theirs, rel=0.01)
    assert np.abs(moved(ConvMuon(0.01, 0.5, encoder_rate=0.06), "up0a_conv")).mean() > 5 * np.abs(ours).mean()
