"""What is asked of a model: prompts, and how each is to be continued."""

from typing import NamedTuple

import tensorflow as tf

from gptfx.modules.config import HOTTEST, MOST_STOPS, STOP_SEPARATOR, GenerationConfig
from gptfx.modules.generation.bounds import Bound, demand
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


def largest(values: tf.Tensor) -> tf.Tensor:
    """Scalar: the largest of (B,), and 1 of none, or of none above it."""
    return tf.reduce_max(tf.concat([tf.ones([1], values.dtype), values], axis=0))


def check(request: Request, config: GenerationConfig) -> tf.Tensor:
    """Fails unless the request is within the bounds that `config` sets; run it first."""
    return demand([*_sizes(request, config), *setting_bounds(request, config)])


def _sizes(request: Request, config: GenerationConfig) -> list[Bound]:
    """As many rows everywhere, and not too many; no prompt too long."""
    rows, longest = tf.size(request.prompts), config.longest_prompt
    size = tf.strings.length(request.prompts)
    bounds = [
        rows_bound("prompt", request.prompts, config),
        Bound.of_each(
            "prompt: too long, in bytes", size, size <= longest, f"send at most {longest}"
        ),
    ]
    for name, values in _named(request).items():
        bounds.append(Bound.of_size(name, tf.size(values), rows, "prompt"))
    return bounds


def setting_bounds(request: Request, config: GenerationConfig) -> list[Bound]:
    """What each parameter may be."""
    sampling = request.sampling
    bounds = [
        Bound.between("max_new_tokens", request.max_new_tokens, 0, config.most_new_tokens),
        Bound.between("temperature", sampling.temperature, 0.0, HOTTEST),
        Bound.between("top_k", sampling.top_k, 0, 2**31 - 1),
        Bound.of_each(
            "top_p: out of bounds",
            sampling.top_p,
            (sampling.top_p > 0.0) & (sampling.top_p <= 1.0),
            "give more than 0 and at most 1",
        ),
    ]
    if sampling.min_p is not None:
        bounds.append(Bound.between("min_p", sampling.min_p, 0.0, 1.0))
    if sampling.repetition_penalty is not None:
        penalty = sampling.repetition_penalty
        bounds.append(Bound.between("repetition_penalty", penalty, 0.01, 100.0))
    if request.stops is not None:
        count = tf.strings.split(request.stops, STOP_SEPARATOR).row_lengths()
        remedy = f"give at most {MOST_STOPS} for each prompt"
        bounds.append(Bound.of_each("stop: too many", count, count <= MOST_STOPS, remedy))
    return bounds


def rows_bound(name: str, texts: tf.Tensor, config: GenerationConfig) -> Bound:
    """As many texts (B,) as a request may have."""
    rows, most = tf.size(texts), config.largest_batch
    return Bound(rows <= most, f"{name}: too many rows", rows, f"send at most {most}")


def _named(request: Request) -> dict[str, tf.Tensor]:
    """The parameters beside the prompts that were given, by the names of the signatures."""
    named = {
        "max_new_tokens": request.max_new_tokens,
        **request.sampling._asdict(),
        "seed": request.seeds,
        "stop": request.stops,
    }
    return {name: values for name, values in named.items() if values is not None}


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
    fits = Bound.of_each("prompt: too long, in tokens", size, size <= block_size, remedy)
    with tf.control_dependencies([demand([fits])]):
        ids = ids.with_values(tf.identity(ids.values))
    return _right_aligned(ids, request.max_new_tokens, block_size)


def _right_aligned(
    ids: tf.RaggedTensor, max_new_tokens: tf.Tensor, block_size: int | None
) -> Prompts:
    """Ids (B, None); with a block size that a text cannot outgrow."""
    size = tf.cast(ids.row_lengths(), tf.int32)
    longest = largest(size)
    left = ids.to_tensor(shape=tf.stack([-1, longest]))
    first = longest - size
    columns = tf.maximum(tf.range(longest) - first[:, None], 0)  # (B, T)
    right = tf.cast(tf.gather(left, columns, batch_dims=1), tf.int32)
    if block_size is None:
        return Prompts(right, first, max_new_tokens, tf.zeros_like(max_new_tokens, tf.bool))
    room = block_size + 1 - size  # the last token of all is made, but never read
    limits = tf.minimum(max_new_tokens, room)
    return Prompts(right, first, limits, room < max_new_tokens)
