"""Muon: momentum whose every update of a matrix turns and stretches all directions alike.

The momentum of a matrix is replaced by the nearest orthogonal matrix, found by a few products.
Source: Jordan et al., "Muon: an optimizer for hidden layers in neural networks",
https://kellerjordan.github.io/posts/muon/.
"""

from collections.abc import Sequence

import tensorflow as tf

from gptfx.modules.config import TrainerConfig
from gptfx.modules.training.schedule import schedule
from gptfx.modules.training.variables import assign, zeros_like

ROUNDS = 5
A, B, C = 3.4445, -4.7750, 2.0315  # a polynomial that takes singular values to about 1, fast
TINY = 1e-7


def orthogonalize(matrices: tf.Tensor) -> tf.Tensor:
    """(n, rows, columns) float to the same shape: singular values from about 0.7 to 1.2.

    Newton-Schulz: a polynomial of the matrix works on its singular values and leaves its
    directions alone.
    """
    tall = matrices.shape[1] > matrices.shape[2]
    x = tf.linalg.matrix_transpose(matrices) if tall else matrices  # (n, short, long)
    x /= tf.norm(x, axis=(1, 2), keepdims=True) + TINY  # no singular value is above 1
    for _ in range(ROUNDS):
        square = tf.matmul(x, x, transpose_b=True)  # (n, short, short)
        x = A * x + tf.matmul(B * square + C * tf.matmul(square, square), x)
    return tf.linalg.matrix_transpose(x) if tall else x


class Muon(tf.Module):
    """For hidden matrices (in, out); queries, keys and values in one matrix count as three."""

    def __init__(self, variables: Sequence[tf.Variable], config: TrainerConfig) -> None:
        super().__init__(name="muon")
        self.variables_to_fit, self.config = list(variables), config
        self.momenta = zeros_like(self.variables_to_fit)

    def apply(self, gradients: Sequence[tf.Tensor], step: tf.Tensor) -> None:
        """One update; `step` counts from 0."""
        looked_ahead, share_of_past = [], self.config.muon_momentum
        for momentum, gradient in zip(self.momenta, gradients, strict=True):
            value = share_of_past * momentum + gradient
            assign(momentum, value)
            looked_ahead.append(gradient + share_of_past * value)  # Nesterov's
        share = schedule(tf.cast(step, tf.float32), self.config)
        rate = self.config.muon_learning_rate * share
        kept = 1.0 - rate * self.config.muon_weight_decay
        for variable, update in zip(self.variables_to_fit, _updates(looked_ahead), strict=True):
            assign(variable, variable * kept - rate * update)


def _updates(matrices: list[tf.Tensor]) -> list[tf.Tensor]:
    """Each matrix orthogonalized; those of one shape together, which is faster."""
    parts = [part for matrix in matrices for part in _parts(matrix)]
    by_shape: dict[tuple[int, int], list[int]] = {}
    for index, part in enumerate(parts):
        by_shape.setdefault(tuple(part.shape), []).append(index)
    for (rows, columns), indices in by_shape.items():
        made = orthogonalize(tf.stack([parts[index] for index in indices]))
        made *= max(1.0, columns / rows) ** 0.5  # so that every output moves as far
        for index, update in zip(indices, tf.unstack(made, num=len(indices)), strict=True):
            parts[index] = update
    remaining = iter(parts)
    return [
        tf.concat([next(remaining) for _ in range(_count(matrix))], axis=1) for matrix in matrices
    ]


def _parts(matrix: tf.Tensor) -> list[tf.Tensor]:
    return tf.split(matrix, _count(matrix), axis=1)


def _count(matrix: tf.Tensor) -> int:
    """3 for queries, keys and values side by side, which alone are three times as wide as high."""
    rows, columns = matrix.shape
    return 3 if columns == 3 * rows else 1
