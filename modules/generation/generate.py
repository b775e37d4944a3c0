"""The loop that writes: look at the last `block_size` tokens, choose one, append it, again."""

from typing import NamedTuple

import tensorflow as tf

from gptfx.modules.generation.sampling import Sampling, sample, uniform_draws
from gptfx.modules.language_model import LanguageModel
from gptfx.modules.tokenizers.graph import GraphTokenizer

LENGTH, STOP = "length", "stop"  # finish reasons


class _State(NamedTuple):
    """The loop's state: `context` (B, block_size), the row's last tokens, of which `filled` (B,)
    count; `output` (B, steps) new tokens, of which `made` (B,) count; `done` (B,) rows."""

    step: tf.Tensor
    context: tf.Tensor
    filled: tf.Tensor
    output: tf.Tensor
    made: tf.Tensor
    done: tf.Tensor


def generate(
    prompts: tf.Tensor,
    max_new_tokens: tf.Tensor,
    sampling: Sampling,
    seeds: tf.Tensor,
    tokenizer: GraphTokenizer,
    model: LanguageModel,
) -> dict[str, tf.Tensor]:
    """Continues (B,) prompts; every row is independent of its neighbours.

    Args:
      prompts: strings; an empty one starts from the document separator. Only the last `block_size`
        tokens are seen.
      max_new_tokens: (B,) int32.
      seeds: (B,) int64; the same seed and prompt give the same text.

    Returns:
      `text` (B,) strings, the continuations; `tokens` (B,) int32, how many were made;
      `finish_reason` (B,) strings: `length`, or `stop` where the model ended the document.
    """
    steps = tf.reduce_max(tf.concat([[0], max_new_tokens], axis=0))
    draws = uniform_draws(seeds, steps)  # (B, steps)

    def body(*values: tf.Tensor) -> _State:
        state = _State(*values)
        logits = model.next_logits(state.context, state.filled - 1)
        token = sample(logits, draws[:, state.step], sampling)
        return _append(state, token, max_new_tokens, tokenizer.separator_id)

    start = _start(prompts, steps, max_new_tokens, tokenizer, model.block_size)
    end = _State(*tf.while_loop(lambda *values: ~tf.reduce_all(values[-1]), body, start))
    new = tf.RaggedTensor.from_tensor(end.output, lengths=end.made)
    stopped = end.made < max_new_tokens
    return {
        "text": tokenizer.decode(new),
        "tokens": end.made,
        "finish_reason": tf.where(stopped, STOP, LENGTH),
    }


def _start(
    prompts: tf.Tensor,
    steps: tf.Tensor,
    max_new_tokens: tf.Tensor,
    tokenizer: GraphTokenizer,
    block_size: int,
) -> _State:
    ids = tokenizer.encode(prompts)
    empty = tf.cast(tf.equal(ids.row_lengths(), 0), tf.int64)
    separators = tf.fill([tf.reduce_sum(empty)], tf.constant(tokenizer.separator_id, tf.int64))
    first = tf.RaggedTensor.from_row_lengths(separators, empty)
    ids = tf.concat([first, ids], axis=1)[:, -block_size:]
    batch = tf.size(prompts)
    context = ids.to_tensor(shape=[None, block_size])
    return _State(
        tf.constant(0),
        tf.ensure_shape(tf.cast(context, tf.int32), [None, block_size]),
        tf.cast(ids.row_lengths(), tf.int32),
        tf.zeros(tf.stack([batch, steps]), tf.int32),
        tf.zeros([batch], tf.int32),
        max_new_tokens <= 0,
    )


def _append(
    state: _State, token: tf.Tensor, max_new_tokens: tf.Tensor, separator_id: int
) -> _State:
    block_size = state.context.shape[1]
    rows = tf.range(tf.size(token))
    full = tf.equal(state.filled, block_size)
    slid = tf.roll(state.context, shift=-1, axis=1)  # the oldest token makes room
    context = tf.where(full[:, None], slid, state.context)
    place = tf.minimum(state.filled, block_size - 1)
    context = tf.tensor_scatter_nd_update(context, tf.stack([rows, place], axis=1), token)
    done = state.done | tf.equal(token, separator_id)
    made = state.made + tf.cast(~done, tf.int32)
    column = tf.one_hot(state.step, tf.shape(state.output)[1], dtype=tf.int32)
    return _State(
        state.step + 1,
        tf.ensure_shape(context, [None, block_size]),
        tf.minimum(state.filled + 1, block_size),
        state.output + token[:, None] * column,
        made,
        done | (made >= max_new_tokens),
    )
