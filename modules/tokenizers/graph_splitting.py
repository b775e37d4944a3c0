"""Cuts texts into pieces inside a TensorFlow graph, as ``splitting.py`` does in Python.

Regular expressions put a separator byte (0xFF, which UTF-8 never holds) between the pieces. Only
TensorFlow's own ops are used, but for normalization.
"""

from collections.abc import Callable

import tensorflow as tf

from gptfx.modules.tokenizers import splitting
from gptfx.modules.tokenizers.normalization import Normalization, newer_ranges

SEPARATOR_BYTE = b"\xff"
VALID_UTF8 = r"[\x{0}-\x{d7ff}\x{e000}-\x{10ffff}]*"
REPLACEMENT = 0xFFFD


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


def normalizer(form: Normalization) -> Callable[[tf.Tensor], tf.Tensor]:
    """A function of texts; for NFC and NFKC it is tensorflow-text's, an op of its own.

    Raises ImportError where tensorflow-text is not installed and needed.
    """
    if form == "none":
        return tf.identity
    import tensorflow_text

    def plain(texts: tf.Tensor) -> tf.Tensor:
        return tensorflow_text.normalize_utf8(texts, form)

    newer = splitting.re2_class(newer_ranges())

    def around_newer(texts: tf.Tensor) -> tf.Tensor:
        marked = SEPARATOR_BYTE + rb"\1" + SEPARATOR_BYTE
        parts = split_at_separators(tf.strings.regex_replace(texts, f"([{newer}]+)", marked))
        left_alone = tf.strings.regex_full_match(parts.values, f"[{newer}]+")
        made = tf.where(left_alone, parts.values, plain(parts.values))
        return tf.strings.reduce_join(parts.with_values(made), axis=1)

    def normalize(texts: tf.Tensor) -> tf.Tensor:
        usual = tf.reduce_all(tf.strings.regex_full_match(texts, f"[^{newer}]*"))
        return tf.cond(usual, lambda: plain(texts), lambda: around_newer(texts))

    return normalize


def split_pieces(texts: tf.Tensor) -> tf.RaggedTensor:
    """(batch,) strings of valid UTF-8 to the pieces of GPT-2's split, (batch, None)."""
    ahead, pieces = splitting.re2_patterns()
    marked = tf.strings.regex_replace(texts, ahead, rb"\1" + SEPARATOR_BYTE + rb"\2")
    return split_at_separators(tf.strings.regex_replace(marked, pieces, rb"\0" + SEPARATOR_BYTE))


def split_characters(texts: tf.Tensor) -> tf.RaggedTensor:
    """(batch,) strings of valid UTF-8 to their characters, (batch, None) strings.

    Not by tf.strings.unicode_split, to which U+FFFF and its like are no characters.
    """
    return split_at_separators(tf.strings.regex_replace(texts, "(?s).", rb"\0" + SEPARATOR_BYTE))


def split_at_separators(marked: tf.Tensor) -> tf.RaggedTensor:
    """(batch,) strings to what stands between their separator bytes, without what is empty."""
    sparse = tf.compat.v1.string_split(marked, sep=SEPARATOR_BYTE, skip_empty=True)
    rows = tf.range(tf.size(marked, tf.int64) + 1)
    splits = tf.searchsorted(sparse.indices[:, 0], rows, out_type=tf.int64)
    return tf.RaggedTensor.from_row_splits(sparse.values, splits, validate=False)
