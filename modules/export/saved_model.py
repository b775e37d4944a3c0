"""A SavedModel that stands on its own: strings in, strings out, TensorFlow's ops only.

Signatures:
  `serving_default`: `prompt` (batch,) strings -> `text`, `tokens`, `finish_reason`; deterministic,
    with the settings fixed at export.
  `generate`: the same with `max_new_tokens` int32, `temperature` float32, `top_k` int32, `top_p`
    float32 and `seed` int64, each (batch,).
  `evaluate`: `examples` (batch,) serialized tf.Examples with a `text` feature -> `nats`, `tokens`,
    `bytes` and `correct` (batch,) float32, see ``evaluation/scoring.py``.
  `tokenize`: `text` (batch,) strings -> `ids` (tokens,) int64, one text's behind the other's, and
    `row_splits` (batch + 1,) int64, where each text's begin and end. Special tokens that a text
    spells are ordinary text.
  `detokenize`: `ids` and `row_splits` -> `text` (batch,); special tokens stand for nothing.

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
from gptfx.modules.config import GenerationConfig
from gptfx.modules.evaluation.scoring import score_texts
from gptfx.modules.export.card import CARD_FORMAT, CARD_PATH, write_card
from gptfx.modules.export.resources import resources
from gptfx.modules.generation.generate import generate
from gptfx.modules.generation.sampling import Sampling
from gptfx.modules.language_model import LanguageModel, language_model
from gptfx.modules.tokenizers.graph import GraphTokenizer

FORM = 2  # of what is saved: another one is another model, which is pushed anew


class ServingModel(tf.Module):
    """What is exported: tokenizer, model and the functions behind the signatures."""

    def __init__(
        self, tokenizer: GraphTokenizer, model: LanguageModel, config: GenerationConfig
    ) -> None:
        super().__init__(name="gptfx")
        self.tokenizer, self.model, self.config = tokenizer, model, config

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="prompt")])
    def speak(self, prompt: tf.Tensor) -> dict[str, tf.Tensor]:
        """Continues prompts with the settings fixed at export."""
        shape = tf.shape(prompt)
        sampling = Sampling(
            tf.fill(shape, self.config.temperature),
            tf.fill(shape, self.config.top_k),
            tf.fill(shape, self.config.top_p),
        )
        new_tokens = tf.fill(shape, self.config.max_new_tokens)
        seeds = tf.fill(shape, tf.constant(self.config.seed, tf.int64))
        return generate(prompt, new_tokens, sampling, seeds, self.tokenizer, self.model)

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.string, name="prompt"),
            tf.TensorSpec([None], tf.int32, name="max_new_tokens"),
            tf.TensorSpec([None], tf.float32, name="temperature"),
            tf.TensorSpec([None], tf.int32, name="top_k"),
            tf.TensorSpec([None], tf.float32, name="top_p"),
            tf.TensorSpec([None], tf.int64, name="seed"),
        ]
    )
    def generate(
        self,
        prompt: tf.Tensor,
        max_new_tokens: tf.Tensor,
        temperature: tf.Tensor,
        top_k: tf.Tensor,
        top_p: tf.Tensor,
        seed: tf.Tensor,
    ) -> dict[str, tf.Tensor]:
        """Continues prompts, each with its own settings."""
        sampling = Sampling(temperature, top_k, top_p)
        return generate(prompt, max_new_tokens, sampling, seed, self.tokenizer, self.model)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="examples")])
    def evaluate(self, examples: tf.Tensor) -> dict[str, tf.Tensor]:
        """Scores the `text` of serialized tf.Examples."""
        features = {"text": tf.io.FixedLenFeature([], tf.string)}
        texts = tf.io.parse_example(examples, features)["text"]
        return score_texts(texts, self.tokenizer, self.model)

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string, name="text")])
    def tokenize(self, text: tf.Tensor) -> dict[str, tf.Tensor]:
        """Texts to ids."""
        ids = self.tokenizer.encode(text)
        return {"ids": ids.values, "row_splits": ids.row_splits}

    @tf.function(
        input_signature=[
            tf.TensorSpec([None], tf.int64, name="ids"),
            tf.TensorSpec([None], tf.int64, name="row_splits"),
        ]
    )
    def detokenize(self, ids: tf.Tensor, row_splits: tf.Tensor) -> dict[str, tf.Tensor]:
        """Ids to texts."""
        return {"text": self.tokenizer.decode(tf.RaggedTensor.from_row_splits(ids, row_splits))}


class Sampler:
    """Lets a model that is being fitted speak, from an empty prompt."""

    def __init__(self, tokenizer: GraphTokenizer, config: GenerationConfig) -> None:
        self.tokenizer, self.config = tokenizer, config
        self.serving: ServingModel | None = None  # its graph is made once

    def __call__(self, model: keras.Model) -> str:
        """A text by the weights as they are."""
        if self.serving is None:
            view = language_model(model, self.tokenizer.source.vocab_size, model.config.block_size)
            self.serving = ServingModel(self.tokenizer, view, self.config)
        return str(self.serving.speak(tf.constant([b""]))["text"].numpy()[0].decode())


def export(serving_model: ServingModel, folder: Path, card: dict[str, Any]) -> str:
    """Writes the SavedModel and its card into `folder`; returns the model's id."""
    tf.saved_model.save(
        resources(serving_model.tokenizer, serving_model.model),
        str(folder),
        signatures={
            "serving_default": serving_model.speak,
            "generate": serving_model.generate,
            "evaluate": serving_model.evaluate,
            "tokenize": serving_model.tokenize,
            "detokenize": serving_model.detokenize,
        },
    )
    identity = model_id(serving_model, card)
    versions = {
        "gptfx": __version__,
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
    }
    tokenizer = serving_model.tokenizer.source
    requires = ["tensorflow-text"] if tokenizer.normalization != "none" else []
    fixed = {"format": CARD_FORMAT, "model_id": identity, "versions": versions}
    write_card(folder, {**fixed, "requires": requires, **card})
    tokenizer.save(folder / CARD_PATH.parent)
    return identity


def model_id(serving_model: ServingModel, card: dict[str, Any]) -> str:
    """16 hexadecimal digits from card, tokenizer and weights: the same training, the same id."""
    digest = hashlib.sha256(json.dumps([FORM, card], sort_keys=True).encode())
    digest.update(serving_model.tokenizer.digest.encode())
    for value in tf.nest.flatten(serving_model.model.model.variables):
        digest.update(np.ascontiguousarray(value.numpy()).tobytes())
    return digest.hexdigest()[:16]
