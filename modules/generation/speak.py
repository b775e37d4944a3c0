"""Asking an exported model for text, from Python; needs TensorFlow, and none of our model code."""

from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf

from gptfx.data.errors import InputError
from gptfx.modules.export.card import require_packages


class Request(NamedTuple):
    """How a prompt is continued; see ``GenerationConfig``."""

    max_new_tokens: int
    temperature: float
    top_k: int
    top_p: float
    seed: int


def load(folder: Path) -> Any:
    """A SavedModel that was exported here.

    Raises InputError where there is none, or a package is missing that it needs.
    """
    require_packages(folder)
    try:
        return tf.saved_model.load(str(folder))
    except OSError:
        remedy = "name a folder that holds saved_model.pb"
        raise InputError("no model to load", str(folder), remedy) from None


def speak(model: Any, prompt: str, request: Request | None = None) -> str:
    """The continuation of `prompt`; without a request by the settings of the export."""
    # An argument of the command line may hold half characters; the model replaces them.
    text = tf.constant([prompt.encode("utf-8", "surrogatepass")])
    if request is None:
        answer = model.signatures["serving_default"](prompt=text)
    else:
        answer = model.signatures["generate"](
            prompt=text,
            max_new_tokens=tf.constant([request.max_new_tokens], tf.int32),
            temperature=tf.constant([request.temperature], tf.float32),
            top_k=tf.constant([request.top_k], tf.int32),
            top_p=tf.constant([request.top_p], tf.float32),
            seed=tf.constant([request.seed], tf.int64),
        )
    return str(answer["text"].numpy()[0].decode())
