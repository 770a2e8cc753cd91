"""Muon for the kernels of convolutions; AdamW for all other weights.

Plain gradient descent moves a kernel along the few directions that dominate the batch. Muon takes the momentum as a
matrix and makes its singular values equal by a few matrix products (Newton-Schulz), so that rare directions are learned
as fast as common ones. Sources: Jordan et al. 2024 (kellerjordan.github.io/posts/muon), who flatten kernels in the same
way; the length of a step from Liu et al. 2025 (arXiv 2502.16982), so that a weight decay chosen for AdamW fits.
"""

import math
from typing import Any

import keras
from keras import ops

ADAM_SHARE = 0.4  # of the learning rate, for the weights that AdamW updates
STEPS = 4  # of Newton-Schulz; Keras's default of 5 comes no closer to 1 for matrices as small as these
ENCODER = "encoder_"  # what the names of pretrained layers begin with (crackflow/models/efficientnet.py)
NARROWEST = 16  # rows and columns; a narrower matrix is left to AdamW, since it has no rare directions


class ConvMuon(keras.optimizers.Muon):  # type: ignore[misc]
    """Keras's Muon takes matrices only; this one also takes kernels of shape (height, width, in, out)."""

    def __init__(self, learning_rate: Any, weight_decay: float, encoder_rate: float = 1.0, **settings: Any) -> None:
        """Make the optimizer.

        Args:
            learning_rate: a number or a schedule. The root mean square of a step of a kernel is 0.2 times it.
            weight_decay: each step takes this share of a weight, times the learning rate, away.
            encoder_rate: learning rate of pretrained layers, as a share of `learning_rate`. AdamW updates them without
                decay: Muon would move every direction of what they have learned alike.
            settings: arguments of all Keras optimizers, for instance `clipvalue` and `use_ema`.
        """
        super().__init__(
            learning_rate,
            weight_decay=weight_decay,
            adam_weight_decay=weight_decay,
            adam_lr_ratio=ADAM_SHARE,
            ns_steps=STEPS,
            **settings,
        )
        self.encoder_rate = encoder_rate
        self._pretrained: frozenset[int] = frozenset()

    def build(self, variables: list[Any]) -> None:
        """Make the optimizer's own variables, and note which variables are pretrained."""
        if not self.built:
            named = enumerate(variable.path.split("/") for variable in variables)
            self._pretrained = frozenset(i for i, parts in named if any(part.startswith(ENCODER) for part in parts))
        super().build(variables)

    def _is_pretrained(self, variable: Any) -> bool:
        # by number: a backend hands its own variable over, which has no name of Keras's
        return self._get_variable_index(variable) in self._pretrained

    def _should_use_adamw(self, variable: Any) -> bool:
        return self._is_pretrained(variable) or len(variable.shape) < 2 or min(_flat(variable.shape)) < NARROWEST

    def _use_weight_decay(self, variable: Any) -> bool:
        return not self._is_pretrained(variable) and bool(super()._use_weight_decay(variable))

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Change a variable by its gradient; pretrained ones at their own rate."""
        if self._is_pretrained(variable):
            learning_rate = learning_rate * (self.encoder_rate / ADAM_SHARE)
        super().update_step(gradient, variable, learning_rate)

    def zeropower_via_newtonschulz5(self, x: Any, steps: int) -> Any:
        """Make the singular values of a flattened kernel about 1.

        Args:
            x: momentum of a kernel, (height, width, in, out) float32.
            steps: how many iterations.

        Returns:
            Of the same shape and type.
        """
        matrix = ops.reshape(x, _flat(x.shape))
        tall = matrix.shape[0] > matrix.shape[1]
        if tall:
            matrix = ops.transpose(matrix)
        # The norm is a sum of many squares and needs float32. The products may be rough, so they are in bfloat16, as
        # in the authors' code; in float32 they would take a third of the training time.
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
