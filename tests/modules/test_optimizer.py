"""Who fits what: AdamW all weights, or Muon the hidden matrices; clipped together."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from gptfx.modules.config import TrainerConfig
from gptfx.modules.models.gpt import GPT
from gptfx.modules.training.muon import Muon, orthogonalize
from gptfx.modules.training.optimizer import Optimizer, is_hidden

FLAT = {"warmup_steps": 0, "min_learning_rate_ratio": 1.0}


def normal(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


@pytest.mark.parametrize("shape", [(6, 6), (4, 16), (16, 4)])
def test_an_orthogonalized_matrix_keeps_directions_and_loses_sizes(shape: tuple[int, int]) -> None:
    matrix = normal(*shape)
    left, sizes, right = np.linalg.svd(matrix, full_matrices=False)
    assert sizes.max() / sizes.min() > 1.5
    made = orthogonalize(tf.constant(matrix[None]))[0].numpy()
    inside = left.T @ made @ right.T  # diagonal, if the directions are the same
    np.testing.assert_allclose(inside, np.diag(np.diag(inside)), atol=1e-4)
    assert np.all((np.diag(inside) > 0.6) & (np.diag(inside) < 1.3))


def test_matrices_of_one_shape_are_orthogonalized_each_by_itself() -> None:
    one, other = normal(5, 5), 9.0 * normal(7, 5)[2:]
    both = orthogonalize(tf.constant(np.stack([one, other])))
    np.testing.assert_allclose(both[0], orthogonalize(tf.constant(one[None]))[0], atol=1e-5)
    np.testing.assert_allclose(both[1], orthogonalize(tf.constant(other[None]))[0], atol=1e-5)


def test_two_steps_of_muon_equal_those_by_hand() -> None:
    config = TrainerConfig(optimizer="muon", muon_learning_rate=0.1, muon_weight_decay=0.5, **FLAT)
    start, gradients = normal(4, 16), [normal(4, 16), normal(8, 16)[4:]]
    variable = tf.Variable(start)
    muon = Muon([variable], config)
    value, momentum = start, np.zeros_like(start)
    for step, gradient in enumerate(gradients):
        muon.apply([tf.constant(gradient)], tf.constant(step))
        momentum = 0.95 * momentum + gradient
        turned = orthogonalize(tf.constant((gradient + 0.95 * momentum)[None]))[0].numpy()
        value = value * (1 - 0.1 * 0.5) - 0.1 * 2.0 * turned  # sqrt(16 / 4) = 2
    np.testing.assert_allclose(variable, value, rtol=1e-4, atol=1e-6)


def test_queries_keys_and_values_are_turned_each_by_itself() -> None:
    config = TrainerConfig(optimizer="muon", muon_learning_rate=1.0, **FLAT)
    gradient = normal(4, 12)
    whole = tf.Variable(tf.zeros([4, 12]))
    thirds = [tf.Variable(tf.zeros([4, 4])) for _ in range(3)]
    Muon([whole], config).apply([tf.constant(gradient)], tf.constant(0))
    Muon(thirds, config).apply(tf.split(tf.constant(gradient), 3, axis=1), tf.constant(0))
    np.testing.assert_allclose(whole, np.concatenate(thirds, axis=1), atol=1e-6)


def test_muon_has_the_hidden_matrices_and_adamw_the_rest(make_gpt: Callable[..., GPT]) -> None:
    gpt = make_gpt(n_layer=2)
    hidden = [variable.path for variable in gpt.trainable_variables if is_hidden(variable)]
    assert len(hidden) == 2 * 4
    assert not any("wte" in path or "wpe" in path for path in hidden)
    optimizer = Optimizer(gpt.trainable_variables, TrainerConfig(optimizer="muon"))
    assert optimizer.muon
    assert len(optimizer.muon.momenta) == 8
    assert len(optimizer.adamw.first) == len(gpt.trainable_variables) - 8
    assert Optimizer(gpt.trainable_variables, TrainerConfig()).muon is None


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_every_weight_moves_and_the_norm_is_that_before_clipping(
    make_gpt: Callable[..., GPT], kind: str
) -> None:
    gpt = make_gpt()
    config = TrainerConfig(optimizer=kind, gradient_clip=0.5, **FLAT)
    before = gpt.get_weights()
    optimizer = Optimizer(gpt.trainable_variables, config)
    gradients = [tf.ones_like(variable) for variable in gpt.trainable_variables]
    norm = optimizer.apply(gradients, tf.constant(0))
    assert float(norm) == pytest.approx(math.sqrt(gpt.count_params()), rel=1e-5)
    after = gpt.get_weights()
    assert all((one != other).all() for one, other in zip(before, after, strict=True))


def test_long_gradients_are_clipped_all_by_one_factor(make_gpt: Callable[..., GPT]) -> None:
    gpt = make_gpt()
    optimizer = Optimizer(gpt.trainable_variables, TrainerConfig(gradient_clip=1.0, **FLAT))
    gradients = [tf.ones_like(variable) for variable in gpt.trainable_variables]
    optimizer.apply(gradients, tf.constant(0))
    expected = 0.1 / math.sqrt(gpt.count_params())  # AdamW's mean after one step: a tenth
    for mean in optimizer.adamw.first:
        np.testing.assert_allclose(mean, expected, rtol=1e-5)
