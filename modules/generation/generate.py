"""Texts for prompts, in one call of a graph: read the prompts, write, and decode."""

from typing import Any

import tensorflow as tf

from gptfx.modules.generation.requests import Prompts, Request, largest, read_prompts
from gptfx.modules.generation.sampling import Sampling
from gptfx.modules.generation.writing import Texts, Writer
from gptfx.modules.language_model import LanguageModel
from gptfx.modules.tokenizers.graph import GraphTokenizer

SMALLEST_STEP = 32  # columns, or tokens, by which compiled loops differ at least


def generate(
    request: Request, tokenizer: GraphTokenizer, model: LanguageModel, slides: bool
) -> dict[str, tf.Tensor]:
    """Continues (B,) prompts; every row is independent of its neighbours.

    Args:
      request: prompts and how they are continued, checked already.
      tokenizer: of the model.
      model: what says which token comes next.
      slides: whether a text may outgrow the model's `block_size`; else it ends there.

    Returns:
      `text` (B,) strings, the continuations; `tokens` (B,) int32, how many were made;
      `finish_reason` (B,) strings: `length`; `stop` where the model ended the document, or a stop
      string was met, which is cut off; `context` where the model cannot see further.
    """
    prompts = read_prompts(request, tokenizer, model, slides)
    count = largest(prompts.limits)
    writer = Writer(model, tokenizer, request, prompts.limits, prompts.cut_short, count)
    memory, texts = writer.begin(prompts, columns_for(prompts, model, count))
    ids = tf.TensorArray(tf.int32, count, element_shape=[None]).write(0, texts.token)
    _, texts, ids = writer.go_on(memory, texts, count, ids)
    return _answer(texts, ids.stack(), tokenizer)


def generate_compiled(
    request: Request, tokenizer: GraphTokenizer, model: LanguageModel, slides: bool
) -> dict[str, tf.Tensor]:
    """As `generate`, compiled by XLA, which takes its time at the first request of each size; so
    sizes are rounded up. Stop strings are not for it.

    Rounding differs, so that a drawn text may differ from that of `generate`. A model that XLA
    cannot compile (`LanguageModel.compiles`) is not compiled.
    """
    if not model.compiles:
        return generate(request, tokenizer, model, slides)
    size = tf.size(request.prompts)
    request = _padded(request, _power(size) - size)
    prompts = read_prompts(request, tokenizer, model, slides)
    most = largest(prompts.limits)
    writer = Writer(model, tokenizer, request, prompts.limits, prompts.cut_short, _bucket(most))
    prompts = _indented(prompts, model.block_size)
    columns = tf.minimum(_bucket(columns_for(prompts, model, most)), model.block_size)

    @tf.function(jit_compile=True, autograph=False)
    def begin() -> tuple[Any, Texts]:
        return writer.begin(prompts, columns, compiled=True)

    memory, texts = begin()

    @tf.function(jit_compile=True, autograph=False)
    def write(rows: int | None) -> tuple[tf.Tensor, Texts]:
        first = tf.ensure_shape(texts.token, [rows])
        ids = tf.TensorArray(tf.int32, tf.shape(writer.draws)[1], element_shape=[rows])
        start, ids = texts._replace(token=first), ids.write(0, first)
        _, end, ids = writer.go_on(memory, start, most, ids, compiled=True)
        return ids.stack(), end

    # That a text is alone, a graph must know beforehand to make use of it (see `FrozenMatrix`).
    if (rows := texts.token.shape[0]) is None:
        ids, texts = tf.cond(tf.equal(size, 1), lambda: write(1), lambda: write(None))
    else:
        ids, texts = write(rows)
    answer = _answer(texts, ids, tokenizer)
    return {name: values[:size] for name, values in answer.items()}


def _padded(request: Request, rows: tf.Tensor) -> Request:
    """With rows behind the others that ask for no token."""

    def pad(values: tf.Tensor) -> tf.Tensor:
        return tf.concat([values, tf.zeros(rows[None], values.dtype)], axis=0)

    sampling = Sampling(*(pad(values) for values in request.sampling if values is not None))
    return Request(
        tf.concat([request.prompts, tf.fill([rows], "")], axis=0),
        pad(request.max_new_tokens),
        sampling,
        pad(request.seeds),
    )


def _indented(prompts: Prompts, block_size: int) -> Prompts:
    """With columns before the prompts, so that compiled readings differ in few sizes."""
    time = tf.shape(prompts.ids)[1]
    size = tf.minimum(_power(time), _bucket(time))  # short ones would grow too much by a bucket
    more = tf.minimum(size, block_size) - time
    ids = tf.pad(prompts.ids, [[0, 0], [more, 0]])
    return prompts._replace(ids=ids, first=prompts.first + more)


def _power(size: tf.Tensor) -> tf.Tensor:
    """The power of two that holds `size`."""
    powers = 2 ** tf.range(31)
    return tf.reduce_min(tf.boolean_mask(powers, powers >= size))


def _bucket(size: tf.Tensor) -> tf.Tensor:
    """The size of a compiled loop that holds `size`: four sizes from a power of two to the next."""
    step = tf.maximum(_power(size) // 8, SMALLEST_STEP)
    return -(-size // step) * step


def columns_for(prompts: Prompts, model: LanguageModel, count: tf.Tensor) -> tf.Tensor:
    """Scalar int32: columns that prompts and `count` tokens need; the last token is not read."""
    return tf.minimum(tf.shape(prompts.ids)[1] + count - 1, model.block_size)


def _answer(texts: Texts, ids: tf.Tensor, tokenizer: GraphTokenizer) -> dict[str, tf.Tensor]:
    """Of ids (N, B), of which row b's first `made` count."""
    if isinstance(texts.said, tuple):
        made = tf.RaggedTensor.from_tensor(tf.transpose(ids), lengths=texts.made)
        text = tokenizer.decode(made)
    else:
        text = tokenizer.text_of(texts.said)
    return {
        "text": text,
        "tokens": texts.made,
        "finish_reason": texts.finish_reason,
    }
