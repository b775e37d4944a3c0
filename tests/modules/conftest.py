"""A tokenizer, a small GPT and the SavedModel of both, made once for all tests here."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
import pytest
import tensorflow as tf

from gptfx.data.fetch import TEXTS
from gptfx.modules.config import GenerationConfig, ModelConfig
from gptfx.modules.export.saved_model import export
from gptfx.modules.export.serving_model import ServingModel
from gptfx.modules.generation.speak import load
from gptfx.modules.language_model import LanguageModel, language_model
from gptfx.modules.models.gpt import GPT
from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.tokenizers.kinds import train_bpe
from gptfx.modules.tokenizers.splitting import split
from gptfx.modules.tokenizers.tokenizer import Tokenizer

BLOCK_SIZE = 8


class Exported(NamedTuple):
    """A SavedModel on disk, what `export` said of it, and the model it was made from."""

    folder: Path
    model_id: str
    model: LanguageModel
    config: GenerationConfig


@pytest.fixture(scope="session")
def texts() -> list[bytes]:
    """The texts that ship with the package."""
    return [(TEXTS / name).read_bytes() for name in ("scene.txt", "unicode.txt")]


@pytest.fixture(scope="session")
def tokenizer(texts: list[bytes]) -> Tokenizer:
    """Trained on the shipped texts; 384 ids."""
    counts = Counter(word for text in texts for word in split(text))
    return train_bpe(list(counts.items()), vocab_size=384)


@pytest.fixture(scope="session")
def graph_tokenizer(tokenizer: Tokenizer) -> GraphTokenizer:
    """The same inside TensorFlow."""
    return GraphTokenizer(tokenizer)


@pytest.fixture(scope="session")
def make_gpt() -> Callable[..., GPT]:
    """Makes a GPT with weights, two layers and a block of 8; keywords as in ModelConfig."""

    def make(vocab_size: int = 16, seed: int = 0, **sizes: float) -> GPT:
        keras.utils.set_random_seed(seed)
        shape = {"block_size": BLOCK_SIZE, "n_layer": 2, "n_head": 2, "n_embd": 8} | sizes
        gpt = GPT(ModelConfig.model_validate(shape), vocab_size)
        gpt(np.zeros((1, 2), np.int32))
        return gpt

    return make


@pytest.fixture(scope="session")
def make_lively(tokenizer: Tokenizer, make_gpt: Callable[..., GPT]) -> Callable[[], GPT]:
    """Makes a GPT that was never trained but has strong opinions: its words depend on the
    context."""

    def make() -> GPT:
        gpt = make_gpt(tokenizer.vocab_size, n_layer=1, positions="rotary")
        for variable in gpt.trainable_variables:
            if len(variable.shape) == 2:
                variable.assign(20.0 * variable)
        return gpt

    return make


@pytest.fixture(scope="session")
def lively_model(tokenizer: Tokenizer, make_lively: Callable[[], GPT]) -> LanguageModel:
    """The view of such a model."""
    return language_model(make_lively(), tokenizer.vocab_size, BLOCK_SIZE)


@pytest.fixture(scope="session")
def twelve_tokens() -> GenerationConfig:
    """How exported models speak."""
    return GenerationConfig(max_new_tokens=12, temperature=1.0, top_k=0, top_p=1.0, seed=7)


@pytest.fixture(scope="session")
def exported(
    tmp_path_factory: pytest.TempPathFactory,
    graph_tokenizer: GraphTokenizer,
    lively_model: LanguageModel,
    twelve_tokens: GenerationConfig,
) -> Exported:
    """The SavedModel of `lively_model`, which writes 12 tokens."""
    folder = tmp_path_factory.mktemp("export")
    serving = ServingModel(graph_tokenizer, lively_model, twelve_tokens)
    model_id = export(serving, folder, {"lineage": {"preset": "smoke"}})
    return Exported(folder, model_id, lively_model, twelve_tokens)


@pytest.fixture(scope="session")
def loaded(exported: Exported) -> Any:
    """The SavedModel, read back from disk."""
    return load(exported.folder)


@pytest.fixture(scope="session")
def signatures(loaded: Any) -> dict[str, Callable[..., dict[str, tf.Tensor]]]:
    """What the SavedModel answers to."""
    return loaded.signatures
