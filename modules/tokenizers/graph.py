"""The tokenizer inside a TensorFlow graph: one implementation for Transform, Evaluator and serving.

Splitting is done with regular expressions that put a separator byte (0xFF, which UTF-8 never holds)
between the pieces. Frequent pieces are looked up whole; the others are merged, all of them at once,
in a loop that takes each word's best pair in every round. Only TensorFlow's own ops are used.
"""

import numpy as np
import tensorflow as tf

from gptfx.modules.tokenizers import splitting
from gptfx.modules.tokenizers.bpe import FIRST_MERGE, NEVER
from gptfx.modules.tokenizers.tokenizer import Tokenizer

SEPARATOR_BYTE = b"\xff"
VALID_UTF8 = r"[\x{0}-\x{d7ff}\x{e000}-\x{10ffff}]*"
REPLACEMENT = 0xFFFD
PAIR_BASE = 1 << 32  # a pair (a, b) is the key a * PAIR_BASE + b


class GraphTokenizer(tf.Module):
    """Encodes and decodes batches of strings as the `Tokenizer` it is made from does."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__(name="tokenizer")
        self.vocab_size = tokenizer.vocab_size
        self.separator_id = tokenizer.separator_id
        self.digest = tokenizer.digest
        self._ranks = _pair_table(tokenizer)
        words = [b"", *tokenizer.words]  # a piece is never empty, but a table may not be
        self._word_index = _table(words, np.arange(len(words)), -1)
        word_ids = [tokenizer.encode_word(word) for word in words]
        self._word_ids = tf.ragged.constant(word_ids, tf.int64, ragged_rank=1)
        self._token_bytes = tf.constant(tokenizer.token_bytes)

    def encode(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """`texts` (batch,) strings to ids (batch, None) int64; invalid UTF-8 counts as U+FFFD."""
        words = split_pieces(sanitize(texts))  # (batch, None) strings
        found = self._word_index.lookup(words.values)  # (words,) int64, -1 where not frequent
        missing = tf.cast(tf.where(found < 0)[:, 0], tf.int64)
        rare, rare_index = tf.unique(tf.gather(words.values, missing), out_idx=tf.int64)
        table = tf.concat([self._word_ids, self._merge(rare)], axis=0)
        offset = tf.cast(self._word_ids.nrows(), tf.int64)
        row = tf.tensor_scatter_nd_update(found, missing[:, None], offset + rare_index)
        ids = tf.gather(table, row)  # (words, None)
        return words.with_values(ids).merge_dims(1, 2)

    def decode(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """Ids (batch, None) to (batch,) strings of valid UTF-8 (U+FFFD where it is not)."""
        pieces = tf.gather(self._token_bytes, ids)
        return sanitize(tf.strings.reduce_join(pieces, axis=1))

    def _merge(self, words: tf.Tensor) -> tf.RaggedTensor:
        """Distinct non-empty `words` (n,) to ids (n, None) int64, byte by byte and pair by pair.

        All words lie in one flat sequence of tokens, `owner` says whose each token is. A round
        finds each word's best pair and merges every occurrence of it, until none is left.
        """
        count = tf.size(words, tf.int64)
        lengths = tf.strings.length(words)
        ids = tf.cast(tf.io.decode_raw(tf.strings.reduce_join(words), tf.uint8), tf.int64)
        owner = tf.repeat(tf.range(count), lengths)
        flat = tf.TensorShape([None])
        ids, owner, _ = tf.while_loop(
            lambda _ids, _owner, rank: tf.reduce_any(rank < NEVER),
            lambda ids, owner, rank: self._round(ids, owner, rank, count),
            [ids, owner, self._pair_ranks(ids, owner)],
            shape_invariants=[flat, flat, flat],
        )
        return tf.RaggedTensor.from_value_rowids(ids, owner, nrows=count, validate=False)

    def _pair_ranks(self, ids: tf.Tensor, owner: tf.Tensor) -> tf.Tensor:
        """Rank of the pair that starts at each token; NEVER at a word's last token."""
        rank = self._ranks.lookup(ids[:-1] * PAIR_BASE + ids[1:])
        same_word = tf.equal(owner[1:], owner[:-1])
        inside = tf.where(same_word, rank, tf.constant(NEVER, tf.int64))
        return tf.concat([inside, tf.fill([tf.minimum(tf.size(ids), 1)], NEVER)], axis=0)

    def _round(
        self, ids: tf.Tensor, owner: tf.Tensor, rank: tf.Tensor, count: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        best = tf.gather(tf.math.unsorted_segment_min(rank, owner, count), owner)
        starts = _every_other((rank < NEVER) & tf.equal(rank, best))
        swallowed = tf.concat([tf.zeros_like(starts[:1]), starts[:-1]], axis=0)
        kept = tf.where(~swallowed)[:, 0]
        ids = tf.gather(tf.where(starts, rank, ids), kept)  # a merge's rank is its token's id
        owner = tf.gather(owner, kept)
        return ids, owner, self._pair_ranks(ids, owner)


def sanitize(texts: tf.Tensor) -> tf.Tensor:
    """Replaces invalid UTF-8 by U+FFFD; the usual case, all valid, only pays for the check."""
    valid = tf.reduce_all(tf.strings.regex_full_match(texts, VALID_UTF8))
    return tf.cond(
        valid,
        lambda: tf.identity(texts),
        lambda: tf.strings.unicode_transcode(
            texts, "UTF-8", "UTF-8", errors="replace", replacement_char=REPLACEMENT
        ),
    )


def split_pieces(texts: tf.Tensor) -> tf.RaggedTensor:
    """(batch,) strings of valid UTF-8 to the pieces of GPT-2's split, (batch, None)."""
    ahead, pieces = splitting.re2_patterns()
    marked = tf.strings.regex_replace(texts, ahead, rb"\1" + SEPARATOR_BYTE + rb"\2")
    marked = tf.strings.regex_replace(marked, pieces, rb"\0" + SEPARATOR_BYTE)
    sparse = tf.compat.v1.string_split(marked, sep=SEPARATOR_BYTE, skip_empty=True)
    return tf.RaggedTensor.from_value_rowids(
        sparse.values, sparse.indices[:, 0], nrows=tf.size(texts, tf.int64), validate=False
    )


def _every_other(hits: tf.Tensor) -> tf.Tensor:
    """Keeps the 1st, 3rd, 5th ... of each run of neighbouring hits: pairs must not overlap."""
    position = tf.range(tf.size(hits))
    gaps = tf.cast(tf.where(~hits)[:, 0], tf.int32)  # positions of the non-hits, ascending
    before = tf.searchsorted(gaps, position, side="right")  # how many non-hits up to here
    last_gap = tf.gather(tf.concat([[-1], gaps], axis=0), before)
    return hits & tf.equal((position - last_gap) % 2, 1)


def _pair_table(tokenizer: Tokenizer) -> tf.lookup.StaticHashTable:
    pairs = np.array(tokenizer.merges, np.int64).reshape(-1, 2)
    keys = np.append(pairs[:, 0] * PAIR_BASE + pairs[:, 1], -1)  # no pair, but no empty table
    return _table(keys, FIRST_MERGE + np.arange(len(keys)), NEVER)


def _table(keys: object, values: np.ndarray, default: int) -> tf.lookup.StaticHashTable:
    values = values.astype(np.int64)
    dtype = tf.int64 if isinstance(keys, np.ndarray) else tf.string
    initializer = tf.lookup.KeyValueTensorInitializer(tf.constant(keys, dtype), values)
    return tf.lookup.StaticHashTable(initializer, default)
