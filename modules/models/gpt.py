"""GPT: tokens become vectors, a stack of blocks works on them, and they become logits again."""

import keras
import tensorflow as tf

from gptfx.modules.config import ModelConfig
from gptfx.modules.models.block import Block
from gptfx.modules.models.frozen import FrozenMatrix
from gptfx.modules.models.linear import compare, initializer, sizes
from gptfx.modules.models.norm import make_norm
from gptfx.modules.models.past import Past


class GPT(keras.Model):
    """A decoder-only transformer; parts are named as in GPT-2 (`wte`, `wpe`, `h`, `ln_f`).

    The output layer is the token embedding, transposed (weight tying,
    https://arxiv.org/abs/1608.05859), or, where that is not wanted, a table of its own, `lm_head`.
    """

    def __init__(self, config: ModelConfig, vocab_size: int) -> None:
        super().__init__(name="gpt")
        self.config, self.vocab_size = config, vocab_size
        embedding, width = keras.layers.Embedding, config.n_embd
        # An initializer each: one that is used twice gives the same numbers twice.
        self.wte = embedding(vocab_size, width, initializer(config), name="wte")
        if config.positions == "learned":
            self.wpe = embedding(config.block_size, width, initializer(config), name="wpe")
        self.drop = keras.layers.Dropout(config.dropout)
        self.h = [Block(config, name=f"h_{layer}") for layer in range(config.n_layer)]
        self.ln_f = make_norm(config, "ln_f")
        if not config.tie_embeddings:
            start = "zeros" if config.zero_init else initializer(config)
            self.lm_head = embedding(vocab_size, width, start, name="lm_head")
            self.lm_head.build()  # it is never called: only its table is used

    def call(self, tokens: tf.Tensor, training: bool = False) -> tf.Tensor:
        """Ids (B, T) int32, T <= block_size, to logits (B, T, vocab_size) float32."""
        return self.logits(self.hidden(tokens, training))

    def hidden(
        self, tokens: tf.Tensor, training: bool = False, past: Past | None = None
    ) -> tf.Tensor:
        """Ids (B, T) int32 to what the last block says of them, (B, T, C)."""
        x = self.wte(tokens)  # (B, T, C)
        if self.config.positions == "learned":
            x += self.wpe(past.positions if past else tf.range(tokens.shape[1]))
        x = self.drop(x, training=training)
        for layer, block in enumerate(self.h):
            x = block(x, training=training, past=past and past.layer(layer))
        return x

    def logits(self, x: tf.Tensor, by_column: FrozenMatrix | None = None) -> tf.Tensor:
        """What the last block said of tokens, (B, T, C), to (B, T, vocab_size) float32.

        `by_column`, (C, V), is the output table transposed, where that is kept.
        """
        batch, time, width = sizes(x)
        rows = tf.reshape(self.ln_f(x), [-1, width])  # (B * T, C)
        # (B * T, V)
        logits = by_column(rows) if by_column else compare(rows, self.output_table())
        return tf.reshape(tf.cast(logits, tf.float32), [batch, time, self.vocab_size])

    def output_table(self) -> tf.Tensor:
        """(V, C): a row a token, which is compared with what the model says comes next."""
        if self.config.tie_embeddings:
            return tf.convert_to_tensor(self.wte.embeddings)
        return tf.convert_to_tensor(self.lm_head.embeddings)
