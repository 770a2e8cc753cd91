"""Muon for convolutions: momentum whose every direction moves a layer alike, for the kernels; AdamW for the rest.

A step of gradient descent moves a kernel along the few directions that the batch agrees on. Muon takes the momentum as
a matrix, makes its singular values equal by a few products of matrices (Newton-Schulz), and steps along that, so that
rare directions are learnt as fast as common ones. Sources: Jordan et al. 2024 (kellerjordan.github.io/posts/muon), who
flatten kernels as is done here; the step's length as Liu et al. 2025 (arXiv 2502.16982), so that AdamW's decay fits.
"""

import math
from typing import Any

import keras
from keras import ops

ADAM_SHARE = 0.4  # of the learning rate, for offsets, normalizations and narrow kernels
STEPS = 4  # of Newton-Schulz; Keras's 5 for large matrices bring singular values no nearer to 1 in matrices this small
NARROWEST = 16  # rows and columns; a smaller matrix has no rare directions


class ConvMuon(keras.optimizers.Muon):  # type: ignore[misc]
    """Keras's Muon, which knows matrices alone, for kernels of shape (height, width, in, out) as well."""

    def __init__(self, learning_rate: Any, weight_decay: float, **settings: Any) -> None:
        """Make the optimizer.

        Args:
            learning_rate: of the kernels, a number or a schedule; the root mean square of a step is 0.2 of it.
            weight_decay: share of a weight that a step takes away, times the learning rate.
            settings: as Keras's optimizers take them, for instance `clipvalue` and `use_ema`.
        """
        super().__init__(
            learning_rate,
            weight_decay=weight_decay,
            adam_weight_decay=weight_decay,
            adam_lr_ratio=ADAM_SHARE,
            ns_steps=STEPS,
            **settings,
        )

    def _should_use_adamw(self, variable: Any) -> bool:
        return len(variable.shape) < 2 or min(_flat(variable.shape)) < NARROWEST

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Make the singular values of a flattened kernel about 1.

        Args:
            x: momentum of a kernel, (height, width, in, out) float32.
            steps: of the iteration.

        Returns:
            The same shape and type.
        """
        matrix = ops.reshape(x, _flat(x.shape))
        tall = matrix.shape[0] > matrix.shape[1]
        if tall:
            matrix = ops.transpose(matrix)
        # The norm in float32, where a sum of many squares is exact enough; the products in bfloat16, as the authors do:
        # what is wanted is rough, and they would be a third of the time of training.
        matrix = ops.cast(matrix / (ops.norm(matrix) + self.epsilon), "bfloat16")
        for _ in range(steps):
            square = matrix @ ops.transpose(matrix)
            matrix = self.muon_a * matrix + (self.muon_b * square + self.muon_c * (square @ square)) @ matrix
        if tall:
            matrix = ops.transpose(matrix)
        return ops.cast(ops.reshape(matrix, x.shape), x.dtype)

    def lr_adjust(self, x: Any) -> Any:
        """Scale a step so that the root mean square of its entries is `rms_rate` times the learning rate."""
        return x * (self.rms_rate * math.sqrt(max(_flat(x.shape))))


def _flat(shape: tuple[int, ...]) -> tuple[int, int]:
    return math.prod(shape[:-1]), shape[-1]
