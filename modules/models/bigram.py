"""The bigram model: a table that says how likely each token is after each other token.

It needs no gradient steps, because its best table is known: the counts, smoothed towards how often
a token occurs at all, ``p(b | a) = (count(a, b) + s * p(b)) / (count(a) + s)``. Up to a few
thousand tokens the whole table is an embedding layer whose rows are logits; above that only the
pairs that were seen are kept. Source of the smoothing: MacKay and Peto, "A hierarchical Dirichlet
language model" (1995).

Lectures train the table by gradient all the same, for it is the smallest model on which to see a
training loop work: `TrainableBigram` is that table. Here one can check where it arrives.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

from gptfx.data.errors import InputError
from gptfx.modules.config import BigramConfig

MOST_TRAINABLE = 8192  # ids: weights, gradient and AdamW's two moments are 256 MiB each
PAIRS_AT_ONCE = 1024  # that are scored: a dense table gives a row of logits for each

Score = Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]  # LanguageModel.score


@dataclass(frozen=True)
class BigramCounts:
    """Sparse counts of a token stream.

    Attributes:
      vocab_size: number of ids.
      keys: (pairs,) int64 ascending, ``a * vocab_size + b`` of each pair that was seen.
      counts: (pairs,) int64, how often.
      unigram: (vocab_size,) float64, how likely each token is on its own (one imagined observation
        of each).
    """

    vocab_size: int
    keys: np.ndarray
    counts: np.ndarray
    unigram: np.ndarray

    @classmethod
    def of(cls, pieces: Iterable[np.ndarray], vocab_size: int) -> "BigramCounts":
        """Counts a stream of ids that comes in pieces (n,), so that it need not fit in memory."""
        keys, counts = np.zeros(0, np.int64), np.zeros(0, np.int64)
        seen, last = np.ones(vocab_size), np.zeros(0, np.int64)
        for piece in pieces:
            tokens = np.concatenate([last, piece])
            pairs = tokens[:-1].astype(np.int64) * vocab_size + tokens[1:]
            keys, counts = _added(keys, counts, *np.unique(pairs, return_counts=True))
            seen += np.bincount(piece, minlength=vocab_size)
            last = tokens[-1:]
        return cls(vocab_size, keys, counts, seen / seen.sum())

    @property
    def row_counts(self) -> np.ndarray:
        """(vocab_size,) float64: how often each token was followed by any."""
        rows = self.keys // self.vocab_size
        return np.bincount(rows, weights=self.counts, minlength=self.vocab_size)

    @property
    def entropy(self) -> float:
        """Nats a token over the stream by the unsmoothed table, ``count(a, b) / count(a)``.

        That table is the maximum-likelihood estimate: no bigram model whatever needs fewer nats
        here. It is finite, for only pairs that were seen count.
        """
        share = self.counts / self.row_counts[self.keys // self.vocab_size]
        return float(-self.counts @ np.log(share) / self.counts.sum())

    def mean_nats(self, score: Score) -> float:
        """Nats a token over the stream, by what a model's `score` says of each pair in it."""
        total, size = 0.0, self.vocab_size
        for start in range(0, len(self.keys), PAIRS_AT_ONCE):
            part = slice(start, start + PAIRS_AT_ONCE)
            pairs = np.divmod(self.keys[part, None], size)  # (pairs, 1) each
            nats, _ = score(*(tf.constant(ids, tf.int32) for ids in pairs))
            total += float(self.counts[part] @ nats.numpy()[:, 0])
        return total / float(self.counts.sum())

    def log_probabilities(self, smoothing: float) -> np.ndarray:
        """The whole table, (vocab_size, vocab_size) float32: row a holds log p(. | a)."""
        table = np.tile((smoothing * self.unigram).astype(np.float32), (self.vocab_size, 1))
        table[self.keys // self.vocab_size, self.keys % self.vocab_size] += self.counts
        return np.log(table / (self.row_counts + smoothing)[:, None].astype(np.float32))


class _Table(keras.Model):
    """A row of logits for each token."""

    def __init__(self, vocab_size: int) -> None:
        super().__init__(name="bigram")
        self.vocab_size = vocab_size
        self.table = keras.layers.Embedding(vocab_size, vocab_size, "zeros", name="table")
        self.table.build((None,))

    def call(self, tokens: tf.Tensor) -> tf.Tensor:
        """Ids (B, T) int32 to logits (B, T, vocab_size) float32."""
        return self.table(tokens)


class DenseBigram(_Table):
    """The whole table as an embedding layer whose rows are log probabilities."""

    def __init__(self, counts: BigramCounts, smoothing: float) -> None:
        super().__init__(counts.vocab_size)
        self.table.embeddings.assign(counts.log_probabilities(smoothing))


class TrainableBigram(_Table):
    """The same table before it has learned anything: all logits 0, every token equally likely.

    Cross-entropy is convex in the logits, so that gradient descent finds its least value from any
    start; zeros make the first loss exactly ln(vocab_size). That least value is
    `BigramCounts.entropy`, of the unsmoothed counts, and not the loss of the smoothed table, which
    lies above it: smoothing gives up a little of the train split for the sake of texts not seen.
    (The smoothed table would be the optimum if the pairs imagined by it were trained on, too.) It
    is only neared, since the logits of pairs that never occur would have to fall for ever.
    """

    def __init__(self, vocab_size: int) -> None:
        """A table for so many ids. Raises InputError above `MOST_TRAINABLE`."""
        if vocab_size > MOST_TRAINABLE:
            raise InputError(
                f"a table of {vocab_size:,} x {vocab_size:,} logits is too large to be trained",
                f"a vocabulary of {vocab_size}",
                f"choose a tokenizer of at most {MOST_TRAINABLE:,} ids, or set trainer.steps=0 for"
                " the table from counts alone",
            )
        super().__init__(vocab_size)


class SparseBigram(tf.Module):
    """The same probabilities from the pairs that were seen; nothing of size vocab_size ** 2."""

    def __init__(self, counts: BigramCounts, smoothing: float) -> None:
        super().__init__(name="bigram")
        size = self.vocab_size = counts.vocab_size
        rows = counts.keys // size
        # The pair behind all others, never seen, so that a search always ends at some pair.
        keys, seen = np.append(counts.keys, size * size), np.append(counts.counts, 0)
        self.keys = tf.Variable(keys, trainable=False)  # (pairs + 1,) int64, ascending
        self.counts = tf.Variable(seen.astype(np.float32), trainable=False)
        self.row_splits = tf.Variable(np.searchsorted(rows, np.arange(size + 1)), trainable=False)
        back_off = (smoothing * counts.unigram).astype(np.float32)
        self.back_off = tf.Variable(back_off, trainable=False)  # (vocab_size,) imagined counts
        total = (counts.row_counts + smoothing).astype(np.float32)
        self.totals = tf.Variable(total, trainable=False)  # (vocab_size,) counts of each row
        best = _likeliest(counts, smoothing)
        self.best = tf.Variable(best, trainable=False)  # (vocab_size,) the likeliest next token

    def count_params(self) -> int:
        """How many counts it goes by: of the pairs that were seen, and of each token."""
        return int(self.counts.shape[0]) - 1 + self.vocab_size

    def log_probability(self, tokens: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        """log p(target | token), elementwise over ids of any shape; float32."""
        key = tf.cast(tokens, tf.int64) * self.vocab_size + tf.cast(targets, tf.int64)
        at = tf.searchsorted(self.keys, tf.reshape(key, [-1]), out_type=tf.int64)
        at = tf.reshape(at, tf.shape(key))
        seen = tf.where(tf.equal(tf.gather(self.keys, at), key), tf.gather(self.counts, at), 0.0)
        count = seen + tf.gather(self.back_off, targets)
        return tf.math.log(count / tf.gather(self.totals, tokens))

    def row(self, tokens: tf.Tensor) -> tf.Tensor:
        """Ids (B,) to log p(. | token), (B, vocab_size) float32."""
        start, end = tf.gather(self.row_splits, tokens), tf.gather(self.row_splits, tokens + 1)
        at = tf.ragged.range(start, end)  # (B, None): where each token's pairs stand
        columns = tf.gather(self.keys, at.values) % self.vocab_size
        index = tf.stack([at.value_rowids(), columns], axis=1)
        shape = [tf.size(tokens, tf.int64), tf.constant(self.vocab_size, tf.int64)]
        seen = tf.scatter_nd(index, tf.gather(self.counts, at.values), shape)
        return tf.math.log((seen + self.back_off) / tf.gather(self.totals, tokens)[:, None])


def _added(
    keys: np.ndarray, counts: np.ndarray, more_keys: np.ndarray, more_counts: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Two tables of counts as one."""
    every, place = np.unique(np.concatenate([keys, more_keys]), return_inverse=True)
    both = np.concatenate([counts, more_counts])
    return every, np.bincount(place, weights=both).astype(np.int64)


def fit_bigram(
    pieces: Iterable[np.ndarray], vocab_size: int, config: BigramConfig
) -> DenseBigram | SparseBigram:
    """The bigram model of a token stream in pieces, dense or sparse by the vocabulary's size."""
    counts = BigramCounts.of(pieces, vocab_size)
    dense = vocab_size <= config.dense_up_to
    return (DenseBigram if dense else SparseBigram)(counts, config.smoothing)


def _likeliest(counts: BigramCounts, smoothing: float) -> np.ndarray:
    """(vocab_size,) int64: the likeliest token after each; the first of several, as in argmax."""
    size = counts.vocab_size
    back_off = (smoothing * counts.unigram).astype(np.float32)
    rows, columns = counts.keys // size, counts.keys % size
    weight = (counts.counts + back_off[columns]).astype(np.float32)  # as exact as the dense table
    order = np.lexsort((-columns, weight, rows))  # by row, the best of each row last
    top = order[np.flatnonzero(np.diff(rows[order], append=size))]  # the best pair of each row
    # The likeliest token at all wins where its imagined observations outweigh the pairs seen.
    favourite = int(np.argmax(back_off))
    best = np.full(size, favourite, np.int64)
    wins = weight[top] > back_off[favourite]
    best[rows[top[wins]]] = columns[top[wins]]
    return best
