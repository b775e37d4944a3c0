"""Attention step by step: one head, then several side by side.

``attention.py`` does all heads in one matrix product; a test proves that it is the same.
Shapes in comments: B batch, T time, C width (n_embd), H heads, D = C / H width of a head.
"""

import keras
import tensorflow as tf

from gptfx.modules.config import ModelConfig
from gptfx.modules.models.linear import Linear

MASKED = -1e9  # a score that softmax turns into zero


class Head(keras.layers.Layer):
    """One head: every token asks (query), offers (key), and tells (value)."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.width = config.n_embd // config.n_head
        self.query = Linear(config, self.width)
        self.key = Linear(config, self.width)
        self.value = Linear(config, self.width)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """(B, T, C) float to (B, T, D)."""
        q, k, v = self.query(x), self.key(x), self.value(x)  # each (B, T, D)
        scores = tf.matmul(q, k, transpose_b=True) * self.width**-0.5  # (B, T, T)
        past = tf.linalg.band_part(tf.ones_like(scores), -1, 0) > 0  # of every token, and itself
        weights = tf.nn.softmax(tf.where(past, scores, MASKED))  # (B, T, T), rows sum to 1
        return tf.matmul(weights, v)  # (B, T, D)


class MultiHead(keras.layers.Layer):
    """`n_head` heads, each looking for something else; a last projection mixes what they found."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.heads = [Head(config) for _ in range(config.n_head)]
        self.c_proj = Linear(config, config.n_embd, residual=True)

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """(B, T, C) float to (B, T, C)."""
        return self.c_proj(tf.concat([head(x) for head in self.heads], axis=-1))
