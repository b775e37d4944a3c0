"""Scores equal those computed by hand from logits: every token once, every byte once."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from gptfx.modules.evaluation import scoring
from gptfx.modules.evaluation.metrics import Sums, bits_per_byte
from gptfx.modules.language_model import LanguageModel
from gptfx.modules.tokenizers.graph import GraphTokenizer
from gptfx.modules.tokenizers.tokenizer import Tokenizer

TEXTS = [
    b"",
    b"a",
    b"To be, or not to be, that is the question:",
    "漢é😀".encode(),
    b"bad \xff\xfe",
]
BLOCK_SIZE = 8


def serialized(text: bytes) -> bytes:
    feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[text]))
    return tf.train.Example(
        features=tf.train.Features(feature={"text": feature})
    ).SerializeToString()


def score_by_hand(text: bytes, tokenizer: Tokenizer, model: LanguageModel) -> dict[str, float]:
    """From the logits of the Keras model, a window at a time."""
    ids = tokenizer.encode(text)
    before = [tokenizer.separator_id, *ids]
    nats, correct = 0.0, 0
    for start in range(0, len(ids), BLOCK_SIZE):
        targets = ids[start : start + BLOCK_SIZE]
        inputs = np.array([before[start : start + len(targets)]], np.int32)
        logits: Any = model.model(inputs)[0].numpy().astype(np.float64)
        probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        nats -= np.log(probabilities[np.arange(len(targets)), targets]).sum()
        correct += (logits.argmax(axis=1) == targets).sum()
    return {"nats": nats, "tokens": len(ids), "bytes": len(text), "correct": correct}


@pytest.fixture(scope="module")
def scores(signatures: dict[str, Callable[..., dict[str, tf.Tensor]]]) -> dict[str, np.ndarray]:
    """What the SavedModel's `evaluate` says of TEXTS."""
    answer = signatures["evaluate"](examples=tf.constant([serialized(text) for text in TEXTS]))
    return {key: value.numpy() for key, value in answer.items()}


@pytest.mark.parametrize("row", range(len(TEXTS)))
def test_the_saved_model_s_sums_are_those_by_hand(
    scores: dict[str, np.ndarray], tokenizer: Tokenizer, lively_model: LanguageModel, row: int
) -> None:
    by_hand = score_by_hand(TEXTS[row], tokenizer, lively_model)
    assert {key: value[row] for key, value in scores.items()} == pytest.approx(by_hand, rel=1e-4)


def test_bits_per_byte_are_those_by_hand(
    scores: dict[str, np.ndarray], tokenizer: Tokenizer, lively_model: LanguageModel
) -> None:
    nats = sum(score_by_hand(text, tokenizer, lively_model)["nats"] for text in TEXTS)
    by_hand = nats / math.log(2) / sum(map(len, TEXTS))
    sums = Sums(*(float(scores[key].sum()) for key in Sums._fields))
    assert bits_per_byte(sums) == pytest.approx(by_hand, rel=1e-4)
    assert by_hand > 1.0


class Watched:
    """A model, and how many windows it was asked about each time."""

    def __init__(self, model: LanguageModel) -> None:
        self.model, self.vocab_size, self.block_size = model, model.vocab_size, model.block_size
        self.windows: list[int] = []

    def score(self, inputs: tf.Tensor, targets: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        self.windows.append(int(tf.shape(inputs)[0]))
        return self.model.score(inputs, targets)


@pytest.mark.parametrize("bound", ["TOKENS_AT_ONCE", "LOGITS_AT_ONCE"])
def test_a_long_text_is_scored_in_parts_that_add_up(
    graph_tokenizer: GraphTokenizer,
    lively_model: LanguageModel,
    monkeypatch: pytest.MonkeyPatch,
    bound: str,
) -> None:
    """So that memory stays bounded, whatever the text and the vocabulary."""
    watched = Watched(lively_model)
    texts = tf.constant([TEXTS[2] * 3, b"", b"x"])
    whole = scoring.score_texts(texts, graph_tokenizer, watched)
    count = max(watched.windows)
    assert count > 5
    watched.windows.clear()
    logits = lively_model.vocab_size if bound == "LOGITS_AT_ONCE" else 1
    monkeypatch.setattr(scoring, bound, 5 * BLOCK_SIZE * logits)
    parts = scoring.score_texts(texts, graph_tokenizer, watched)
    assert max(watched.windows) == 5
    assert sum(watched.windows) == count + 1  # the third text's
    for name, values in whole.items():
        np.testing.assert_allclose(parts[name], values, rtol=1e-5)
