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
from gptfx.modules.models.linear import Linear, sizes
from gptfx.modules.models.norm import rms_normalize
from gptfx.modules.models.past import LayerPast
from gptfx.modules.models.rotary import Angles, angles, rotate


def causal_mask(time: int) -> tf.Tensor:
    """(time, time) float32: 0 where a query may look, a very negative number ahead of it.

    Made in the graph: as a constant it would be in a SavedModel once for each layer.
    """
    ahead = tf.range(time) > tf.range(time)[:, None]
    return tf.where(ahead, MASKED, 0.0)


class CausalSelfAttention(keras.layers.Layer):
    """`n_head` heads side by side, each attending over the past, mixed by a last projection."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__(name="attn")
        self.config, self.head_width = config, config.n_embd // config.n_head
        self.c_attn = Linear(config, 3 * config.n_embd)
        self.c_proj = Linear(config, config.n_embd, residual=True)
        self.attn_dropout = keras.layers.Dropout(config.dropout)
        self.resid_dropout = keras.layers.Dropout(config.dropout)

    def call(
        self, x: tf.Tensor, training: bool = False, past: LayerPast | None = None
    ) -> tf.Tensor:
        """(B, T, C) float to (B, T, C); with a past, of T tokens that follow others (S in all)."""
        batch, time, width = sizes(x)
        qkv = tf.reshape(self.c_attn(x), [batch, time, 3, self.config.n_head, self.head_width])
        q, k, v = tf.unstack(tf.transpose(qkv, [2, 0, 3, 1, 4]))  # each (B, H, T, D)
        turn = past.angles if past else self._angles(time)
        q, k = self._prepare(q, turn), self._prepare(k, turn)
        mask = past.mask if past else causal_mask(time)
        if past:
            k, v = past.extend(k, v)  # each (B, H, S, D)
        scores = tf.matmul(q * self.head_width**-0.5, k, transpose_b=True)  # (B, H, T, S)
        scores = tf.cast(scores, tf.float32) + mask
        weights = tf.cast(tf.nn.softmax(scores), v.dtype)  # rows sum to 1 over the past
        weights = self.attn_dropout(weights, training=training)
        y = tf.transpose(tf.matmul(weights, v), [0, 2, 1, 3])  # (B, T, H, D)
        y = tf.reshape(y, [batch, time, width])  # heads side by side: (B, T, C)
        return self.resid_dropout(self.c_proj(y), training=training)

    def _angles(self, time: int) -> Angles | None:
        """Of tokens at positions 0 to `time`; None where the model turns nothing."""
        if self.config.positions != "rotary":
            return None
        return angles(np.arange(time), self.head_width, self.config.rotary_base)

    def _prepare(self, x: tf.Tensor, turn: Angles | None) -> tf.Tensor:
        """Queries or keys (B, H, T, D): normalized and turned, where the model does so.

        Source of the normalization: Henry et al., https://arxiv.org/abs/2010.04245.
        """
        if self.config.qk_norm:
            x = rms_normalize(x)
        return x if turn is None else rotate(x, *turn)
