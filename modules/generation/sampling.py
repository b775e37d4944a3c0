"""Choosing the next token from logits: greedy, temperature, top-k and top-p, each row its own."""

from typing import NamedTuple

import tensorflow as tf

COLDEST = 1e-4  # below it a temperature means: take the likeliest


class Sampling(NamedTuple):
    """How each row of a batch draws; all (B,).

    Attributes:
      temperature: float32; 0 takes the likeliest token.
      top_k: int32; draw from so many of the likeliest tokens only, 0 for all.
      top_p: float32; draw from the likeliest tokens that together reach this share only
        (nucleus sampling, https://arxiv.org/abs/1904.09751); 0 takes the likeliest token.
    """

    temperature: tf.Tensor
    top_k: tf.Tensor
    top_p: tf.Tensor


def uniform_draws(seeds: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """(B,) int64 seeds to (B, count) float32 in [0, 1): a row depends on its own seed alone."""
    rows = tf.map_fn(
        lambda seed: tf.random.stateless_uniform([count], tf.stack([seed, tf.zeros_like(seed)])),
        tf.concat([seeds, tf.zeros([1], tf.int64)], axis=0),  # map_fn cannot do without any row
        fn_output_signature=tf.TensorSpec([None], tf.float32),
    )
    return rows[:-1]


def sample(logits: tf.Tensor, draws: tf.Tensor, sampling: Sampling) -> tf.Tensor:
    """Logits (B, V) and uniform draws (B,) to ids (B,) int32."""
    greedy = sampling.temperature < COLDEST
    heat = tf.where(greedy, 1.0, sampling.temperature)[:, None]
    vocab_size = tf.shape(logits)[1]
    ordered, order = tf.math.top_k(logits, vocab_size)  # likeliest first, (B, V)
    probabilities = tf.nn.softmax(ordered / heat)
    before = tf.cumsum(probabilities, axis=1, exclusive=True)  # share of the likelier ones
    top_k = tf.where(sampling.top_k > 0, sampling.top_k, vocab_size)[:, None]
    rank = tf.range(vocab_size)
    allowed = ((before < sampling.top_p[:, None]) & (rank < top_k)) | (rank == 0)
    kept = tf.where(allowed, probabilities, 0.0)
    reached = tf.cumsum(kept, axis=1)
    threshold = draws[:, None] * reached[:, -1:]
    place = tf.reduce_sum(tf.cast(reached <= threshold, tf.int32), axis=1)
    last_allowed = tf.reduce_sum(tf.cast(allowed, tf.int32), axis=1) - 1
    place = tf.where(greedy, 0, tf.minimum(place, last_allowed))
    return tf.gather(order, place, batch_dims=1)
