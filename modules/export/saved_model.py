"""A SavedModel that stands on its own: strings in, strings out, TensorFlow's ops only.

This is its contract, `CONTRACT`. Everything is a tensor with a row a prompt, so that TensorFlow
Serving's row form works; (batch,) unless said otherwise.

Text:
  `serving_default`: `prompt` strings -> `text`, the continuations; `tokens` int32, how many were
    made; `finish_reason` strings: `length`, `stop` (the model ended the document, or a stop string
    was met), or `context` (the model cannot see further). Deterministic, with the settings fixed at
    export.
  `generate`: the same with `max_new_tokens` int32, `temperature` float32, `top_k` int32, `top_p`
    float32 and `seed` int64; all are required.
  `generate_compiled`: the same by XLA: faster, but the first request of a size compiles for
    seconds. Rounding differs, so that a drawn text may differ. A server without XLA refuses it.
  `generate_controlled`: `generate` with `min_p` float32, `repetition_penalty` float32 and `stop`
    strings, of which each may be several with U+001F between them.
  `stream_start`: inputs of `generate_controlled` -> `text`, what is new; `tokens` so far;
    `finish_reason`, empty while more is to come; and outputs whose names begin with `state_`.
  `stream_next`: these, and `steps` int32, from 1, the most tokens to add to each (texts grow side
    by side: the fewest hold for all) -> the same again. The texts joined are that of
    `generate_controlled`.

Figures:
  `score`: `text` strings -> `nats` float32, -log probability of all tokens; `tokens` and `bytes`
    int32.
  `evaluate`: `examples` strings, serialized tf.Examples with a `text` feature -> `nats`, `tokens`,
    `bytes` and `correct` float32, see ``evaluation/scoring.py``.
  `tokenize`: `text` -> `ids` (tokens,) int64, one text's behind the other's, and `row_splits`
    (batch + 1,) int64, where each text's begin and end. Special tokens that a text spells are
    ordinary text.
  `detokenize`: `ids` and `row_splits` -> `text`; special tokens stand for nothing; ids that are
    none are refused.

An empty prompt starts from the document separator; invalid UTF-8 counts as U+FFFD. What is out of
bounds is refused by name, as INVALID_ARGUMENT: more rows than `largest_batch`, a prompt longer than
`longest_prompt` bytes or than a context that does not slide, more tokens than `most_new_tokens`,
parameters that make no sense, and a stream's state of which the parts do not fit together or are
out of bounds. (One that was altered within them gives another text.) The bounds are in the card,
under `generation`. (What is not even a vector, TensorFlow refuses in its own words.)

The tokenizer lies beside it, in ``assets.extra/tokenizer.json``. Where it normalizes, its op is one
of tensorflow-text's, and the card says so under `requires`.
"""

import hashlib
import json
import platform
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gptfx import __version__
from gptfx.modules.export.card import CARD_FORMAT, CARD_PATH, CONTRACT, write_card
from gptfx.modules.export.resources import resources
from gptfx.modules.export.serving_model import ServingModel


def export(serving_model: ServingModel, folder: Path, card: dict[str, Any]) -> str:
    """Writes the SavedModel and its card into `folder`; returns the model's id."""
    # Not the model itself: each of its functions would be traced again, and saved beside its
    # signature.
    kept = resources(serving_model.tokenizer, serving_model.model.inner)
    tf.saved_model.save(kept, str(folder), signatures=serving_model.signatures())
    identity = model_id(serving_model, card)
    versions = {
        "gptfx": __version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }
    tokenizer = serving_model.tokenizer.source
    requires = ["tensorflow-text"] if tokenizer.normalization != "none" else []
    fixed = {"format": CARD_FORMAT, "contract": CONTRACT, "model_id": identity}
    found = {"parameters": int(serving_model.model.model.count_params())}
    write_card(folder, {**fixed, **found, "versions": versions, "requires": requires, **card})
    tokenizer.save(folder / CARD_PATH.parent)
    return identity


def model_id(serving_model: ServingModel, card: dict[str, Any]) -> str:
    """16 hexadecimal digits from contract, card, tokenizer and weights: the same training, the same
    id; with another contract it is another model, which is pushed anew."""
    digest = hashlib.sha256(json.dumps([CONTRACT, card], sort_keys=True).encode())
    digest.update(serving_model.tokenizer.digest.encode())
    for value in tf.nest.flatten(serving_model.model.model.variables):
        digest.update(np.ascontiguousarray(value.numpy()).tobytes())
    return digest.hexdigest()[:16]
