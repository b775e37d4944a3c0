"""The bigram model, by hand, and the sparse one beside the dense one."""

from functools import partial

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gptfx.data.errors import InputError
from gptfx.data.fetch import TEXTS
from gptfx.modules.config import BigramConfig, TrainerConfig
from gptfx.modules.language_model import LanguageModel, language_model
from gptfx.modules.models.bigram import (
    BigramCounts,
    DenseBigram,
    SparseBigram,
    TrainableBigram,
    fit_bigram,
)
from gptfx.modules.tokenizers.kinds import byte_tokenizer
from gptfx.modules.training.train_bigram import compare, train_bigram
from gptfx.modules.training.windows import InMemory

VOCAB_SIZE = 10
ids = st.integers(0, VOCAB_SIZE - 3)  # the last two ids are never seen
EVERY_ID = np.arange(VOCAB_SIZE, dtype=np.int32)
BY_GRADIENT = TrainerConfig(
    steps=400,
    batch_size=16,
    learning_rate=0.3,
    warmup_steps=0,
    min_learning_rate_ratio=0.0,
    weight_decay=0.0,
    log_every=1,
    device="cpu",
)
EVERY_PAIR = np.meshgrid(EVERY_ID, EVERY_ID, indexing="ij")  # inputs and targets


def fit(stream: list[int], smoothing: float = 8.0, dense: bool = True) -> LanguageModel:
    config = BigramConfig(smoothing=smoothing, dense_up_to=VOCAB_SIZE if dense else 0)
    model = fit_bigram([np.array(stream, np.int32)], VOCAB_SIZE, config)
    assert isinstance(model, DenseBigram if dense else SparseBigram)
    return language_model(model, VOCAB_SIZE, block_size=4)


def next_logits(model: LanguageModel) -> np.ndarray:
    """(V, V): the model's logits after each id."""
    prompts = np.zeros((VOCAB_SIZE, 4), np.int32)
    prompts[:, 3] = EVERY_ID
    first = tf.zeros([VOCAB_SIZE], tf.int32)
    return model.read(tf.constant(prompts), first, tf.constant(4))[0].numpy()


@pytest.mark.parametrize("dense", [True, False], ids=["dense", "sparse"])
def test_the_probabilities_are_those_computed_by_hand(dense: bool) -> None:
    model = fit([0, 1, 0, 1, 0, 2], smoothing=2.0, dense=dense)
    # How often each occurs, one imagined observation of each of the ten ids added:
    alone = np.array([4, 3, 2, 1, 1, 1, 1, 1, 1, 1]) / 16
    # 0 was followed by 1 twice and by 2 once; 1 by 0 twice; the others by nothing.
    seen = np.zeros((10, 10))
    seen[0, 1], seen[0, 2], seen[1, 0] = 2, 1, 2
    by_hand = (seen + 2.0 * alone) / (np.array([3, 2, 0, 0, 0, 0, 0, 0, 0, 0]) + 2.0)[:, None]
    assert by_hand[0, 1] == (2 + 2 * 3 / 16) / 5
    np.testing.assert_allclose(np.exp(next_logits(model)), by_hand, rtol=1e-5)


@given(st.lists(ids, max_size=40), st.sampled_from([0.1, 8.0]))
@settings(max_examples=40)
@example([], 8.0)
@example([3], 8.0)
def test_every_row_of_the_dense_table_sums_to_1(stream: list[int], smoothing: float) -> None:
    rows = np.exp(next_logits(fit(stream, smoothing))).sum(axis=1)
    np.testing.assert_allclose(rows, 1.0, atol=1e-5)


@given(st.lists(ids, max_size=40), st.sampled_from([0.1, 8.0]))
@settings(max_examples=40)
@example([], 8.0)
@example([3], 8.0)
def test_sparse_and_dense_say_the_same(stream: list[int], smoothing: float) -> None:
    dense, sparse = fit(stream, smoothing), fit(stream, smoothing, dense=False)
    table = next_logits(dense)
    np.testing.assert_allclose(next_logits(sparse), table, rtol=1e-5)
    nats, correct = sparse.score(*map(tf.constant, EVERY_PAIR))
    np.testing.assert_allclose(nats, dense.score(*map(tf.constant, EVERY_PAIR))[0], rtol=1e-5)
    # Exactly one id is held likeliest, and none is likelier (up to rounding).
    best = np.argmax(correct, axis=1)
    np.testing.assert_array_equal(np.sum(correct, axis=1), 1.0)
    np.testing.assert_allclose(table[EVERY_ID, best], table.max(axis=1), rtol=1e-5)


@pytest.mark.parametrize(
    "stream",
    [[0, 5, 0, 2, 0, 7], [0, 7, 0, 5, 0, 2], [4, 4, 4, 4, 4, 1, 2]],
    ids=["three followers", "the same the other way", "a rare pair against a frequent token"],
)
@pytest.mark.parametrize("smoothing", [0.1, 8.0])
def test_of_equally_likely_tokens_sparse_and_dense_hold_the_same_likeliest(
    stream: list[int], smoothing: float
) -> None:
    pairs = [tf.constant(ids) for ids in EVERY_PAIR]
    dense, sparse = fit(stream, smoothing), fit(stream, smoothing, dense=False)
    np.testing.assert_array_equal(dense.score(*pairs)[1], sparse.score(*pairs)[1])


def test_a_large_vocabulary_makes_no_table() -> None:
    vocab_size, length = 50_257, 300_000
    random = np.random.default_rng(0)
    stream = (vocab_size * random.random(length) ** 4).astype(np.int32)
    model = fit_bigram([stream], vocab_size, BigramConfig())
    assert isinstance(model, SparseBigram)
    assert sum(value.numpy().nbytes for value in model.variables) < 12 * length + 28 * vocab_size
    rows = model.row(tf.constant([0, 1, vocab_size - 1], tf.int64))
    np.testing.assert_allclose(tf.reduce_sum(tf.exp(rows), axis=1), 1.0, atol=1e-4)
    nats = -model.log_probability(tf.constant(stream[:-1]), tf.constant(stream[1:]))
    assert 0.0 < float(tf.reduce_mean(nats)) < np.log(vocab_size)


@pytest.fixture(scope="module")
def scene() -> tuple[np.ndarray, int]:
    """The ids of a shipped text, a token a byte, and how many ids there are."""
    tokenizer = byte_tokenizer()
    ids = tokenizer.encode((TEXTS / "scene.txt").read_bytes())
    return np.array(ids, np.int32), tokenizer.vocab_size


def test_training_brings_the_table_to_where_the_counts_say_is_its_optimum(
    scene: tuple[np.ndarray, int],
) -> None:
    stream, vocab_size = scene
    counts = BigramCounts.of([stream], vocab_size)
    source = partial(InMemory, stream, BY_GRADIENT, 64)
    trained, points = train_bigram(vocab_size, BY_GRADIENT, source, 64)
    exact = fit_bigram([stream], vocab_size, BigramConfig(smoothing=0.01))
    found = compare(counts, trained, language_model(exact, vocab_size, 64))
    assert points[0].loss == pytest.approx(np.log(vocab_size), abs=1e-3)  # all alike, at first
    assert 0.0 < found.trained - found.optimum <= 0.01  # near, and never below
    assert 0.0 < found.smoothed - found.optimum <= 0.01  # smoothed by next to nothing
    assert abs(found.trained - found.smoothed) <= 0.01


def test_the_optimum_is_computed_by_hand() -> None:
    counts = BigramCounts.of([np.array([0, 1, 0, 1, 0, 2], np.int32)], VOCAB_SIZE)
    # 0 is followed by 1, 1 and 2; 1 by 0 always.
    assert counts.entropy == pytest.approx(-(2 * np.log(2 / 3) + np.log(1 / 3)) / 5)


@pytest.mark.parametrize("dense", [True, False], ids=["dense", "sparse"])
def test_the_loss_over_a_stream_is_that_of_its_pairs(dense: bool) -> None:
    stream = [0, 1, 0, 1, 0, 2, 5, 5]
    model = fit(stream, dense=dense)
    nats, _ = model.score(tf.constant([stream[:-1]]), tf.constant([stream[1:]]))
    counts = BigramCounts.of([np.array(stream, np.int32)], VOCAB_SIZE)
    assert counts.mean_nats(model.score) == pytest.approx(float(tf.reduce_mean(nats)), rel=1e-5)


def test_a_table_too_large_to_be_trained_is_refused() -> None:
    with pytest.raises(InputError, match=r"8,193 x 8,193.*trainer\.steps=0"):
        TrainableBigram(8193)


def test_a_stream_that_comes_in_pieces_is_counted_as_a_whole() -> None:
    stream = np.random.default_rng(0).integers(0, VOCAB_SIZE, 50).astype(np.int32)
    whole = BigramCounts.of([stream], VOCAB_SIZE)
    parts = BigramCounts.of([stream[:0], stream[:1], stream[1:20], stream[20:]], VOCAB_SIZE)
    for name in ("keys", "counts", "unigram"):
        np.testing.assert_array_equal(getattr(parts, name), getattr(whole, name))
    assert whole.counts.sum() == 49
