"""Where a model starts: from random weights, or from those of a model that is there already."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from gptfx.data.errors import InputError
from gptfx.modules.config import ModelConfig
from gptfx.modules.export.card import read_card
from gptfx.modules.export.resources import SLASH
from gptfx.modules.models.gpt import GPT
from gptfx.modules.models.gpt2_weights import load_weights, read_config
from gptfx.modules.training.origin import HUGGING_FACE, REMEDY

# What a model's weights depend on; dropout and how weights begin may differ.
SHAPE = (
    "block_size",
    "n_layer",
    "n_head",
    "n_embd",
    "positions",
    "rotary_base",
    "norm",
    "activation",
    "qk_norm",
    "bias",
    "tie_embeddings",
)
EXPORTED = "model/model/"  # where an export keeps the weights of its GPT


def new_gpt(config: ModelConfig, vocab_size: int, precision: str = "float32") -> GPT:
    """A GPT with weights; activations and products are of `precision`, see TrainerConfig."""
    with _policy(precision):
        model = GPT(config, vocab_size)
        model(np.zeros((1, config.block_size), np.int32))  # makes the weights
    return model


@contextmanager
def _policy(precision: str) -> Iterator[None]:
    """Layers made inside compute in `precision`; their weights are float32."""
    before = keras.config.dtype_policy()
    mixed = precision if precision == "float32" else f"mixed_{precision}"
    keras.config.set_dtype_policy(mixed)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def start_from(model: GPT, folder: Path, tokenizer_digest: str | None = None) -> None:
    """Reads the weights in a folder, of Hugging Face's form or exported here, into a model.

    Raises InputError for a folder that holds neither, or a model of another shape or, where it was
    exported here, with another tokenizer.
    """
    if (folder / HUGGING_FACE).exists():
        found = read_config(folder)
        _require_same(found.config, found.vocab_size, model, folder)
        load_weights(model, folder)
        return
    card = read_card(folder)
    if card is None:
        raise InputError("there is no model to start from", str(folder), REMEDY)
    of_card, tokenizer = ModelConfig(**card["model"]), card["tokenizer"]
    if of_card.kind != "gpt":
        raise InputError("only a GPT can be started from", f"{folder}: a {of_card.kind}", REMEDY)
    _require_same(of_card, tokenizer["vocab_size"], model, folder)
    if tokenizer_digest not in (None, tokenizer["digest"]):
        remedy = "set tokenizer.file to the tokenizer.json in its assets.extra"
        raise InputError("the model to start from has another tokenizer", str(folder), remedy)
    _load_exported(model, folder)


def _load_exported(model: GPT, folder: Path) -> None:
    """Reads the weights of a SavedModel of ours, where each has the name of its place."""
    try:
        reader = tf.train.load_checkpoint(str(folder / "variables" / "variables"))
        names = [n for n in reader.get_variable_to_shape_map() if n.startswith(EXPORTED)]
        for name in names:
            place = name.removeprefix(EXPORTED).partition("/.")[0].replace(SLASH, "/")
            _at(model, place).assign(reader.get_tensor(name))
    except (tf.errors.OpError, AttributeError, ValueError) as error:
        received = f"{folder}: {str(error)[:200]}"
        raise InputError("the model to start from is damaged", received, REMEDY) from None
    if len(names) != len(model.weights):
        received = f"{folder}: {len(names)} weights of {len(model.weights)}"
        raise InputError("the model to start from is damaged", received, REMEDY)


def _at(model: GPT, place: str) -> keras.Variable:
    """The weight at a path of attributes and indices."""
    found: Any = model
    for part in place.split("/"):
        found = found[int(part)] if part.isdecimal() else getattr(found, part)
    return found


def _require_same(found: ModelConfig, vocab_size: int, model: GPT, folder: Path) -> None:
    """Raises InputError where a folder's model is not of the shape of `model`."""
    theirs = {**{key: getattr(found, key) for key in SHAPE}, "vocab_size": vocab_size}
    ours = {key: getattr(model.config, key) for key in SHAPE} | {"vocab_size": model.vocab_size}
    for key, value in ours.items():
        if theirs[key] != value:
            raise InputError(
                "the model to start from has another shape",
                f"{folder}: {key} = {theirs[key]}, where the configuration says {value}",
                f"set model.{key}={theirs[key]}" if key in SHAPE else "use its tokenizer",
            )
