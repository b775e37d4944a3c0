"""One view of every model, for those who score and generate: nats of targets, logits of the next.

The models keep their own natural interfaces; only this file knows how each is asked.
"""

from typing import Any, Protocol

import keras
import tensorflow as tf

from gptfx.modules.config import Precision
from gptfx.modules.generation import cache
from gptfx.modules.models.bigram import SparseBigram
from gptfx.modules.models.frozen import FrozenMatrix
from gptfx.modules.models.gpt import GPT
from gptfx.modules.models.linear import Linear


class LanguageModel(Protocol):
    """What scoring and generation need of a model.

    Attributes:
      model: holds the weights.
      vocab_size: number of ids.
      block_size: the longest context.
      slides: whether a text may grow beyond `block_size`, of which the model then sees the end.
      compiles: whether XLA can compile `add`.
    """

    model: tf.Module
    vocab_size: int
    block_size: int
    slides: bool
    compiles: bool

    def score(self, inputs: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Ids (B, T) twice, to nats (B, T) float32 and whether the likeliest id is the target."""
        ...

    def read(
        self, prompts: tf.Tensor, first: tf.Tensor, columns: tf.Tensor
    ) -> tuple[tf.Tensor, Any]:
        """Ids (B, T), of which row b begins at column first[b], to logits (B, V) of the next id,
        and what is to be remembered, with room for `columns` ids."""
        ...

    def add(self, memory: Any, tokens: tf.Tensor, compiled: bool = False) -> tuple[tf.Tensor, Any]:
        """Adds an id (B,) to each text; logits (B, V) of the one after it, and the memory, of which
        the one handed over is used up. `compiled` by XLA?"""
        ...

    def pack(self, memory: Any) -> dict[str, tf.Tensor]:
        """A memory as tensors of which each has a row a text, by name."""
        ...

    def packed_specs(self) -> dict[str, tf.TensorSpec]:
        """What `pack` returns."""
        ...

    def unpack(self, packed: dict[str, tf.Tensor]) -> Any:
        """The inverse of `pack`; a copy."""
        ...


class _KerasModel(tf.Module):
    """A Keras model from ids (B, T) to logits (B, T, V)."""

    def __init__(self, model: keras.Model, vocab_size: int, block_size: int) -> None:
        super().__init__(name="language_model")
        self.model, self.vocab_size, self.block_size = model, vocab_size, block_size

    def score(self, inputs: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `LanguageModel.score`."""
        logits = self.model(inputs, training=False)  # (B, T, V)
        nats = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
        correct = tf.equal(tf.argmax(logits, axis=-1, output_type=tf.int32), targets)
        return nats, tf.cast(correct, tf.float32)


class GptLanguageModel(_KerasModel):
    """GPT, with a cache of keys and values."""

    compiles = True

    def __init__(
        self, model: GPT, vocab_size: int, block_size: int, frozen: Precision | None = None
    ) -> None:
        """See `language_model`."""
        super().__init__(model, vocab_size, block_size)
        self.slides = model.config.positions == "rotary"
        self.by_column = _freeze(model, frozen) if frozen else None

    def _logits(self, hidden: tf.Tensor) -> tf.Tensor:
        """(B, 1, C) to (B, V)."""
        return self.model.logits(hidden, self.by_column)[:, 0]

    def read(
        self, prompts: tf.Tensor, first: tf.Tensor, columns: tf.Tensor
    ) -> tuple[tf.Tensor, cache.Cache]:
        """See `LanguageModel.read`."""
        hidden, memory = cache.read(self.model, prompts, first, columns)
        return self._logits(hidden), memory

    def add(
        self, memory: cache.Cache, tokens: tf.Tensor, compiled: bool = False
    ) -> tuple[tf.Tensor, cache.Cache]:
        """See `LanguageModel.add`."""
        hidden, memory = cache.add(self.model, memory, tokens, compiled)
        return self._logits(hidden), memory

    def pack(self, memory: cache.Cache) -> dict[str, tf.Tensor]:
        """See `LanguageModel.pack`."""
        return cache.pack(memory, self.model.config.n_head)

    def packed_specs(self) -> dict[str, tf.TensorSpec]:
        """See `LanguageModel.packed_specs`."""
        return cache.packed_specs(self.model.config)

    def unpack(self, packed: dict[str, tf.Tensor]) -> cache.Cache:
        """See `LanguageModel.unpack`."""
        return cache.unpack(packed, self.model.config)


def _freeze(model: GPT, precision: Precision) -> FrozenMatrix:
    """Rounds what tokens are multiplied with; returns the output table, transposed."""
    transposed = tf.Variable(tf.transpose(model.output_table()), trainable=False)  # (C, V)
    by_column = FrozenMatrix(transposed, precision)
    if precision != "float32":
        for layer in model._flatten_layers():
            if isinstance(layer, Linear):
                layer.frozen = FrozenMatrix(layer.kernel.value, precision)
        table = model.wte if model.config.tie_embeddings else model.lm_head
        table.embeddings.assign(tf.transpose(transposed))
    return by_column


class _Forgetful:
    """A bigram looks at the last id alone: it remembers nothing, and a text may grow for ever."""

    slides = True

    def row(self, tokens: tf.Tensor) -> tf.Tensor:
        """Ids (B,) to logits (B, V) of the next."""
        raise NotImplementedError

    def read(
        self, prompts: tf.Tensor, first: tf.Tensor, columns: tf.Tensor
    ) -> tuple[tf.Tensor, Any]:
        """See `LanguageModel.read`."""
        del first, columns
        return self.row(prompts[:, -1]), ()

    def add(self, memory: Any, tokens: tf.Tensor, compiled: bool = False) -> tuple[tf.Tensor, Any]:
        """See `LanguageModel.add`."""
        del compiled
        return self.row(tokens), memory

    def pack(self, memory: Any) -> dict[str, tf.Tensor]:
        """See `LanguageModel.pack`."""
        del memory
        return {}

    def packed_specs(self) -> dict[str, tf.TensorSpec]:
        """See `LanguageModel.packed_specs`."""
        return {}

    def unpack(self, packed: dict[str, tf.Tensor]) -> Any:
        """See `LanguageModel.unpack`."""
        del packed
        return ()


class DenseBigramLanguageModel(_Forgetful, _KerasModel):
    """The bigram whose whole table is an embedding layer."""

    compiles = True

    def row(self, tokens: tf.Tensor) -> tf.Tensor:
        """See `_Forgetful.row`."""
        return self.model(tokens[:, None], training=False)[:, 0]


class SparseBigramLanguageModel(_Forgetful, tf.Module):
    """The sparse bigram, whose logits for a whole window would be far too large."""

    compiles = False  # how many pairs a row has is not known before

    def __init__(self, model: SparseBigram, block_size: int) -> None:
        super().__init__(name="language_model")
        self.model, self.vocab_size, self.block_size = model, model.vocab_size, block_size

    def score(self, inputs: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `LanguageModel.score`."""
        best = tf.cast(tf.gather(self.model.best, inputs), targets.dtype)
        nats = -self.model.log_probability(inputs, targets)
        return nats, tf.cast(tf.equal(best, targets), tf.float32)

    def row(self, tokens: tf.Tensor) -> tf.Tensor:
        """See `_Forgetful.row`."""
        return tf.ensure_shape(self.model.row(tf.cast(tokens, tf.int64)), [None, self.vocab_size])


class SharedModel:
    """A model whose steps are traced once, however many graphs take them: an export has many."""

    def __init__(self, model: LanguageModel) -> None:
        self.inner = model
        self.model, self.vocab_size = model.model, model.vocab_size
        self.block_size, self.slides = model.block_size, model.slides
        self.compiles = model.compiles
        self.score = tf.function(model.score, autograph=False)
        self.read = tf.function(model.read, autograph=False)
        self.add = tf.function(model.add, autograph=False)
        self.pack, self.packed_specs, self.unpack = model.pack, model.packed_specs, model.unpack


def language_model(
    model: keras.Model | SparseBigram,
    vocab_size: int,
    block_size: int,
    frozen: Precision | None = None,
) -> LanguageModel:
    """The view of `model` that scoring and generation take.

    Args:
      model: a GPT or a bigram.
      vocab_size: number of ids.
      block_size: the longest context.
      frozen: the weights will not change any more, and are rounded to this, all but those of
        normalizations, biases and positions; then what is read again for every token is kept a
        second time as it is read fastest: the output table transposed, and all in that precision.
    """
    if isinstance(model, SparseBigram):
        return SparseBigramLanguageModel(model, block_size)
    if isinstance(model, GPT):
        return GptLanguageModel(model, vocab_size, block_size, frozen)
    return DenseBigramLanguageModel(model, vocab_size, block_size)
