"""Keys and values of a batch of texts that grow, so that a token costs one token's work.

Texts of different length stand right-aligned: all write to the same column, and what stands before
a text's first column is masked. Columns are used in a circle, so that a text may grow beyond them;
then a token sees as many before it as there are columns (a sliding window).
Shapes: B batch, H heads, T tokens handed over, S columns, D head width, L layers.
"""

from typing import NamedTuple

import tensorflow as tf

from gptfx.modules.config import ModelConfig
from gptfx.modules.models.gpt import GPT
from gptfx.modules.models.heads import MASKED
from gptfx.modules.models.rotary import Angles, angles


class Cache(NamedTuple):
    """What a batch has said so far.

    Attributes:
      keys, values: a tensor (B * H * S, D) float32 for each layer; column s of text b and head h is
        row (b * H + h) * S + s. Only so can a column be written in place.
      first: (B,) int32, the column of each text's first token.
      length: scalar int32, columns written so far, also those that were overwritten.
    """

    keys: tuple[tf.Tensor, ...]
    values: tuple[tf.Tensor, ...]
    first: tf.Tensor
    length: tf.Tensor


class _Layer:
    """A layer's view while tokens are handed over; see `LayerPast`."""

    def __init__(self, past: "_Past", index: int) -> None:
        self.past, self.index = past, index
        self.mask, self.angles = past.mask, past.angles

    def extend(self, keys: tf.Tensor, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `LayerPast.extend`."""
        return self.past.extend(self.index, keys, values)


class _Past:
    """See `Past`: what reading prompts and adding a token have in common."""

    def __init__(self, config: ModelConfig, positions: tf.Tensor, mask: tf.Tensor) -> None:
        self.config, self.positions, self.mask = config, positions, mask
        self.angles: Angles | None = None
        if config.positions == "rotary":
            turned = angles(positions, _width(config), config.rotary_base)
            self.angles = turned[0][:, None], turned[1][:, None]  # (B, 1, T, D / 2), for all heads
        else:  # a row that has ended stays where it is while its neighbours go on
            self.positions = tf.minimum(positions, config.block_size - 1)
        self.keys: list[tf.Tensor] = []
        self.values: list[tf.Tensor] = []

    def layer(self, index: int) -> _Layer:
        """See `Past.layer`."""
        return _Layer(self, index)

    def extend(self, index: int, keys: tf.Tensor, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `LayerPast.extend`; `index` is the layer's."""
        raise NotImplementedError


class _Prompts(_Past):
    """Whole prompts (B, T) are read: a token sees those before it in its text."""

    def __init__(self, config: ModelConfig, time: tf.Tensor, first: tf.Tensor) -> None:
        columns = tf.range(time)
        hidden = (columns < first[:, None])[:, None, :] | (columns > columns[:, None])
        mask = tf.where(hidden, MASKED, 0.0)[:, None]  # (B, 1, T, T)
        super().__init__(config, tf.maximum(columns - first[:, None], 0), mask)

    def extend(self, index: int, keys: tf.Tensor, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `_Past.extend`; there is nothing before a prompt."""
        del index  # they are asked in turn
        self.keys.append(keys)
        self.values.append(values)
        return keys, values


class _Next(_Past):
    """A token (B, 1) is added to what is cached."""

    def __init__(self, config: ModelConfig, cache: Cache, compiled: bool) -> None:
        self.cache, self.compiled = cache, compiled
        rows = tf.size(cache.first) * config.n_head
        self.columns = tf.shape(cache.keys[0])[0] // tf.maximum(rows, 1)
        column, slots = cache.length, tf.range(self.columns)
        # (S,): the column that each slot holds, counted from the beginning; negative: none yet
        written = column - tf.math.floormod(column - slots, self.columns)
        mask = tf.where(written >= cache.first[:, None], 0.0, MASKED)[:, None, None]
        super().__init__(config, (column - cache.first)[:, None], mask)  # mask (B, 1, 1, S)
        self.rows = tf.range(rows) * self.columns + tf.math.floormod(column, self.columns)

    def extend(self, index: int, keys: tf.Tensor, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """See `_Past.extend`."""
        self.keys.append(self._write(self.cache.keys[index], keys))
        self.values.append(self._write(self.cache.values[index], values))
        return self._by_head(self.keys[-1]), self._by_head(self.values[-1])

    def _write(self, rows: tf.Tensor, new: tf.Tensor) -> tf.Tensor:
        """Into this token's column of (B * H * S, D)."""
        new = tf.reshape(new, [-1, _width(self.config)])  # (B * H, D)
        if self.compiled:  # XLA has no kernel for the other, and writes this one in place
            return tf.tensor_scatter_nd_update(rows, self.rows[:, None], new)
        return tf.raw_ops.InplaceUpdate(x=rows, i=self.rows, v=new)

    def _by_head(self, rows: tf.Tensor) -> tf.Tensor:
        heads, width = self.config.n_head, _width(self.config)
        batch = tf.size(self.cache.first)
        by_head = tf.reshape(rows, tf.stack([batch, heads, self.columns, width]))
        return tf.ensure_shape(by_head, [None, heads, None, width])  # (B, H, S, D)


def _width(config: ModelConfig) -> int:
    return config.n_embd // config.n_head


def read(
    model: GPT, prompts: tf.Tensor, first: tf.Tensor, columns: tf.Tensor
) -> tuple[tf.Tensor, Cache]:
    """Reads prompts (B, T) int32, of which row b begins at column first[b]; T <= columns.

    Returns:
      What the last block says of the last tokens, (B, 1, C), and the cache, with room for `columns`
      tokens.
    """
    time = tf.shape(prompts)[1]
    past = _Prompts(model.config, time, first)
    hidden = model.hidden(prompts, past=past)
    room = [[0, 0], [0, 0], [0, columns - time], [0, 0]]
    # Made of the prompt's, each for itself: TensorFlow merges constants that are alike, and what is
    # written in place must not be one buffer with another.
    keys, values = (
        tuple(tf.reshape(tf.pad(each, room), [-1, _width(model.config)]) for each in of_layers)
        for of_layers in (past.keys, past.values)
    )
    return hidden[:, -1:], Cache(keys, values, first, time)


def add(
    model: GPT, cache: Cache, tokens: tf.Tensor, compiled: bool = False
) -> tuple[tf.Tensor, Cache]:
    """Adds a token (B,) int32 to each text; the cache that is handed over is used up.

    Args:
      model: of the cache.
      cache: of what was said so far.
      tokens: the next of each text.
      compiled: whether XLA compiles this.

    Returns:
      What the last block says of the tokens, (B, 1, C), and the cache with them.
    """
    # How many texts there are is known of the tokens, if at all.
    cache = cache._replace(first=tf.ensure_shape(cache.first, tokens.shape))
    past = _Next(model.config, cache, compiled)
    hidden = model.hidden(tokens[:, None], past=past)
    after = Cache(tuple(past.keys), tuple(past.values), cache.first, cache.length + 1)
    return hidden, after


def pack(cache: Cache, n_head: int) -> dict[str, tf.Tensor]:
    """The cache as tensors of which each has a row a text, by name."""
    batch = tf.size(cache.first)
    packed = {"first": cache.first, "length": tf.fill([batch], cache.length)}
    for name, layers in (("keys", cache.keys), ("values", cache.values)):
        for layer, rows in enumerate(layers):
            width = rows.shape[-1]
            shape = tf.stack(
                [batch, n_head, tf.shape(rows)[0] // tf.maximum(batch * n_head, 1), width]
            )
            packed[f"{name}_{layer}"] = tf.reshape(rows, shape)  # (B, H, S, D)
    return packed


def packed_specs(config: ModelConfig) -> dict[str, tf.TensorSpec]:
    """What `pack` returns for a model of this configuration."""
    numbers = tf.TensorSpec([None], tf.int32)
    rows = tf.TensorSpec([None, config.n_head, None, _width(config)], tf.float32)
    layers = range(config.n_layer)
    of_layers = {f"{name}_{layer}": rows for name in ("keys", "values") for layer in layers}
    return {"first": numbers, "length": numbers, **of_layers}


def unpack(packed: dict[str, tf.Tensor], config: ModelConfig) -> Cache:
    """The inverse of `pack`; a copy, for whoever handed the tensors over may still need them."""
    keys, values = (
        tuple(
            tf.raw_ops.DeepCopy(x=tf.reshape(packed[f"{name}_{layer}"], [-1, _width(config)]))
            for layer in range(config.n_layer)
        )
        for name in ("keys", "values")
    )
    length = tf.concat([[0], packed["length"]], axis=0)  # the same in all rows, or there are none
    return Cache(keys, values, packed["first"], tf.reduce_max(length))
