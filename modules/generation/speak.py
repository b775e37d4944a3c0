"""Asking an exported model, from Python; needs TensorFlow, and none of our model code."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf

from gptfx.data.errors import InputError
from gptfx.modules.config import STOP_SEPARATOR
from gptfx.modules.export.card import require_packages
from gptfx.modules.export.versions import require_model

REFUSAL = re.compile(r"assertion failed: \[(.*?)\. Received: (.*?)\. What to do: (.*?)\.\]", re.S)
PATIENCE = 0.1  # seconds that a call of a stream takes about


class Request(NamedTuple):
    """How a prompt is continued; see ``GenerationConfig`` and ``Sampling``."""

    max_new_tokens: int
    temperature: float
    top_k: int
    top_p: float
    seed: int
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    stop: tuple[str, ...] = ()

    @property
    def is_plain(self) -> bool:
        """Whether the signature `generate` can take it."""
        return (self.min_p, self.repetition_penalty, self.stop) == (0.0, 1.0, ())


class Answer(NamedTuple):
    """The continuation of a prompt: tokens made, and `length`, `stop` or `context`; of a piece of a
    stream the reason is empty while more is to come."""

    text: str
    tokens: int
    finish_reason: str


class Score(NamedTuple):
    """How well a text is predicted: -log probability of all its tokens, and its size."""

    nats: float
    tokens: int
    bytes: int


def load(folder: Path) -> Any:
    """A SavedModel that was exported here.

    Raises InputError where there is none (`require_model`), where it is damaged, or a package is
    missing that it needs.
    """
    require_model(folder)
    require_packages(folder)
    try:
        return tf.saved_model.load(str(folder))
    except Exception as error:  # whatever TensorFlow stumbles over in what is there
        problem = f"the model is damaged: {str(error).splitlines()[0][:200].rstrip('.')}"
        remedy = "name another model, or make it again"
        raise InputError(problem, str(folder), remedy) from error


def answer(model: Any, prompts: Sequence[str], request: Request | None = None) -> list[Answer]:
    """Continues prompts in one request; row b's seed is the request's and b.

    Without a request the settings of the export hold, for every row the same.

    Raises InputError for what the model refuses.
    """
    if request is None:
        made = _call(model, "serving_default", prompt=_strings(prompts))
    else:
        signature = "generate" if request.is_plain else "generate_controlled"
        made = _call(model, signature, **_inputs(prompts, request, not request.is_plain))
    rows = zip(*(made[name].numpy().tolist() for name in Answer._fields), strict=True)
    return [Answer(text.decode(), tokens, reason.decode()) for text, tokens, reason in rows]


def stream(model: Any, prompt: str, request: Request) -> Iterator[Answer]:
    """The same for one prompt, in pieces, as they are made; joined they are the answer's text.

    Raises InputError for what the model refuses.
    """
    made, steps = _call(model, "stream_start", **_inputs([prompt], request, True)), 1
    while True:
        text, tokens, reason = (made[name].numpy()[0] for name in Answer._fields)
        yield Answer(text.decode(), int(tokens), reason.decode())
        if reason:
            return
        state = {name: value for name, value in made.items() if name.startswith("state_")}
        started = time.monotonic()
        made = _call(model, "stream_next", steps=tf.constant([steps]), **state)
        if time.monotonic() - started < PATIENCE / 2:  # each call costs something of its own
            steps *= 2


def score(model: Any, texts: Sequence[bytes]) -> list[Score]:
    """How well the model predicts each text; its first token from the document separator."""
    made = _call(model, "score", text=tf.constant(list(texts), tf.string))
    rows = zip(*(made[name].numpy().tolist() for name in Score._fields), strict=True)
    return [Score(*row) for row in rows]


def _strings(texts: Sequence[str]) -> tf.Tensor:
    # An argument of the command line may hold half characters; the model replaces them.
    return tf.constant([text.encode("utf-8", "surrogatepass") for text in texts], tf.string)


def _inputs(prompts: Sequence[str], request: Request, all_of_them: bool) -> dict[str, tf.Tensor]:
    """Of `generate`, or all that `generate_controlled` takes."""
    rows = len(prompts)
    inputs = {
        "prompt": _strings(prompts),
        "max_new_tokens": tf.fill([rows], tf.constant(request.max_new_tokens, tf.int32)),
        "temperature": tf.fill([rows], tf.constant(request.temperature, tf.float32)),
        "top_k": tf.fill([rows], tf.constant(request.top_k, tf.int32)),
        "top_p": tf.fill([rows], tf.constant(request.top_p, tf.float32)),
        "seed": tf.constant([request.seed + row for row in range(rows)], tf.int64),
    }
    if all_of_them:
        inputs["min_p"] = tf.fill([rows], tf.constant(request.min_p, tf.float32))
        penalty = tf.constant(request.repetition_penalty, tf.float32)
        inputs["repetition_penalty"] = tf.fill([rows], penalty)
        inputs["stop"] = _strings([STOP_SEPARATOR.join(request.stop)] * rows)
    return inputs


def _call(model: Any, signature: str, **inputs: tf.Tensor) -> dict[str, tf.Tensor]:
    if signature not in model.signatures:
        raise InputError(
            "the model was exported by an older gptfx, or not by gptfx",
            f"signatures {', '.join(sorted(model.signatures))}",
            f"choose or train another: {signature} is needed",
        )
    with _refusals():
        return dict(model.signatures[signature](**inputs))


@contextmanager
def _refusals() -> Iterator[None]:
    """Turns what the model refuses by name into an InputError."""
    try:
        yield
    except tf.errors.InvalidArgumentError as error:
        refused = REFUSAL.search(str(error))
        if refused is None:
            raise
        what, received, remedy = refused.groups()
        raise InputError(what, received, remedy) from None
