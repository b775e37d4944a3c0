"""Loss scaling: float16 gradients are made large enough that small ones do not become zero.

The scale is halved when a gradient overflows, and that step is left out; it is doubled after many
good ones. Source: Micikevicius et al., "Mixed precision training", https://arxiv.org/abs/1710.03740.
"""

import tensorflow as tf

from gptfx.modules.training.variables import assign

START = 2.0**15
LARGEST = 2.0**24
PATIENCE = 2000  # good steps until the scale is doubled


class LossScale(tf.Module):
    """The factor, and how many good steps it has seen."""

    def __init__(self) -> None:
        super().__init__(name="loss_scale")
        self.factor = tf.Variable(START, trainable=False)
        self.good = tf.Variable(0, trainable=False)

    def scale(self, loss: tf.Tensor) -> tf.Tensor:
        """The loss that gradients are taken of."""
        return loss * self.factor

    def unscale(self, gradients: list[tf.Tensor]) -> list[tf.Tensor]:
        """The gradients of the loss itself."""
        return [gradient / self.factor for gradient in gradients]

    def is_usable(self, norm: tf.Tensor) -> tf.Tensor:
        """Whether gradients of this global norm may be applied; changes the factor by it."""
        usable = tf.math.is_finite(norm)
        good = tf.where(usable, self.good + 1, 0)
        grow = good >= PATIENCE
        larger = tf.minimum(self.factor * 2.0, LARGEST)
        assign(
            self.factor,
            tf.where(usable, tf.where(grow, larger, self.factor), self.factor / 2.0),
        )
        assign(self.good, tf.where(grow, 0, good))
        return usable
