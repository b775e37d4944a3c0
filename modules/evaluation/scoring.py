"""How well a model predicts texts: every token is predicted once, every byte is counted once."""

import tensorflow as tf

from gptfx.modules.language_model import LanguageModel
from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.training.packing import scoring_windows

# Keys of what `score_texts` returns; TFMA's metrics read them.
NATS, TOKENS, BYTES, CORRECT = "nats", "tokens", "bytes", "correct"


def score_texts(
    texts: tf.Tensor, tokenizer: GraphTokenizer, model: LanguageModel
) -> dict[str, tf.Tensor]:
    """Scores (batch,) strings, one after the other so that memory stays that of one text.

    Returns float32 (batch,) each: `nats`, -log probability of all tokens; `tokens`; `bytes`, of the
    text as given; `correct`, tokens that the model held likeliest. A text is cut into windows of
    `model.block_size`, so a token sees at most that much context; its first token is predicted from
    the document separator. Bits per byte are ``nats / ln(2) / bytes``.
    """
    ids = tokenizer.encode(texts)  # (batch, None)

    def score_one(row: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        inputs, targets, mask = scoring_windows(row, tokenizer.separator_id, model.block_size)
        nats, correct = model.score(inputs, targets)
        return tf.reduce_sum(nats * mask), tf.reduce_sum(correct * mask)

    signature = (tf.TensorSpec([], tf.float32), tf.TensorSpec([], tf.float32))
    nats, correct = tf.map_fn(score_one, ids, fn_output_signature=signature)
    return {
        NATS: nats,
        TOKENS: tf.cast(ids.row_lengths(), tf.float32),
        BYTES: tf.cast(tf.strings.length(texts), tf.float32),
        CORRECT: correct,
    }
