"""From tokenized passages to one ordered stream, and from the stream to windows."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from gptfx.data.errors import InputError


class Passage(NamedTuple):
    """A tokenized passage: where it comes from, its byte offset there, and its ids."""

    source: bytes
    position: int
    ids: np.ndarray


def pack(passages: Iterable[Passage], separator_id: int) -> np.ndarray:
    """(n,) int32: the passages in the order of their sources, a separator before each source.

    Shards come in any order (Beam shuffles), so they are sorted by source and position first.
    """
    pieces: list[np.ndarray] = []
    last_source = None
    for passage in sorted(passages, key=lambda passage: (passage.source, passage.position)):
        if passage.source != last_source:
            pieces.append(np.array([separator_id], np.int32))
            last_source = passage.source
        pieces.append(passage.ids.astype(np.int32))
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int32)


def require_windows(stream: np.ndarray, block_size: int) -> None:
    """Raises InputError unless the stream holds one window and the token after it."""
    if len(stream) < block_size + 1:
        raise InputError(
            "the train split is shorter than one window",
            f"{len(stream)} tokens for model.block_size = {block_size}",
            "add text or set a smaller model.block_size",
        )


def random_windows(
    stream: tf.Tensor, batch_size: int, block_size: int, seed: int, step: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Windows of a stream (n,) at random offsets that depend on `seed` and `step` alone.

    Returns inputs and targets, both (batch_size, block_size) int32; a target is the next token.
    """
    last = tf.size(stream) - block_size
    key = tf.stack([seed, tf.cast(step, tf.int32)])
    starts = tf.random.stateless_uniform([batch_size], key, 0, last, tf.int32)
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
