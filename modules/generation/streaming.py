"""Text as it is made: each call adds a few tokens and hands on all that the next one needs.

Nothing is kept between calls, so that any server that holds the model may answer the next one.
"""

from typing import Any

import tensorflow as tf

from gptfx.modules.generation.generate import columns_for
from gptfx.modules.generation.requests import Request, largest, read_prompts
from gptfx.modules.generation.sampling import Sampling
from gptfx.modules.generation.stopping import longest_stop
from gptfx.modules.generation.writing import RUNNING, Texts, Writer
from gptfx.modules.language_model import LanguageModel
from gptfx.modules.tokenizers.graph import GraphTokenizer

PREFIX = "state_"
NUMBERS = ("limits", "step", "token", "made", "reason", "shown", "top_k")  # (B,) int32
FRACTIONS = ("temperature", "top_p", "min_p", "repetition_penalty")  # (B,) float32
Tensors = dict[str, tf.Tensor]


def state_specs(model: LanguageModel) -> dict[str, tf.TensorSpec]:
    """What a stream hands from call to call, by name; everything has a row a text."""
    flat = {
        **dict.fromkeys(NUMBERS, tf.int32),
        **dict.fromkeys(FRACTIONS, tf.float32),
        "cut_short": tf.bool,
        "said": tf.string,
        "stop": tf.string,
        "seed": tf.int64,
    }
    specs = {name: tf.TensorSpec([None], dtype) for name, dtype in flat.items()}
    specs["seen"] = tf.TensorSpec([None, model.vocab_size], tf.bool)
    return {PREFIX + name: spec for name, spec in {**specs, **model.packed_specs()}.items()}


def start(
    request: Request, tokenizer: GraphTokenizer, model: LanguageModel, slides: bool
) -> Tensors:
    """Reads prompts and makes the first token of each; see `generate`.

    Returns:
      `text` (B,) strings, what is new and certain: neither half a character nor what may become a
      stop string; `tokens` (B,) int32, how many were made so far; `finish_reason` (B,) strings,
      empty while more is to come; and the state (`state_specs`).
    """
    prompts = read_prompts(request, tokenizer, model, slides)
    one = tf.constant(1)
    writer = Writer(model, tokenizer, request, prompts.limits, prompts.cut_short, one)
    columns = columns_for(prompts, model, largest(prompts.limits))
    memory, texts = writer.begin(prompts, columns)
    return _answer(writer, memory, texts, tf.zeros_like(prompts.limits))


def go_on(
    state: Tensors, steps: tf.Tensor, tokenizer: GraphTokenizer, model: LanguageModel
) -> Tensors:
    """Adds up to `steps` tokens, a scalar int32, to what `start` or this returned."""
    state = {name.removeprefix(PREFIX): value for name, value in state.items()}
    texts = Texts(
        tf.reduce_max(tf.concat([[0], state["step"]], axis=0)),
        *(state[name] for name in Texts._fields[1:]),
    )
    sampling = Sampling(*(state[name] for name in Sampling._fields))
    request = Request(state["said"], state["limits"], sampling, state["seed"], state["stop"])
    most = largest(state["limits"])
    until = tf.minimum(texts.step + tf.minimum(steps, most), most)
    writer = Writer(model, tokenizer, request, state["limits"], state["cut_short"], until)
    memory, texts, _ = writer.go_on(model.unpack(state), texts, until)
    return _answer(writer, memory, texts, state["shown"])


def _answer(writer: Writer, memory: Any, texts: Texts, shown: tf.Tensor) -> Tensors:
    """What is new behind the `shown` (B,) bytes, and the state."""
    request = writer.request
    certain = tf.where(
        tf.equal(texts.reason, RUNNING),
        _certain(texts.said, request.stops),
        tf.strings.length(texts.said),
    )
    certain = tf.maximum(certain, shown)
    fresh = tf.strings.substr(texts.said, shown, certain - shown)
    rows = tf.shape(texts.token)
    flat = {
        **texts._asdict(),
        **request.sampling._asdict(),
        "step": tf.fill(rows, texts.step),
        "limits": writer.limits,
        "cut_short": writer.cut_short,
        "stop": request.stops,
        "seed": request.seeds,
        "shown": certain,
    }
    state = {PREFIX + name: value for name, value in {**flat, **writer.model.pack(memory)}.items()}
    return {
        "text": writer.tokenizer.text_of(fresh),
        "tokens": texts.made,
        "finish_reason": texts.finish_reason,
        **state,
    }


def _certain(said: tf.Tensor, stops: tf.Tensor) -> tf.Tensor:
    """(B,) int32: so many bytes of a text that goes on will stay as they are."""
    held = tf.maximum(longest_stop(stops) - 1, 0)  # may be the beginning of a stop string
    size = tf.maximum(tf.strings.length(said) - held, 0)
    # The last three bytes, (B, 3): one that begins a character of more bytes waits for them.
    tail = tf.strings.substr(tf.strings.join([b"\0\0\0", said]), size, 3 * tf.ones_like(size))
    last = tf.cast(tf.io.decode_raw(tail, tf.uint8), tf.int32)
    inside = (last >= 0x80) & (last < 0xC0)
    one = last[:, 2] >= 0xC0
    two = (last[:, 1] >= 0xE0) & inside[:, 2]
    three = (last[:, 0] >= 0xF0) & inside[:, 1] & inside[:, 2]
    half = tf.where(three, 3, tf.where(two, 2, tf.where(one, 1, 0)))
    return size - half
