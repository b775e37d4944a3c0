"""Choosing the next token from logits: greedy, temperature, top-k, top-p and min-p, each row its
own.

The order is that of Hugging Face's transformers: repetition penalty, temperature, top-k, top-p,
min-p, and what each leaves adds up to 1 again before the next looks at it. What a row draws depends
on itself alone, never on its neighbours; only what none of them asks for is not computed.
"""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

COLDEST = 1e-4  # below it a temperature means: take the likeliest
NARROW = 64  # so many of the likeliest are found in less time than all are sorted


class Sampling(NamedTuple):
    """How each row of a batch draws; all (B,).

    Attributes:
      temperature: float32; 0 takes the likeliest token.
      top_k: int32; draw from so many of the likeliest tokens only, 0 for all.
      top_p: float32; draw from the likeliest tokens that together reach this share only
        (nucleus sampling, https://arxiv.org/abs/1904.09751); 0 takes the likeliest token.
      min_p: float32; draw from tokens only that are at least so likely as this share of the
        likeliest (https://arxiv.org/abs/2407.01082); 0 for all; None: of no row.
      repetition_penalty: float32; divides the positive logits, and multiplies the negative ones, of
        tokens that were read or said already (https://arxiv.org/abs/1909.05858); 1 for none; None:
        of no row.
    """

    temperature: tf.Tensor
    top_k: tf.Tensor
    top_p: tf.Tensor
    min_p: tf.Tensor | None = None
    repetition_penalty: tf.Tensor | None = None


def uniform_draws(seeds: tf.Tensor, count: tf.Tensor) -> tf.Tensor:
    """(B,) int64 seeds to (B, count) float32 in [0, 1): a row depends on its own seed alone."""
    rows = tf.map_fn(
        lambda seed: tf.random.stateless_uniform([count], tf.stack([seed, tf.zeros_like(seed)])),
        tf.concat([seeds, tf.zeros([1], tf.int64)], axis=0),  # map_fn cannot do without any row
        fn_output_signature=tf.TensorSpec([None], tf.float32),
    )
    return rows[:-1]


def penalize(logits: tf.Tensor, seen: tf.Tensor, penalty: tf.Tensor) -> tf.Tensor:
    """Logits (B, V), less likely by penalties (B,) where `seen` (B, V) bool; see `Sampling`."""
    factor = penalty[:, None]
    return tf.where(seen, tf.where(logits > 0, logits / factor, logits * factor), logits)


def sample(logits: tf.Tensor, draws: tf.Tensor, sampling: Sampling) -> tf.Tensor:
    """Logits (B, V) and uniform draws (B,) in [0, 1) to ids (B,) int32."""
    greedy = (sampling.temperature < COLDEST) | (sampling.top_p <= 0.0)
    scaled = logits / tf.where(greedy, 1.0, sampling.temperature)[:, None]
    cuts = (sampling.top_k > 0) | (sampling.top_p < 1.0)
    if sampling.min_p is not None:
        cuts |= sampling.min_p > 0.0
    vocab_size = logits.shape[-1]
    width = min(NARROW, vocab_size)
    narrow = cuts & (sampling.top_k > 0) & (sampling.top_k <= width)
    tokens = tf.argmax(logits, axis=-1, output_type=tf.int32)
    for rows, draw in (
        (~cuts, lambda: _draw(scaled, draws)),
        (narrow, lambda: _draw_likeliest(scaled, width, draws, sampling)),
        (cuts & ~narrow, lambda: _draw_likeliest(scaled, vocab_size, draws, sampling)),
    ):
        tokens = _where_asked(rows & ~greedy, draw, tokens)
    return tokens


# Traced once, however many graphs use it. Not for XLA: TensorFlow Serving splices it into a loop in
# a form that XLA does not know.
sample_shared = tf.function(sample, autograph=False)


def _where_asked(rows: tf.Tensor, draw: Callable[[], tf.Tensor], tokens: tf.Tensor) -> tf.Tensor:
    """What was drawn in these rows, `tokens` in the others; nothing is drawn for no row."""
    return tf.cond(tf.reduce_any(rows), lambda: tf.where(rows, draw(), tokens), lambda: tokens)


def _draw(logits: tf.Tensor, draws: tf.Tensor) -> tf.Tensor:
    """Indices (B,) int32 by logits (B, n), from uniform draws (B,): where the running sum of the
    probabilities passes the draw."""
    reached = tf.cumsum(tf.nn.softmax(logits), axis=1)
    total = reached[:, -1:]
    place = tf.reduce_sum(tf.cast(reached <= draws[:, None] * total, tf.int32), axis=1)
    # A draw next to 1 may be rounded to 1; behind the last possible index stand impossible ones.
    return tf.minimum(place, tf.reduce_sum(tf.cast(reached < total, tf.int32), axis=1))


def _draw_likeliest(
    logits: tf.Tensor, width: int, draws: tf.Tensor, sampling: Sampling
) -> tf.Tensor:
    """Ids (B,) int32, from the `width` likeliest of logits (B, V) that the cuts leave."""
    ordered, order = tf.math.top_k(logits, width)  # likeliest first, (B, width)
    rank = tf.range(width)
    top_k = tf.where(sampling.top_k > 0, sampling.top_k, width)[:, None]
    ordered = _leave(rank < top_k, ordered)
    probabilities = tf.nn.softmax(ordered)
    before = tf.cumsum(probabilities, axis=1, exclusive=True)  # share of the likelier ones
    ordered = _leave((before < sampling.top_p[:, None]) | (rank == 0), ordered)
    if sampling.min_p is not None:
        least = sampling.min_p[:, None] * probabilities[:, :1]
        ordered = _leave(probabilities >= least, ordered)
    return tf.gather(order, _draw(ordered, draws), batch_dims=1)


def _leave(allowed: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """The others become impossible."""
    return tf.where(allowed, logits, -tf.constant(float("inf")))
