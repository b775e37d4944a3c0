"""The fused optimizer does what AdamW's authors wrote down."""

import numpy as np
import tensorflow as tf

from gptfx.modules.config import TrainerConfig
from gptfx.modules.training.adamw import AdamW

CONFIG = TrainerConfig(steps=10, warmup_steps=4, learning_rate=0.1, weight_decay=0.5, beta_2=0.9)
RATES = [0.025, 0.05, 0.075, 0.1]  # of the first four steps


def by_hand(value: np.ndarray, gradients: list[np.ndarray], decay: float) -> np.ndarray:
    """AdamW on one variable."""
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
    variables = [tf.Variable(matrix, dtype=tf.float32), tf.Variable(vector, dtype=tf.float32)]
    optimizer = AdamW(variables, CONFIG)
    for step, pair in enumerate(gradients):
        optimizer.apply([tf.constant(g, tf.float32) for g in pair], tf.constant(step))
    on_matrix, on_vector = (list(column) for column in zip(*gradients, strict=True))
    np.testing.assert_allclose(variables[0], by_hand(matrix, on_matrix, decay=0.5), rtol=1e-4)
    np.testing.assert_allclose(variables[1], by_hand(vector, on_vector, decay=0.0), rtol=1e-4)
