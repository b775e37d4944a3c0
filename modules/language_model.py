"""One view of every model, for those who score and generate: nats of targets, logits of the next.

The models keep their own natural interfaces; only this file knows how each is asked.
"""

from typing import Protocol

import keras
import tensorflow as tf

from gptfx.modules.models.bigram import SparseBigram


class LanguageModel(Protocol):
    """What scoring and generation need of a model."""

    model: tf.Module
    vocab_size: int
    block_size: int

    def score(self, inputs: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Ids (B, T) twice, to nats (B, T) float32 and whether the likeliest id is the target."""
        ...

    def next_logits(self, context: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
        """Ids (B, block_size), of which row b counts up to index last[b], to logits (B, V)."""
        ...


class KerasLanguageModel(tf.Module):
    """GPT and the dense bigram: Keras models from ids (B, T) to logits (B, T, V)."""

    def __init__(self, model: keras.Model, vocab_size: int, block_size: int) -> None:
        super().__init__(name="language_model")
        self.model, self.vocab_size, self.block_size = model, vocab_size, block_size

    def score(self, inputs: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `LanguageModel.score`."""
        logits = self.model(inputs, training=False)  # (B, T, V)
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
        correct = tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), targets)
        return nats, tf.cast(correct, tf.float32)

    def next_logits(self, context: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
        """See `LanguageModel.next_logits`; the causal mask hides what stands behind `last`."""
        logits = self.model(context, training=False)  # (B, block_size, V)
        return tf.gather(logits, last, batch_dims=1)


class SparseBigramLanguageModel(tf.Module):
    """The sparse bigram, whose logits for a whole window would be far too large."""

    def __init__(self, model: SparseBigram, block_size: int) -> None:
        super().__init__(name="language_model")
        self.model, self.vocab_size, self.block_size = model, model.vocab_size, block_size

    def score(self, inputs: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `LanguageModel.score`."""
        best = tf.cast(tf.gather(self.model.best, inputs), targets.dtype)
        nats = -self.model.log_probability(inputs, targets)
        return nats, tf.cast(tf.equal(best, targets), tf.float32)

    def next_logits(self, context: tf.Tensor, last: tf.Tensor) -> tf.Tensor:
        """See `LanguageModel.next_logits`."""
        return self.model.row(tf.cast(tf.gather(context, last, batch_dims=1), tf.int64))


def language_model(
    model: keras.Model | SparseBigram, vocab_size: int, block_size: int
) -> LanguageModel:
    """The view of `model` that scoring and generation take."""
    if isinstance(model, SparseBigram):
        return SparseBigramLanguageModel(model, block_size)
    return KerasLanguageModel(model, vocab_size, block_size)
