"""Text as it is made: each call adds a few tokens and hands on all that the next one needs.

Nothing is kept between calls, so that any server that holds the model may answer the next one.
"""

from typing import Any

import tensorflow as tf

from gptfx.modules.config import GenerationConfig
from gptfx.modules.generation.bounds import Bound, demand
from gptfx.modules.generation.generate import columns_for
from gptfx.modules.generation.requests import Request, largest, read_prompts, setting_bounds
from gptfx.modules.generation.sampling import Sampling
from gptfx.modules.generation.stopping import longest_stop
from gptfx.modules.generation.writing import REASONS, RUNNING, Texts, Writer
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


def check(
    steps: tf.Tensor, state: Tensors, config: GenerationConfig, model: LanguageModel
) -> tf.Tensor:
    """Fails unless steps (B,) and state are what `go_on` can take; run it first.

    Nobody is trusted to hand on a state unchanged: what could make more work than `config` allows,
    or give what is no text, is refused here. Keys and values may be any, but must be as many.
    """
    given = {name: tf.shape(each)[0] for name, each in {"steps": steps, **state}.items()}
    rows = _usual(given)
    sizes = [Bound.of_size(name, size, rows, "text") for name, size in given.items()]
    state = _bare(state)
    steps_bound = Bound.between("steps", steps, 1, 2**31 - 1)
    settings = setting_bounds(_request(state), config)
    return demand([*sizes, steps_bound, *settings, *_state_bounds(state, config, model)])


def _state_bounds(state: Tensors, config: GenerationConfig, model: LanguageModel) -> list[Bound]:
    """What numbers a state may hold that are no settings."""
    highest = {
        "step": config.most_new_tokens,
        "token": model.vocab_size - 1,
        "made": config.most_new_tokens,
        "reason": len(REASONS) - 1,
        "shown": tf.strings.length(state["said"]),
        "length": model.block_size + config.most_new_tokens,  # these two where there is a cache
        "first": state.get("length"),
    }
    bounds = _column_bounds(state)
    for name in ("step", "length"):  # of the whole batch
        if (each := state.get(name)) is not None:
            alike, remedy = tf.equal(each, each[:1]), "hand on the state of one stream"
            bounds.append(Bound.of_each(f"{PREFIX}{name}: rows differ", each, alike, remedy))
    for name, most in highest.items():
        if (each := state.get(name)) is not None:
            good, remedy = (each >= 0) & (each <= most), "hand on the state as it was given"
            bounds.append(Bound.of_each(f"{PREFIX}{name}: out of bounds", each, good, remedy))
    return bounds


def _column_bounds(state: Tensors) -> list[Bound]:
    """Keys and values of all layers have room for as many tokens: one at least, if any text."""
    room = {
        name: tf.shape(each)[2] for name, each in state.items() if name.startswith(("keys", "val"))
    }
    if not room:  # a model without a cache
        return []
    columns = _usual(room)
    least = tf.minimum(tf.size(state["step"]), 1)
    remedy = "hand on the state as it was given"
    bounds = []
    for name, each in room.items():
        good = tf.equal(each, columns) & (each >= least)
        bounds.append(Bound(good, f"{PREFIX}{name}: wrong size", each, remedy))
    return bounds


def _usual(sizes: Tensors) -> tf.Tensor:
    """The size that most of them have: their median."""
    return tf.sort(tf.stack(list(sizes.values())))[len(sizes) // 2]


def _bare(state: Tensors) -> Tensors:
    return {name.removeprefix(PREFIX): value for name, value in state.items()}


def _request(state: Tensors) -> Request:
    sampling = Sampling(*(state[name] for name in Sampling._fields))
    return Request(state["said"], state["limits"], sampling, state["seed"], state["stop"])


def go_on(
    state: Tensors, steps: tf.Tensor, tokenizer: GraphTokenizer, model: LanguageModel
) -> Tensors:
    """Adds tokens to what `start` or this returned.

    Texts grow side by side: of steps (B,) int32, from 1, how many may be added to each, the fewest
    hold for all.
    """
    state = _bare(state)
    texts = Texts(
        tf.reduce_max(tf.concat([[0], state["step"]], axis=0)),
        *(state[name] for name in Texts._fields[1:]),
    )
    request = _request(state)
    most = largest(state["limits"])
    until = tf.minimum(texts.step + tf.reduce_min(tf.concat([most[None], steps], axis=0)), most)
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
    # decode_raw gives no columns when there is no text: the shape says how many belong there.
    last = tf.reshape(tf.cast(tf.io.decode_raw(tail, tf.uint8), tf.int32), (-1, 3))
    inside = (last >= 0x80) & (last < 0xC0)
    one = last[:, 2] >= 0xC0
    two = (last[:, 1] >= 0xE0) & inside[:, 2]
    three = (last[:, 0] >= 0xF0) & inside[:, 1] & inside[:, 2]
    half = tf.where(three, 3, tf.where(two, 2, tf.where(one, 1, 0)))
    return size - half
