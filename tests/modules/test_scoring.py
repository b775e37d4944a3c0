"""A text is scored in parts, so that memory stays bounded; the parts add up to the whole."""

from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from gptfx.modules.config import ModelConfig
from gptfx.modules.evaluation import scoring
from gptfx.modules.language_model import language_model
from gptfx.modules.models.gpt import GPT
from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.tokenizers.tokenizer import Tokenizer

BLOCK = 8
TEXTS = tf.constant([b"To be, or not to be, that is the question. " * 3, b"", b"x"])


class Watched:
    """A model, and the shapes of what it was asked about."""

    def __init__(self, model: Any) -> None:
        self.model, self.vocab_size, self.block_size = model, model.vocab_size, model.block_size
        self.windows: list[int] = []

    def score(self, inputs: tf.Tensor, targets: tf.Tensor) -> Any:
        self.windows.append(int(tf.shape(inputs)[0]))
        return self.model.score(inputs, targets)


@pytest.fixture
def watched() -> Watched:
    gpt = GPT(ModelConfig(block_size=BLOCK, n_layer=1, n_head=1, n_embd=4), 257)
    gpt(np.zeros((1, 2), np.int32))
    return Watched(language_model(gpt, 257, BLOCK))


def test_a_long_text_is_scored_in_parts_that_add_up(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = GraphTokenizer(Tokenizer(()))
    whole = scoring.score_texts(TEXTS, tokenizer, watched)
    assert max(watched.windows) == 17  # of 129 bytes
    watched.windows.clear()
    monkeypatch.setattr(scoring, "TOKENS_AT_ONCE", 5 * BLOCK)
    parts = scoring.score_texts(TEXTS, tokenizer, watched)
    assert watched.windows[:4] == [5, 5, 5, 2]
    for name, values in whole.items():
        np.testing.assert_allclose(parts[name], values, rtol=1e-6)


def test_a_large_vocabulary_makes_the_parts_smaller(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scoring, "LOGITS_AT_ONCE", 257 * 2 * BLOCK)
    scoring.score_texts(TEXTS, GraphTokenizer(Tokenizer(())), watched)
    assert max(watched.windows) == 2
