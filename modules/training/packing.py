"""From tokenized passages to one ordered stream, and from the stream to windows."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from gptfx.data.errors import InputError


class Passage(NamedTuple):
    """A tokenized passage: where it comes from, its byte offset there, and its ids."""

    source: bytes
    position: int
    ids: np.ndarray


class Stream(NamedTuple):
    """All tokens of a split in one row."""

    ids: np.ndarray
    """(n,) int32: the passages in the order of their sources, a separator before each source."""
    starts: dict[str, int]
    """Where each corpus (the source up to its first slash) begins, in order."""


def pack(passages: Iterable[Passage], separator_id: int) -> Stream:
    """Shards come in any order (Beam shuffles), so passages are sorted by source and position."""
    pieces: list[np.ndarray] = []
    starts: dict[str, int] = {}
    last_source, size = None, 0
    for passage in sorted(passages, key=lambda passage: (passage.source, passage.position)):
        if passage.source != last_source:
            starts.setdefault(passage.source.decode().partition("/")[0], size)
            pieces.append(np.array([separator_id], np.int32))
            last_source, size = passage.source, size + 1
        pieces.append(passage.ids.astype(np.int32))
        size += len(passage.ids)
    return Stream(np.concatenate(pieces) if pieces else np.zeros(0, np.int32), starts)


class Mixture(NamedTuple):
    """How often windows start in each part of a stream; all (c,) float64, one value a corpus."""

    starts: np.ndarray
    """The first token of the part."""
    weights: np.ndarray
    """How often each of its tokens is drawn; 1 where its size alone decides."""
    until: np.ndarray
    """Tokens times weights of this part and all before it."""

    @classmethod
    def of(cls, stream: Stream, weights: Mapping[str, float], block_size: int) -> "Mixture | None":
        """None where no corpus weighs other than 1: then every window is equally likely."""
        each = np.array([weights.get(name, 1.0) for name in stream.starts])
        if np.all(each == 1.0):
            return None
        starts = np.array([*stream.starts.values()], np.float64)
        ends = np.append(starts[1:], len(stream.ids) - block_size)
        return cls(starts, each, np.cumsum(np.maximum(ends - starts, 0.0) * each))

    def place(self, drawn: tf.Tensor) -> tf.Tensor:
        """Offsets (batch,) int32 in the stream for uniform draws (batch,) float64 in [0, 1)."""
        drawn *= self.until[-1]
        part = tf.searchsorted(tf.constant(self.until), drawn, side="right")
        before = tf.gather(np.append(0.0, self.until[:-1]), part)
        inside = (drawn - before) / tf.gather(self.weights, part)
        return tf.cast(tf.gather(self.starts, part) + tf.floor(inside), tf.int32)


def require_windows(stream: np.ndarray, block_size: int) -> None:
    """Raises InputError unless the stream holds one window and the token after it."""
    if len(stream) < block_size + 1:
        raise InputError(
            "the train split is shorter than one window",
            f"{len(stream)} tokens for model.block_size = {block_size}",
            "add text or set a smaller model.block_size",
        )


def random_windows(
    stream: tf.Tensor,
    batch_size: int,
    block_size: int,
    seed: int,
    step: tf.Tensor,
    mixture: Mixture | None = None,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Windows of a stream (n,) at random offsets that depend on `seed` and `step` alone.

    A `mixture` says where they start oftener. Returns inputs and targets, both (batch_size,
    block_size) int32; a target is the next token.
    """
    last = tf.size(stream) - block_size
    key = tf.stack([seed, tf.cast(step, tf.int32)])
    if mixture is None:
        starts = tf.random.stateless_uniform([batch_size], key, 0, last, tf.int32)
    else:
        starts = mixture.place(tf.random.stateless_uniform([batch_size], key, dtype=tf.float64))
        starts = tf.minimum(starts, last - 1)
    windows = tf.gather(stream, starts[:, None] + tf.range(block_size + 1))
    windows = tf.ensure_shape(windows, [batch_size, block_size + 1])
    return windows[:, :-1], windows[:, 1:]


def scoring_windows(
    ids: tf.Tensor, separator_id: int, block_size: int
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Cuts (n,) ids into windows in which each id is a target exactly once.

    The first id is predicted from the separator, every other from what precedes it in its window
    and the one token before that. Returns inputs, targets (windows, block_size) int32 and mask
    (windows, block_size) float32, which is 0 on padding.
    """
    ids = tf.cast(ids, tf.int32)
    count = tf.size(ids)
    windows = -(-count // block_size)
    padding = windows * block_size - count

    def cut(row: tf.Tensor) -> tf.Tensor:
        return tf.reshape(tf.pad(row, [[0, padding]]), [windows, block_size])

    inputs = tf.concat([[separator_id], ids], axis=0)[:count]
    return cut(inputs), cut(ids), cut(tf.ones([count]))
