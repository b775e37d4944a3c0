"""How well a model predicts texts: every token is predicted once, every byte is counted once."""

import tensorflow as tf

from gptfx.modules.language_model import LanguageModel
from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.training.packing import scoring_windows

# What is scored at once, of a text of any length: logits of 256 MiB, and no more tokens than these.
LOGITS_AT_ONCE, TOKENS_AT_ONCE = 1 << 26, 8192
# Keys of what `score_texts` returns; TFMA's metrics read them.
NATS, TOKENS, BYTES, CORRECT = "nats", "tokens", "bytes", "correct"


def score_texts(
    texts: tf.Tensor, tokenizer: GraphTokenizer, model: LanguageModel
) -> dict[str, tf.Tensor]:
    """Scores (batch,) strings, one after the other and a long one in parts, so that memory stays
    bounded.

    Returns float32 (batch,) each: `nats`, -log probability of all tokens; `tokens`; `bytes`, of the
    text as given; `correct`, tokens that the model held likeliest. A text is cut into windows of
    `model.block_size`, so a token sees at most that much context; its first token is predicted from
    the document separator. Bits per byte are ``nats / ln(2) / bytes``.
    """
    ids = tokenizer.encode(texts)  # (batch, None)
    tokens = min(TOKENS_AT_ONCE, LOGITS_AT_ONCE // model.vocab_size)
    at_once = max(1, tokens // model.block_size)  # windows

    def score_one(row: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        inputs, targets, mask = scoring_windows(row, tokenizer.separator_id, model.block_size)
        starts = tf.range(0, tf.shape(inputs)[0], at_once)

        def score_part(start: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            part = slice(start, start + at_once)
            nats, correct = model.score(inputs[part], targets[part])
            return tf.reduce_sum(nats * mask[part]), tf.reduce_sum(correct * mask[part])

        parts = tf.map_fn(score_part, starts, fn_output_signature=signature, parallel_iterations=1)
        return tuple(tf.reduce_sum(values) for values in parts)

    signature = (tf.TensorSpec([], tf.float32), tf.TensorSpec([], tf.float32))
    nats, correct = tf.map_fn(score_one, ids, fn_output_signature=signature, parallel_iterations=1)
    return {
        NATS: nats,
        TOKENS: tf.cast(ids.row_lengths(), tf.float32),
        BYTES: tf.cast(tf.strings.length(texts), tf.float32),
        CORRECT: correct,
    }
