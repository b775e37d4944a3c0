"""Causal self-attention: every token looks back at the tokens before it.

Source: Vaswani et al., "Attention is all you need", https://arxiv.org/abs/1706.03762.
Shapes in comments: B batch, T time, C width (n_embd), H heads, D = C / H width of a head.
"""

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from gptfx.modules.config import ModelConfig

MASKED = -1e9  # a logit that softmax turns into zero


def initializer(config: ModelConfig, residual: bool = False) -> keras.initializers.Initializer:
    """Normal, as in GPT-2; `residual` is for a projection into the residual stream.

    Such projections start smaller the more of them add up: by 1 / sqrt(2 * n_layer).
    """
    scale = (2 * config.n_layer) ** -0.5 if residual else 1.0
    return keras.initializers.RandomNormal(stddev=config.initializer_range * scale)


def causal_mask(time: int) -> np.ndarray:
    """(time, time) float32: 0 where a query may look, a very negative number ahead of it."""
    ahead = np.triu(np.ones((time, time), bool), k=1)
    return np.where(ahead, MASKED, 0.0).astype(np.float32)


class CausalSelfAttention(keras.layers.Layer):
    """`n_head` heads side by side, each attending over the past, mixed by a last projection."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(name="attn")
        self.n_head, self.n_embd = config.n_head, config.n_embd
        self.c_attn = keras.layers.Dense(3 * self.n_embd, kernel_initializer=initializer(config))
        residual = initializer(config, residual=True)
        self.c_proj = keras.layers.Dense(self.n_embd, kernel_initializer=residual)
        self.attn_dropout = keras.layers.Dropout(config.dropout)
        self.resid_dropout = keras.layers.Dropout(config.dropout)

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """(B, T, C) float to (B, T, C)."""
        time, head_width = x.shape[1], self.n_embd // self.n_head
        qkv = self.c_attn(x)  # (B, T, 3C)
        qkv = ops.reshape(qkv, (-1, time, 3, self.n_head, head_width))  # (B, T, 3, H, D)
        q, k, v = ops.unstack(ops.transpose(qkv, (2, 0, 3, 1, 4)), num=3)  # each (B, H, T, D)
        scores = ops.matmul(q * head_width**-0.5, ops.transpose(k, (0, 1, 3, 2)))  # (B, H, T, T)
        # Rows sum to 1 over the past. (Keras's own softmax warns about a past of one token.)
        weights = tf.nn.softmax(scores + causal_mask(time))
        weights = self.attn_dropout(weights, training=training)
        y = ops.transpose(ops.matmul(weights, v), (0, 2, 1, 3))  # (B, T, H, D)
        y = ops.reshape(y, (-1, time, self.n_embd))  # heads side by side: (B, T, C)
        return self.resid_dropout(self.c_proj(y), training=training)
