"""The feed-forward part of a block: each token thinks for itself about what it gathered."""

import keras
import tensorflow as tf

from gptfx.modules.models.attention import initializer


class FeedForward(keras.layers.Layer):
    """Up to four times the width, through GELU, and back down.

    Source of GELU: Hendrycks and Gimpel, https://arxiv.org/abs/1606.08415.
    """

    def __init__(self, n_embd: int, residual_scale: float, dropout: float = 0.0):
        super().__init__(name="mlp")
        self.c_fc = keras.layers.Dense(4 * n_embd, kernel_initializer=initializer())
        self.c_proj = keras.layers.Dense(n_embd, kernel_initializer=initializer(residual_scale))
        self.dropout = keras.layers.Dropout(dropout)

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """(B, T, C) float to (B, T, C)."""
        hidden = keras.activations.gelu(self.c_fc(x), approximate=True)  # (B, T, 4C)
        return self.dropout(self.c_proj(hidden), training=training)
