"""Stop strings: where a text ends because it says what should not be said.

A graph has no lists of strings of different length in a row, so that one string holds several, with
U+001F (unit separator) between them.
"""

import tensorflow as tf

from gptfx.modules.config import STOP_SEPARATOR


def cut_at_stops(texts: tf.Tensor, stops: tf.Tensor) -> tf.Tensor:
    """(B,) strings of bytes, each up to the first of its own stop strings."""
    each = tf.strings.split(stops, STOP_SEPARATOR)  # (B, None)
    rows, words = each.value_rowids(), each.values
    given = tf.strings.length(words) > 0  # without one, the one that is there is empty
    rows, words = tf.boolean_mask(rows, given), tf.boolean_mask(words, given)
    before = tf.map_fn(
        lambda pair: tf.strings.split(pair[0], sep=pair[1], maxsplit=1)[0],
        (tf.gather(texts, rows), words),
        fn_output_signature=tf.TensorSpec([], tf.string),
    )
    whole = tf.strings.length(texts)
    shortest = tf.tensor_scatter_nd_min(whole, rows[:, None], tf.strings.length(before))
    return tf.strings.substr(texts, tf.zeros_like(shortest), shortest)


def longest_stop(stops: tf.Tensor) -> tf.Tensor:
    """(B,) int32: bytes of each row's longest stop string; 0 where there is none."""
    lengths = tf.strings.length(tf.strings.split(stops, STOP_SEPARATOR).to_tensor(""))  # (B, most)
    return tf.reduce_max(tf.concat([tf.zeros_like(lengths[:, :1]), lengths], axis=1), axis=1)
