"""The fused optimizer does what AdamW's authors wrote down."""

import math

import numpy as np
import pytest
import tensorflow as tf

from gptfx.modules.config import TrainerConfig
from gptfx.modules.training.adamw import AdamW, learning_rate

CONFIG = TrainerConfig(
    steps=10, warmup_steps=4, learning_rate=0.1, weight_decay=0.5, beta_2=0.9, gradient_clip=1.0
)
RATES = [0.025, 0.05, 0.075, 0.1]  # of the first four steps


def by_hand(value: np.ndarray, gradients: list[np.ndarray], decay: float) -> np.ndarray:
    """AdamW on one variable, whose gradients are clipped already."""
    mean, square = np.zeros_like(value), np.zeros_like(value)
    for step, (rate, gradient) in enumerate(zip(RATES, gradients, strict=True), start=1):
        value = value - rate * decay * value
        mean = 0.9 * mean + 0.1 * gradient
        square = CONFIG.beta_2 * square + (1 - CONFIG.beta_2) * gradient**2
        unbiased_mean = mean / (1 - 0.9**step)
        unbiased_square = square / (1 - CONFIG.beta_2**step)
        value = value - rate * unbiased_mean / (np.sqrt(unbiased_square) + 1e-8)
    return value


def test_four_steps_equal_those_by_hand() -> None:
    random = np.random.default_rng(0)
    matrix, vector = random.normal(size=(2, 3)), random.normal(size=3)
    gradients = [(random.normal(size=(2, 3)), random.normal(size=3)) for _ in RATES]
    gradients[1] = (0.01 * gradients[1][0], 0.01 * gradients[1][1])  # too short to be clipped
    variables = [tf.Variable(matrix, dtype=tf.float32), tf.Variable(vector, dtype=tf.float32)]
    optimizer = AdamW(variables, CONFIG)
    clipped = []
    for step, pair in enumerate(gradients):
        norm = math.sqrt(sum((gradient**2).sum() for gradient in pair))
        told = optimizer.apply([tf.constant(g, tf.float32) for g in pair], tf.constant(step))
        assert float(told) == pytest.approx(norm, rel=1e-5)
        clipped.append([gradient / max(norm, 1.0) for gradient in pair])
    on_matrix, on_vector = (list(column) for column in zip(*clipped, strict=True))
    np.testing.assert_allclose(variables[0], by_hand(matrix, on_matrix, decay=0.5), rtol=1e-4)
    np.testing.assert_allclose(variables[1], by_hand(vector, on_vector, decay=0.0), rtol=1e-4)


def rate(step: float, **changes: float) -> float:
    config = CONFIG.model_copy(update=changes)
    return float(learning_rate(tf.constant(step, tf.float32), config)) / config.learning_rate


def test_the_learning_rate_climbs_to_its_peak_and_falls_to_its_floor() -> None:
    assert [rate(step) for step in range(4)] == pytest.approx([0.25, 0.5, 0.75, 1.0])
    assert rate(4) == pytest.approx(1.0)
    assert rate(7) == pytest.approx((1 + 0.05) / 2)  # half way down
    assert rate(10) == rate(11) == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("changes", "step", "expected"),
    [
        ({"warmup_steps": 0}, 0, 1.0),
        ({"warmup_steps": 10}, 9, 1.0),
        ({"warmup_steps": 100}, 9, 0.1),  # the peak lies beyond the end
        ({"min_learning_rate_ratio": 0.0}, 10, 0.0),
        ({"min_learning_rate_ratio": 1.0}, 10, 1.0),
        ({"steps": 1, "warmup_steps": 0}, 0, 1.0),
    ],
)
def test_at_its_corners(changes: dict[str, float], step: int, expected: float) -> None:
    assert rate(step, **changes) == pytest.approx(expected, abs=1e-6)
