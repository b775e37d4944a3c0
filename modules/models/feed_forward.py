"""The feed-forward part of a block: each token thinks for itself about what it gathered."""

import keras
import tensorflow as tf

from gptfx.modules.config import ModelConfig
from gptfx.modules.models.attention import initializer


class FeedForward(keras.layers.Layer):
    """Up to four times the width, through GELU, and back down.

    Source of GELU: Hendrycks and Gimpel, https://arxiv.org/abs/1606.08415.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(name="mlp")
        width = config.n_embd
        self.c_fc = keras.layers.Dense(4 * width, kernel_initializer=initializer(config))
        residual = initializer(config, residual=True)
        self.c_proj = keras.layers.Dense(width, kernel_initializer=residual)
        self.dropout = keras.layers.Dropout(config.dropout)

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """(B, T, C) float to (B, T, C)."""
        hidden = keras.activations.gelu(self.c_fc(x), approximate=True)  # (B, T, 4C)
        return self.dropout(self.c_proj(hidden), training=training)
