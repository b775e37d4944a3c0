"""Weights that do not change any more, in narrower numbers."""

import numpy as np
import pytest
import tensorflow as tf

from gptfx.modules.config import Precision
from gptfx.modules.models import frozen
from gptfx.modules.models.frozen import LARGE, WIDEST, FrozenMatrix

# Above LARGE: tall, wide, in several blocks of which the last is not full, and odd.
SHAPES = [(2048, 136), (136, 2048), (48, 2 * WIDEST + 5), (12, LARGE // 8), (521, 509)]
NARROW: list[Precision] = ["bfloat16", "int8"]


def random(*shape: int) -> np.ndarray:
    return np.random.default_rng(3).standard_normal(shape).astype(np.float32)


def frozen_matrix(shape: tuple[int, int], precision: Precision) -> FrozenMatrix:
    return FrozenMatrix(tf.Variable(random(*shape)), precision)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("precision", NARROW)
def test_a_row_alone_gives_what_it_gives_among_others(
    shape: tuple[int, int], precision: Precision
) -> None:
    matrix, rows = frozen_matrix(shape, precision), random(3, shape[0])
    assert matrix.narrow is not None
    assert matrix.narrow.dtype == precision
    together = matrix(tf.constant(rows)).numpy()
    exact = rows.astype(np.float64) @ matrix.matrix.numpy().astype(np.float64)
    np.testing.assert_allclose(together, exact, atol=1e-3)
    compiled = tf.function(matrix.__call__, jit_compile=True, autograph=False)
    for each in (compiled, matrix):
        alone = each(tf.constant(rows[:1])).numpy()
        np.testing.assert_allclose(alone, exact[:1], atol=1e-3)


@pytest.mark.parametrize("precision", NARROW)
def test_weights_are_rounded_to_what_the_numbers_can_say(precision: Precision) -> None:
    before, matrix = random(512, 512), frozen_matrix((512, 512), precision)
    after = matrix.matrix.numpy()
    error = np.abs(after - before)
    assert error.max() > 0.0
    if precision == "bfloat16":  # eight bits of a mantissa
        assert np.all(error <= np.abs(before) * 2.0**-8)
    else:  # 255 steps from the largest of a column to its opposite
        assert np.all(error <= np.abs(before).max(axis=0) / 127 / 2 * 1.001)
        np.testing.assert_allclose(np.abs(after).max(axis=0), np.abs(before).max(axis=0))


def test_float32_is_left_alone() -> None:
    matrix = frozen_matrix((512, 512), "float32")
    assert matrix.narrow is None
    np.testing.assert_array_equal(matrix.matrix, random(512, 512))


@pytest.mark.parametrize("precision", NARROW)
def test_small_matrices_are_rounded_alike_but_not_kept_twice(precision: Precision) -> None:
    small = frozen_matrix((64, 64), precision)
    assert (small.narrow, small.scale) == (None, None)
    assert np.any(small.matrix.numpy() != random(64, 64))


def test_a_column_of_zeros_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frozen, "LARGE", 0)
    weights = random(8, 4)
    weights[:, 1] = 0.0
    matrix = FrozenMatrix(tf.Variable(weights), "int8")
    assert not matrix.matrix.numpy()[:, 1].any()
    said = matrix(tf.constant(random(1, 8))).numpy()
    assert np.all(np.isfinite(said))
    assert said[0, 1] == 0.0
