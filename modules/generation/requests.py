"""What is asked of a model: prompts and how each is to be continued, refused by name where it
cannot be.

Errors are raised inside the graph, as tf.errors.InvalidArgumentError, by whoever serves the model.
"""

from typing import NamedTuple

import tensorflow as tf

from gptfx.modules.config import GenerationConfig
from gptfx.modules.generation.sampling import Sampling
from gptfx.modules.language_model import LanguageModel
from gptfx.modules.tokenizers.graph import GraphTokenizer


class Request(NamedTuple):
    """A batch of prompts and how each is continued; all (B,).

    Attributes:
      prompts: strings; an empty one starts from the document separator.
      max_new_tokens: int32.
      sampling: how tokens are chosen.
      seeds: int64; the same seed and prompt give the same text.
      stops: strings, each several ends of a text, with U+001F (unit separator) between them; None:
        of no row.
    """

    prompts: tf.Tensor
    max_new_tokens: tf.Tensor
    sampling: Sampling
    seeds: tf.Tensor
    stops: tf.Tensor | None = None


class Prompts(NamedTuple):
    """Prompts as ids, right-aligned.

    Attributes:
      ids: (B, T) int32.
      first: (B,) int32, the column where each begins.
      limits: (B,) int32, how many tokens may be added.
      cut_short: (B,) bool, whether the context ends before as many are there as were asked for.
    """

    ids: tf.Tensor
    first: tf.Tensor
    limits: tf.Tensor
    cut_short: tf.Tensor


def check(request: Request, config: GenerationConfig) -> list[tf.Operation]:
    """Assertions that the request is within the bounds that `config` sets; run them first."""
    sampling = request.sampling
    batch = tf.size(request.prompts)
    most = config.largest_batch
    checks = [
        tf.debugging.Assert(
            batch <= most, [_message("prompt: too many rows", batch, f"send at most {most}")]
        )
    ]
    shortest = "give one value for each prompt"
    for name, values in _named(request).items():
        rows = tf.size(values)
        wrong = _message(f"{name}: as many values as prompts are needed", rows, shortest)
        checks.append(tf.debugging.Assert(tf.equal(rows, batch), [wrong]))
    longest = config.longest_prompt
    size, new = tf.strings.length(request.prompts), request.max_new_tokens
    checks += [
        _refuse("prompt: too long, in bytes", size, size > longest, f"send at most {longest}"),
        _between("max_new_tokens", new, 0, config.most_new_tokens),
        _between("temperature", sampling.temperature, 0.0, 1e9),
        _between("top_k", sampling.top_k, 0, 2**31 - 1),
        _between("top_p", sampling.top_p, 0.0, 1.0),
    ]
    if sampling.min_p is not None:
        checks.append(_between("min_p", sampling.min_p, 0.0, 1.0))
    if sampling.repetition_penalty is not None:
        checks.append(_between("repetition_penalty", sampling.repetition_penalty, 0.01, 100.0))
    return checks


def _named(request: Request) -> dict[str, tf.Tensor]:
    """The parameters beside the prompts that were given, by the names of the signatures."""
    named = {
        "max_new_tokens": request.max_new_tokens,
        **request.sampling._asdict(),
        "seed": request.seeds,
        "stop": request.stops,
    }
    return {name: values for name, values in named.items() if values is not None}


def _between(name: str, values: tf.Tensor, least: float, most: float) -> tf.Operation:
    """Refuses NaN, too."""
    within = (values >= least) & (values <= most)
    return _refuse(f"{name}: out of bounds", values, ~within, f"give {least} to {most}")


def _refuse(what: str, values: tf.Tensor, bad: tf.Tensor, remedy: str) -> tf.Operation:
    """Fails with the first bad value."""
    shown = tf.boolean_mask(values, bad)[:1]
    return tf.debugging.Assert(~tf.reduce_any(bad), [_message(what, shown, remedy)])


def _message(what: str, received: tf.Tensor, remedy: str) -> tf.Tensor:
    return tf.strings.format(f"{what}. Received: {{}}. What to do: {remedy}.", (received,))


def read_prompts(
    request: Request, tokenizer: GraphTokenizer, model: LanguageModel, slides: bool
) -> Prompts:
    """The prompts' ids; with `slides` the last `block_size` of each, else longer ones fail."""
    ids = tokenizer.encode(request.prompts)
    empty = tf.cast(tf.equal(ids.row_lengths(), 0), tf.int64)
    separators = tf.fill([tf.reduce_sum(empty)], tf.constant(tokenizer.separator_id, tf.int64))
    first = tf.RaggedTensor.from_row_lengths(separators, empty)
    ids = tf.concat([first, ids], axis=1)
    block_size = model.block_size
    if slides:
        return _right_aligned(ids[:, -block_size:], request.max_new_tokens, None)
    size = tf.cast(ids.row_lengths(), tf.int32)
    remedy = f"send at most {block_size}, which is as far as the model can see"
    fits = _refuse("prompt: too long, in tokens", size, size > block_size, remedy)
    with tf.control_dependencies([fits]):
        ids = ids.with_values(tf.identity(ids.values))
    return _right_aligned(ids, request.max_new_tokens, block_size)


def _right_aligned(
    ids: tf.RaggedTensor, max_new_tokens: tf.Tensor, block_size: int | None
) -> Prompts:
    """Ids (B, None); with a block size that a text cannot outgrow."""
    size = tf.cast(ids.row_lengths(), tf.int32)
    longest = tf.reduce_max(tf.concat([[1], size], axis=0))
    left = ids.to_tensor(shape=tf.stack([-1, longest]))
    first = longest - size
    columns = tf.maximum(tf.range(longest) - first[:, None], 0)  # (B, T)
    right = tf.cast(tf.gather(left, columns, batch_dims=1), tf.int32)
    if block_size is None:
        return Prompts(right, first, max_new_tokens, tf.zeros_like(max_new_tokens, tf.bool))
    room = block_size + 1 - size  # the last token of all is made, but never read
    limits = tf.minimum(max_new_tokens, room)
    return Prompts(right, first, limits, room < max_new_tokens)
