"""GPT: what it may look at, how large it is, what it knows before training."""

import math
from collections.abc import Callable

import keras
import numpy as np
import pytest

from gptfx.modules.config import ModelConfig
from gptfx.modules.models.attention import CausalSelfAttention
from gptfx.modules.models.gpt import GPT
from gptfx.modules.training.step import cross_entropy

MakeGpt = Callable[..., GPT]
VOCAB_SIZE, WIDTH, BLOCK_SIZE = 16, 8, 8  # of `make_gpt` if not asked otherwise


def random_ids(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(VOCAB_SIZE, size=shape, dtype=np.int32)


@pytest.mark.parametrize("time", range(1, BLOCK_SIZE + 1))
def test_every_length_up_to_the_block_gives_logits_for_every_token(
    make_gpt: MakeGpt, time: int
) -> None:
    logits = make_gpt()(random_ids(3, time))
    assert logits.shape == (3, time, VOCAB_SIZE)
    assert logits.dtype == "float32"


def test_no_rows_give_no_logits(make_gpt: MakeGpt) -> None:
    assert make_gpt()(random_ids(0, 4)).shape == (0, 4, VOCAB_SIZE)


@pytest.mark.parametrize("at", range(BLOCK_SIZE))
def test_a_later_token_changes_no_earlier_logit(make_gpt: MakeGpt, at: int) -> None:
    gpt, ids = make_gpt(), random_ids(1, BLOCK_SIZE)
    other = ids.copy()
    other[0, at] = (ids[0, at] + 1) % VOCAB_SIZE
    before, after = gpt(ids).numpy(), gpt(other).numpy()
    np.testing.assert_array_equal(before[:, :at], after[:, :at])
    assert (before[:, at:] != after[:, at:]).any(axis=-1).all()  # and every later one


def test_the_order_of_the_past_matters(make_gpt: MakeGpt) -> None:
    gpt = make_gpt()
    last = gpt(np.array([[1, 2, 3], [2, 1, 3]], np.int32)).numpy()[:, -1]
    assert not np.allclose(last[0], last[1], atol=1e-7)


def test_before_training_the_loss_is_that_of_a_fair_die(make_gpt: MakeGpt) -> None:
    gpt = make_gpt(vocab_size=500, n_embd=32)
    ids = np.random.default_rng(0).integers(500, size=(16, BLOCK_SIZE + 1), dtype=np.int32)
    loss = float(cross_entropy(gpt(ids[:, :-1]), ids[:, 1:]))
    assert loss == pytest.approx(math.log(500), abs=0.05)


@pytest.mark.parametrize("layers", [1, 3])
def test_the_parameters_are_as_many_as_by_hand(make_gpt: MakeGpt, layers: int) -> None:
    width = WIDTH
    norm = 2 * width
    attention = (width * 3 * width + 3 * width) + (width * width + width)
    feed_forward = (width * 4 * width + 4 * width) + (4 * width * width + width)
    embeddings = VOCAB_SIZE * width + BLOCK_SIZE * width
    by_hand = embeddings + layers * (2 * norm + attention + feed_forward) + norm
    assert make_gpt(n_layer=layers).count_params() == by_hand


def test_the_output_layer_is_the_token_embedding(make_gpt: MakeGpt) -> None:
    gpt = make_gpt()
    row = np.zeros((VOCAB_SIZE, WIDTH), np.float32)
    row[5] = 1.0  # ids 0 to 4 look alike now, and only id 5 is ever spoken of
    gpt.wte.embeddings.assign(row)
    logits = gpt(np.zeros((1, 4), np.int32)).numpy()
    assert (np.delete(logits, 5, axis=-1) == 0.0).all()


def test_projections_into_the_residual_stream_start_smaller(make_gpt: MakeGpt) -> None:
    gpt = make_gpt(n_layer=8, n_embd=64)
    for layer in (gpt.h[0].attn, gpt.h[7].mlp):
        assert np.std(layer.c_proj.kernel) == pytest.approx(0.02 / math.sqrt(16), rel=0.1)
    assert np.std(gpt.h[0].mlp.c_fc.kernel) == pytest.approx(0.02, rel=0.1)


def test_dropout_acts_in_training_only(make_gpt: MakeGpt) -> None:
    gpt, plain, ids = make_gpt(dropout=0.5), make_gpt(), random_ids(1, 4)
    plain.set_weights(gpt.get_weights())
    np.testing.assert_array_equal(gpt(ids), plain(ids))
    assert not np.array_equal(gpt(ids, training=True), plain(ids))


@pytest.mark.parametrize("heads", [1, 2])
def test_attention_is_that_of_the_paper(heads: int) -> None:
    keras.utils.set_random_seed(0)
    time, width = 5, 4
    layer = CausalSelfAttention(ModelConfig(n_head=heads, n_embd=width))
    x = np.random.default_rng(0).normal(size=(1, time, width)).astype(np.float32)
    layer(x)
    layer.c_attn.kernel.assign(50.0 * layer.c_attn.kernel)  # so that attention is far from even
    np.testing.assert_allclose(layer(x)[0], attend_by_hand(layer, x[0], heads), rtol=1e-4)


def attend_by_hand(layer: CausalSelfAttention, x: np.ndarray, heads: int) -> np.ndarray:
    """(T, C) to (T, C), one head and one query after the other."""
    queries, keys, values = np.split(
        x @ layer.c_attn.kernel.numpy() + layer.c_attn.bias.numpy(), 3, axis=1
    )
    head_width = x.shape[1] // heads
    y = np.zeros_like(x)
    for head in range(heads):
        columns = slice(head * head_width, (head + 1) * head_width)
        for now in range(len(x)):
            scores = keys[: now + 1, columns] @ queries[now, columns] / math.sqrt(head_width)
            weights = np.exp(scores) / np.exp(scores).sum()
            y[now, columns] = weights @ values[: now + 1, columns]
    return y @ layer.c_proj.kernel.numpy() + layer.c_proj.bias.numpy()
