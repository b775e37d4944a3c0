"""Causal self-attention: every token looks back at the tokens before it.

``heads.py`` says the same step by step. Source: Vaswani et al., "Attention is all you need",
https://arxiv.org/abs/1706.03762.
Shapes in comments: B batch, T time, C width (n_embd), H heads, D = C / H width of a head.
"""

import keras
import numpy as np
import tensorflow as tf

from gptfx.modules.config import ModelConfig
from gptfx.modules.models.heads import MASKED
from gptfx.modules.models.linear import Linear
from gptfx.modules.models.norm import rms_normalize
from gptfx.modules.models.rotary import angles, rotate


def causal_mask(time: int) -> np.ndarray:
    """(time, time) float32: 0 where a query may look, a very negative number ahead of it."""
    ahead = np.triu(np.ones((time, time), bool), k=1)
    return np.where(ahead, MASKED, 0.0).astype(np.float32)


class CausalSelfAttention(keras.layers.Layer):
    """`n_head` heads side by side, each attending over the past, mixed by a last projection."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(name="attn")
        self.config, self.head_width = config, config.n_embd // config.n_head
        self.c_attn = Linear(config, 3 * config.n_embd)
        self.c_proj = Linear(config, config.n_embd, residual=True)
        self.attn_dropout = keras.layers.Dropout(config.dropout)
        self.resid_dropout = keras.layers.Dropout(config.dropout)

    def call(self, x: tf.Tensor, training: bool = False) -> tf.Tensor:
        """(B, T, C) float to (B, T, C)."""
        time, width = x.shape[1], self.config.n_embd
        qkv = tf.reshape(self.c_attn(x), [-1, time, 3, self.config.n_head, self.head_width])
        q, k, v = tf.unstack(tf.transpose(qkv, [2, 0, 3, 1, 4]))  # each (B, H, T, D)
        q, k = self._prepare(q), self._prepare(k)
        scores = tf.matmul(q * self.head_width**-0.5, k, transpose_b=True)  # (B, H, T, T)
        scores = tf.cast(scores, tf.float32) + causal_mask(time)
        weights = tf.cast(tf.nn.softmax(scores), v.dtype)  # rows sum to 1 over the past
        weights = self.attn_dropout(weights, training=training)
        y = tf.transpose(tf.matmul(weights, v), [0, 2, 1, 3])  # (B, T, H, D)
        y = tf.reshape(y, [-1, time, width])  # heads side by side: (B, T, C)
        return self.resid_dropout(self.c_proj(y), training=training)

    def _prepare(self, x: tf.Tensor) -> tf.Tensor:
        """Queries or keys (B, H, T, D): normalized and turned, where the model does so.

        Source of the normalization: Henry et al., https://arxiv.org/abs/2010.04245.
        """
        if self.config.qk_norm:
            x = rms_normalize(x)
        if self.config.positions == "rotary":
            x = rotate(x, *angles(x.shape[2], self.head_width, self.config.rotary_base))
        return x
