"""From tokenized passages to one ordered stream; and a text to the windows that score it."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import tensorflow as tf


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
