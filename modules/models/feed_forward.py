"""The feed-forward part of a block: each token thinks for itself about what it gathered."""

import math
from collections.abc import Callable

import keras
import tensorflow as tf

from gptfx.modules.config import ModelConfig
from gptfx.modules.models.linear import Linear

SLOPE = math.sqrt(2.0 / math.pi)  # of GELU's tanh, at 0
BEND = 0.044715 * SLOPE


class FeedForward(keras.layers.Layer):
    """Up to four times the width, through a nonlinearity, and back down."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(name="mlp")
        self.activation = ACTIVATIONS[config.activation]
        self.c_fc = Linear(config, 4 * config.n_embd)
        self.c_proj = Linear(config, config.n_embd, residual=True)
        self.dropout = keras.layers.Dropout(config.dropout)

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """(B, T, C) float to (B, T, C)."""
        hidden = self.activation(self.c_fc(x))  # (B, T, 4C)
        return self.dropout(self.c_proj(hidden), training=training)


@tf.custom_gradient
def gelu(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """``x`` times how likely a normal variable is below it, by tanh, as in GPT-2.

    Its derivative is made from ``x`` alone: TensorFlow's own keeps four more tensors of this size,
    the widest of a block, from the forward to the backward pass.
    Source: Hendrycks and Gimpel, https://arxiv.org/abs/1606.08415.
    """

    def gradient(dy: tf.Tensor) -> tf.Tensor:
        square = x * x
        tanh = tf.tanh(x * (SLOPE + BEND * square))
        inner = 0.5 * SLOPE + 1.5 * BEND * square  # half the derivative of what is in tanh
        return dy * (0.5 + 0.5 * tanh + x * (1.0 - tanh * tanh) * inner)

    return tf.nn.gelu(x, approximate=True), gradient


def relu2(x: tf.Tensor) -> tf.Tensor:
    """The square of what is positive. Source: So et al., https://arxiv.org/abs/2109.08668."""
    return tf.square(tf.nn.relu(x))


ACTIVATIONS = {"gelu": gelu, "relu2": relu2}
