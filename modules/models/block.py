"""One transformer block: communication (attention), then computation (feed-forward)."""

import keras
import tensorflow as tf

from gptfx.modules.config import ModelConfig
from gptfx.modules.models.attention import CausalSelfAttention
from gptfx.modules.models.feed_forward import FeedForward
from gptfx.modules.models.norm import make_norm
from gptfx.modules.models.past import LayerPast


class Block(keras.layers.Layer):
    """Pre-norm residual block: ``x + attn(norm(x))``, then ``x + mlp(norm(x))``.

    Source: Radford et al., "Language models are unsupervised multitask learners" (GPT-2).
    """

    def __init__(self, config: ModelConfig, name: str) -> None:
        super().__init__(name=name)
        self.ln_1 = make_norm(config, "ln_1")
        self.attn = CausalSelfAttention(config)
        self.ln_2 = make_norm(config, "ln_2")
        self.mlp = FeedForward(config)

    def call(
        self, x: tf.Tensor, training: bool = False, past: LayerPast | None = None
    ) -> tf.Tensor:
        """(B, T, C) float to (B, T, C); see `LayerPast` for tokens that follow others."""
        x = x + self.attn(self.ln_1(x), training=training, past=past)
        return x + self.mlp(self.ln_2(x), training=training)
