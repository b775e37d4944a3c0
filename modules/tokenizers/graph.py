"""The tokenizer inside a TensorFlow graph: one implementation for Transform, Evaluator and serving.

A text is cut into pieces. Frequent pieces are looked up whole, the others are merged from their
bytes. Only TensorFlow's own ops are used, unless the tokenizer normalizes.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
import tensorflow as tf

from gptfx.modules.tokenizers.graph_merging import PairMerger
from gptfx.modules.tokenizers.graph_splitting import (
    SEPARATOR_BYTE,
    normalizer,
    sanitize,
    split_at_separators,
    split_characters,
    split_pieces,
)
from gptfx.modules.tokenizers.special import special_pattern
from gptfx.modules.tokenizers.tokenizer import Tokenizer

SPECIAL_BYTE = b"\xfe"  # in front of a special token that was found; UTF-8 never holds it either
SIZE_BITS = 28
Flat = tuple[tf.Tensor, tf.Tensor]  # ids, and the splits between the words' ids


class GraphTokenizer(tf.Module):
    """Encodes and decodes batches of strings as the `Tokenizer` it is made from does."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        super().__init__(name="tokenizer")
        self.source = tokenizer
        self.vocab_size = tokenizer.vocab_size
        self.separator_id = tokenizer.separator_id
        self.digest = tokenizer.digest
        self._normalize = normalizer(tokenizer.normalization)
        self._token_bytes = tf.constant(tokenizer.token_bytes)
        self._ids = None if tokenizer.ids is None else tf.constant(tokenizer.ids, tf.int64)
        names, special_ids = zip(*tokenizer.special_tokens, strict=True)
        marked = [SPECIAL_BYTE + name.encode() for name in names]
        self._special = _table(marked, np.array(special_ids), -1)
        # A branch that stays a function costs nothing when it is not taken; spliced into the graph
        # its hundred ops are passed through one by one, a fifth of the time of a short text.
        self._unknown = tf.function(
            self._encode_unknown,
            autograph=False,
            experimental_attributes={"_noinline": True},
        )
        if tokenizer.kind != "byte":
            self._split = split_characters if tokenizer.kind == "char" else split_pieces
            self._merger = PairMerger(tokenizer.merges)
            self._know_words([*dict.fromkeys([*tokenizer.numbered_bytes, *tokenizer.words])])

    def _know_words(self, words: list[bytes]) -> None:
        """Makes the table of words that are looked up; tokens are words, too."""
        ids = [self.source.encode_piece(word) for word in words]
        sizes = np.array([len(each) for each in ids])
        self._known = _table(words, _pack(np.cumsum(sizes) - sizes, sizes), -1)
        self._known_ids = tf.constant(np.concatenate(ids), tf.int64)

    def encode(self, texts: tf.Tensor, allowed_special: Collection[str] = ()) -> tf.RaggedTensor:
        """`texts` (batch,) strings to ids (batch, None) int64; invalid UTF-8 counts as U+FFFD.

        `allowed_special` are special tokens that become their id where a text spells them.
        """
        texts = sanitize(texts)
        if allowed_special:
            return self._encode_with_special(texts, allowed_special)
        return self._encode_ordinary(texts)

    def _encode_ordinary(self, texts: tf.Tensor) -> tf.RaggedTensor:
        texts = self._normalize(texts)
        if self.source.kind == "byte":
            return self._encode_bytes(texts)
        words = self._split(texts)  # (batch, None) strings
        ids, splits = self._encode_words(words.values)
        row_splits = tf.gather(splits, words.row_splits)
        return tf.RaggedTensor.from_row_splits(ids, row_splits, validate=False)

    def _encode_bytes(self, texts: tf.Tensor) -> tf.RaggedTensor:
        ids = tf.cast(tf.io.decode_raw(tf.strings.reduce_join(texts), tf.uint8), tf.int64)
        lengths = tf.cast(tf.strings.length(texts), tf.int64)
        return tf.RaggedTensor.from_row_lengths(ids, lengths, validate=False)

    def _encode_words(self, words: tf.Tensor) -> Flat:
        """Words (n,) to ids (None,) int64 and their splits (n + 1,)."""
        found = self._known.lookup(words)  # (n,), -1 where not known
        return tf.cond(
            tf.reduce_all(found >= 0),
            lambda: _line_up(self._known_ids, found),
            lambda: self._unknown(words, found),
        )

    def _encode_unknown(self, words: tf.Tensor, found: tf.Tensor) -> Flat:
        """The same where some words are not known: each distinct one is merged once."""
        missing = tf.where(found < 0)
        rare, index = tf.unique(tf.gather_nd(words, missing), out_idx=tf.int64)
        merged = self._merger(rare)
        numbers = merged.values if self._ids is None else tf.gather(self._ids, merged.values)
        ids = tf.concat([self._known_ids, numbers], axis=0)
        starts = tf.size(self._known_ids, tf.int64) + merged.row_starts()
        made = tf.gather(_pack(starts, merged.row_lengths()), index)
        return _line_up(ids, tf.tensor_scatter_nd_update(found, missing, made))

    def _encode_with_special(
        self, texts: tf.Tensor, allowed_special: Collection[str]
    ) -> tf.RaggedTensor:
        """Cuts out the special tokens, encodes what stands between them, and joins."""
        marked = SEPARATOR_BYTE + SPECIAL_BYTE + rb"\1" + SEPARATOR_BYTE
        pattern = special_pattern(allowed_special).pattern
        parts = split_at_separators(tf.strings.regex_replace(texts, pattern, marked))
        special = self._special.lookup(parts.values)  # -1 where the part is ordinary text
        is_special = special >= 0
        ordinary = self._encode_ordinary(tf.where(is_special, b"", parts.values))
        found = tf.RaggedTensor.from_row_lengths(
            tf.boolean_mask(special, is_special), tf.cast(is_special, tf.int64), validate=False
        )
        ids = tf.concat([ordinary, found], axis=1)  # one of the two is empty
        return parts.with_values(ids).merge_dims(1, 2)

    def decode(self, ids: tf.RaggedTensor) -> tf.Tensor:
        """Ids (batch, None) to (batch,) strings of valid UTF-8 (U+FFFD where it is not).

        Special tokens stand for nothing. An id outside of the vocabulary is an error.
        """
        return self.text_of(tf.strings.reduce_join(self.bytes_of(ids), axis=1))

    def bytes_of(self, ids: Any) -> Any:
        """Ids of any shape to what each stands for; not every one is whole characters."""
        return tf.gather(self._token_bytes, ids)

    def text_of(self, joined: tf.Tensor) -> tf.Tensor:
        """Bytes of ids, joined, as valid UTF-8 (U+FFFD where they are not)."""
        return sanitize(joined)


def _pack(starts: Any, sizes: Any) -> Any:
    """Where each word's ids start in a list, and how many they are, as one int64 each."""
    return starts * (1 << SIZE_BITS) + sizes


def _line_up(ids: tf.Tensor, packed: tf.Tensor) -> Flat:
    """The ids of words, one behind the other, and their splits.

    Args:
      ids: a list that holds them in any order.
      packed: (n,) where in the list each word's are; no word is without.
    """
    start = tf.bitwise.right_shift(packed, tf.constant(SIZE_BITS, tf.int64))
    size = tf.bitwise.bitwise_and(packed, (1 << SIZE_BITS) - 1)
    places = tf.ragged.range(start, start + size)  # (n, None): where each id lies in the list
    return tf.gather(ids, places.values), places.row_splits


def _table(keys: list[bytes], values: np.ndarray, default: int) -> tf.lookup.StaticHashTable:
    initializer = tf.lookup.KeyValueTensorInitializer(
        tf.constant(keys, tf.string), tf.constant(values, tf.int64)
    )
    return tf.lookup.StaticHashTable(initializer, default)
