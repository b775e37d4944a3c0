"""Byte-pair merges inside a TensorFlow graph: many words at once, exact, and bounded for long ones.

All words lie in one flat sequence of tokens. A round finds each word's best pair and merges every
occurrence of it, until no word has one. A long word would take as many rounds as it has different
pairs to merge; so it is cut into chunks that are merged side by side, and then mended at the cuts.
That is exact because of what holds for byte-pair encoding: two texts that were encoded each by
itself make up the encoding of both together if the two tokens that meet do so on their own. See
https://github.blog/ai-and-ml/llms/so-many-tokens-so-little-time-introducing-a-faster-more-flexible-byte-pair-tokenizer/
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from gptfx.modules.tokenizers.bpe import FIRST_MERGE, NEVER, Pair, token_bytes

CHUNK = 16  # bytes
PAIR_BASE = 1 << 32  # a pair (a, b) is the key a * PAIR_BASE + b


class _Tokens(NamedTuple):
    """Words in the making: one entry a token, word after word."""

    numbers: tf.Tensor  # (tokens,) int64
    word: tf.Tensor  # (tokens,) int64, ascending
    unsure: tf.Tensor  # (tokens,) bool: whether the border in front of it may be wrong


class PairMerger(tf.Module):
    """Turns words into token numbers: bytes, then 256 and up in the order of the merges."""

    def __init__(self, merges: Sequence[Pair]) -> None:
        super().__init__(name="merger")
        pairs = np.array(merges, np.int64).reshape(-1, 2)
        keys = np.append(pairs[:, 0] * PAIR_BASE + pairs[:, 1], -1)  # no pair, but no empty table
        values = FIRST_MERGE + np.arange(len(keys), dtype=np.int64)
        self._ranks = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(tf.constant(keys), tf.constant(values)), NEVER
        )
        self._bytes = tf.constant(token_bytes(merges))
        # Traced once, though it stands in three places: tracing is most of what Transform pays.
        flat = tf.TensorSpec([None], tf.int64)
        self._merge = tf.function(
            self._merge_flat,
            input_signature=[flat, flat],
            autograph=False,
            experimental_attributes={"_noinline": True},
        )
        # A session (TensorFlow Serving, Beam's RunInference) cannot run a loop that calls a
        # function where it is spliced into a branch: "inputs from different frames".
        self._long = tf.function(
            self._merge_chunks, autograph=False, experimental_attributes={"_noinline": True}
        )

    def __call__(self, words: tf.Tensor) -> tf.RaggedTensor:
        """Non-empty strings (n,) to numbers (n, None) int64."""
        lengths = tf.strings.length(words)
        data = tf.cast(tf.io.decode_raw(tf.strings.reduce_join(words), tf.uint8), tf.int64)
        word = _owners(lengths)
        numbers, word = tf.cond(
            tf.reduce_any(lengths > CHUNK),
            lambda: self._long(data, word, lengths),
            lambda: self._merge(data, word),
        )
        count = tf.size(words, tf.int64)
        return tf.RaggedTensor.from_value_rowids(numbers, word, nrows=count, validate=False)

    def _merge_flat(self, numbers: tf.Tensor, word: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Merges words, flat (tokens,) with the word of each, until nothing can be merged."""
        count = tf.reduce_max(tf.concat([word, [-1]], axis=0)) + 1
        flat = tf.TensorShape([None])
        numbers, word, _ = tf.while_loop(
            lambda _numbers, _word, rank: tf.reduce_any(rank < NEVER),
            lambda numbers, word, rank: self._round(numbers, word, rank, count),
            [numbers, word, self._pair_ranks(numbers, word)],
            shape_invariants=[flat, flat, flat],
        )
        return numbers, word

    def _pair_ranks(self, numbers: tf.Tensor, word: tf.Tensor) -> tf.Tensor:
        """Rank of the pair that starts at each token; NEVER at a word's last token."""
        rank = self._ranks.lookup(numbers[:-1] * PAIR_BASE + numbers[1:])
        inside = tf.where(tf.equal(word[1:], word[:-1]), rank, tf.constant(NEVER, tf.int64))
        return tf.concat([inside, tf.fill([tf.minimum(tf.size(numbers), 1)], NEVER)], axis=0)

    def _round(
        self, numbers: tf.Tensor, word: tf.Tensor, rank: tf.Tensor, count: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        best = tf.gather(tf.math.unsorted_segment_min(rank, word, count), word)
        hits = (rank < NEVER) & tf.equal(rank, best)
        overlap = tf.reduce_any(hits[1:] & hits[:-1])
        starts = tf.cond(overlap, lambda: _every_other(hits), lambda: hits)
        swallowed = tf.concat([tf.zeros_like(starts[:1]), starts[:-1]], axis=0)
        kept = tf.where(~swallowed)[:, 0]
        numbers = tf.gather(tf.where(starts, rank, numbers), kept)  # a rank is a token's number
        word = tf.gather(word, kept)
        return numbers, word, self._pair_ranks(numbers, word)

    def _merge_chunks(
        self, data: tf.Tensor, word: tf.Tensor, lengths: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """As `_merge`, for words of any length."""
        starts = tf.cumsum(lengths, exclusive=True)
        offset = tf.range(tf.size(data)) - tf.gather(starts, word)
        chunk = tf.cumsum(tf.cast(tf.equal(offset % CHUNK, 0), tf.int64)) - 1
        chunk_word = tf.math.unsorted_segment_max(word, chunk, tf.size(data))
        numbers, chunk = self._merge(data, chunk)
        word = tf.gather(chunk_word, chunk)
        unsure = _differs(chunk) & ~_differs(word)
        flat = tf.TensorShape([None])
        tokens, _ = tf.while_loop(
            lambda tokens, _reach: tf.reduce_any(tokens.unsure),
            lambda tokens, reach: (self._mend(tokens, reach), 2 * reach),
            [_Tokens(numbers, word, unsure), tf.constant(1, tf.int64)],
            shape_invariants=[_Tokens(flat, flat, flat), tf.TensorShape([])],
        )
        return tokens.numbers, tokens.word

    def _mend(self, tokens: _Tokens, reach: tf.Tensor) -> _Tokens:
        """Encodes anew what lies within `reach` tokens of an unsure border.

        Where the first (last) token of such a window is then another, the border in front of it
        (behind it) is unsure next.
        """
        count = tf.size(tokens.numbers, tf.int64)
        near = _near(tokens, reach)
        first = near & (_differs(tf.cast(near, tf.int64)) | _differs(tokens.word))
        at = tf.where(near)[:, 0]  # tokens in windows
        start = tf.where(first)[:, 0]  # first tokens of windows
        window = tf.gather(tf.cumsum(tf.cast(first, tf.int64)) - 1, at)
        pieces = tf.gather(self._bytes, tf.gather(tokens.numbers, at))
        data = tf.cast(tf.io.decode_raw(tf.strings.reduce_join(pieces), tf.uint8), tf.int64)
        owners = _owners(tf.strings.length(pieces))  # of each byte its token, in `at`
        numbers, made_in = self._merge(data, tf.gather(window, owners))

        windows = tf.size(start, tf.int64)
        old_size = tf.math.unsorted_segment_sum(tf.ones_like(window), window, windows)
        new_size = tf.math.unsorted_segment_sum(tf.ones_like(made_in), made_in, windows)
        grown = tf.cumsum(new_size - old_size)
        new_start = start + tf.cumsum(new_size - old_size, exclusive=True)
        # Where tokens go: those outside of windows move on with the windows before them.
        outside = tf.where(~near)[:, 0]
        before = tf.searchsorted(start, outside, out_type=tf.int64)
        moved = outside + tf.gather(tf.concat([[0], grown], axis=0), before)
        new_first = tf.cumsum(new_size, exclusive=True)  # among `numbers`
        within = tf.range(tf.size(numbers, tf.int64)) - tf.gather(new_first, made_in)
        made = tf.gather(new_start, made_in) + within
        place = tf.concat([moved, made], axis=0)[:, None]
        shape = [count + tf.reduce_sum(new_size - old_size)]
        word = tf.gather(tokens.word, tf.concat([outside, tf.gather(start, made_in)], axis=0))
        kept = tf.gather(tokens.numbers, outside)
        new_numbers = tf.scatter_nd(place, tf.concat([kept, numbers], axis=0), shape)
        new_word = tf.scatter_nd(place, word, shape)

        last = start + old_size - 1
        new_last = new_first + new_size - 1
        left = tf.gather(tokens.numbers, start) != tf.gather(numbers, new_first)
        right = tf.gather(tokens.numbers, last) != tf.gather(numbers, new_last)
        borders = tf.concat(
            [tf.boolean_mask(new_start, left), tf.boolean_mask(new_start + new_size, right)], axis=0
        )
        borders = tf.boolean_mask(borders, borders < shape[0])[:, None]
        unsure = tf.scatter_nd(borders, tf.ones_like(borders[:, 0]), shape) > 0
        return _Tokens(new_numbers, new_word, unsure & ~_differs(new_word))


def _owners(lengths: tf.Tensor) -> tf.Tensor:
    """For things (n,) of `lengths`, none of them 0, laid end to end: whose each place is, int64.

    Not by tf.repeat, which makes a table of n times the longest.
    """
    lengths = tf.cast(lengths, tf.int64)
    starts = tf.cumsum(lengths, exclusive=True)[:, None]
    begins = tf.scatter_nd(starts, tf.ones_like(lengths), [tf.reduce_sum(lengths)])
    return tf.cumsum(begins) - 1


def _differs(values: tf.Tensor) -> tf.Tensor:
    """Whether each entry differs from the one before; the first does."""
    return tf.concat([tf.ones_like(values[:1], tf.bool), tf.not_equal(values[1:], values[:-1])], 0)


def _near(tokens: _Tokens, reach: tf.Tensor) -> tf.Tensor:
    """Whether each token is one of `reach` before or behind an unsure border, in its word."""
    count = tf.size(tokens.numbers, tf.int64)
    border = tf.where(tokens.unsure)
    position = border + tf.range(-reach, reach)[None, :]  # (borders, 2 * reach)
    safe = tf.clip_by_value(position, 0, count - 1)
    same = tf.equal(tf.gather(tokens.word, safe), tf.gather(tokens.word, border))
    hit = tf.boolean_mask(safe, same & tf.equal(safe, position))[:, None]
    return tf.scatter_nd(hit, tf.ones_like(hit[:, 0]), [count]) > 0


def _every_other(hits: tf.Tensor) -> tf.Tensor:
    """Keeps the 1st, 3rd, 5th ... of each run of neighbouring hits: pairs must not overlap."""
    position = tf.range(tf.size(hits))
    gaps = tf.cast(tf.where(~hits)[:, 0], tf.int32)  # positions of the non-hits, ascending
    before = tf.searchsorted(gaps, position, side="right")  # how many non-hits up to here
    last_gap = tf.gather(tf.concat([[-1], gaps], axis=0), before)
    return hits & tf.equal((position - last_gap) % 2, 1)
