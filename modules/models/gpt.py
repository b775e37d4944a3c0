"""GPT: token and position embeddings, a stack of blocks, a norm, and the embeddings once more."""

import keras
import tensorflow as tf
from keras import ops

from gptfx.modules.config import ModelConfig
from gptfx.modules.models.attention import initializer
from gptfx.modules.models.block import Block


class GPT(keras.Model):
    """A decoder-only transformer; parts are named as in GPT-2 (`wte`, `wpe`, `h`, `ln_f`).

    The output layer is the token embedding, transposed (weight tying,
    https://arxiv.org/abs/1608.05859).
    """

    def __init__(self, config: ModelConfig, vocab_size: int) -> None:
        super().__init__(name="gpt")
        self.config, self.vocab_size = config, vocab_size
        embedding = keras.layers.Embedding
        self.wte = embedding(vocab_size, config.n_embd, initializer(config), name="wte")
        self.wpe = embedding(config.block_size, config.n_embd, initializer(config), name="wpe")
        self.drop = keras.layers.Dropout(config.dropout)
        self.h = [Block(config, name=f"h_{layer}") for layer in range(config.n_layer)]
        self.ln_f = keras.layers.LayerNormalization(epsilon=1e-5, name="ln_f")

    def call(self, tokens: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Ids (B, T) int32, T <= block_size, to logits (B, T, vocab_size) float32."""
        positions = ops.arange(tokens.shape[1])
        x = self.wte(tokens) + self.wpe(positions)  # (B, T, C) + (T, C)
        x = self.drop(x, training=training)
        for block in self.h:
            x = block(x, training=training)
        x = self.ln_f(x)
        return ops.matmul(x, ops.transpose(self.wte.embeddings))  # (B, T, V)
