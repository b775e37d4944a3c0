"""The next token: the likeliest, or drawn as often as its probability says."""

import numpy as np
import pytest
import tensorflow as tf

from gptfx.modules.generation.sampling import Sampling, sample, uniform_draws

PROBABILITIES = np.array([0.1, 0.5, 0.0625, 0.3375], np.float32)
COUNT = 20_000
UNLIKELY = 25.0  # chi-squared with up to 3 degrees of freedom exceeds it once in 60,000


def choose(
    draws: np.ndarray, temperature: float = 1.0, top_k: int = 0, top_p: float = 1.0
) -> np.ndarray:
    """One id for each draw, from PROBABILITIES."""
    rows = tf.fill([len(draws)], 0)
    logits = tf.gather(tf.math.log(PROBABILITIES)[None], rows)
    sampling = Sampling(
        tf.fill([len(draws)], temperature), tf.fill([len(draws)], top_k), tf.fill(rows.shape, top_p)
    )
    return sample(logits, tf.constant(draws, tf.float32), sampling).numpy()


EVEN = np.linspace(0.0, 1.0, 999, endpoint=False)  # draws from everywhere


def test_temperature_zero_takes_the_likeliest_whatever_is_drawn() -> None:
    assert set(choose(EVEN, temperature=0.0)) == {1}


def test_of_equally_likely_tokens_greedy_takes_the_first() -> None:
    one = tf.ones([1])
    greedy = Sampling(0.0 * one, tf.zeros([1], tf.int32), one)
    assert sample(tf.constant([[0.0, 2.0, 2.0]]), one * 0.9, greedy).numpy() == [1]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"top_k": 1}, {1}),
        ({"top_k": 2}, {1, 3}),
        ({"top_k": 99}, {0, 1, 2, 3}),
        ({"top_k": 0}, {0, 1, 2, 3}),
        ({"top_p": 1e-6}, {1}),
        ({"top_p": 0.0}, {1}),
        ({"top_p": 0.4}, {1}),
        ({"top_p": 0.6}, {1, 3}),
        ({"top_p": 0.9}, {0, 1, 3}),
        ({"top_p": 0.9, "top_k": 2}, {1, 3}),
        ({"temperature": 0.01}, {1}),
        ({"temperature": 1e9}, {0, 1, 2, 3}),
    ],
    ids=str,
)
def test_draws_from_everywhere_reach_exactly_the_allowed_tokens(
    settings: dict[str, float], expected: set[int]
) -> None:
    assert set(choose(EVEN, **settings)) == expected


@pytest.mark.parametrize(
    ("settings", "probabilities"),
    [
        ({}, PROBABILITIES),
        ({"temperature": 0.5}, PROBABILITIES**2),
        ({"temperature": 2.0}, PROBABILITIES**0.5),
        ({"top_k": 2}, PROBABILITIES * [0, 1, 0, 1]),
        ({"top_p": 0.9}, PROBABILITIES * [1, 1, 0, 1]),
    ],
    ids=str,
)
def test_tokens_come_as_often_as_they_should(
    settings: dict[str, float], probabilities: np.ndarray
) -> None:
    chosen = np.bincount(choose(np.random.default_rng(0).random(COUNT), **settings), minlength=4)
    expected = COUNT * probabilities / probabilities.sum()
    allowed = expected > 0
    assert chosen[~allowed].sum() == 0
    squares = (chosen - expected)[allowed] ** 2 / expected[allowed]
    assert squares.sum() < UNLIKELY


def test_every_row_has_its_own_settings() -> None:
    logits = tf.math.log(tf.constant([PROBABILITIES] * 3))
    sampling = Sampling(
        tf.constant([0.0, 1.0, 1.0]), tf.constant([0, 0, 1]), tf.constant([1.0, 1.0, 1.0])
    )
    assert sample(logits, tf.fill([3], 0.99), sampling).numpy().tolist() == [1, 2, 1]


def draws_of(seeds: list[int], count: int = 8) -> np.ndarray:
    return uniform_draws(tf.constant(seeds, tf.int64), tf.constant(count)).numpy()


def test_a_row_s_draws_depend_on_its_seed_alone() -> None:
    batch = draws_of([3, 4, 3])
    np.testing.assert_array_equal(batch[0], batch[2])
    np.testing.assert_array_equal(batch[1], draws_of([4])[0])
    assert not np.array_equal(batch[0], batch[1])


def test_more_draws_begin_with_the_same_draws() -> None:
    np.testing.assert_array_equal(draws_of([5], 3)[0], draws_of([5], 300)[0, :3])


def test_draws_are_spread_evenly_over_steps_and_over_seeds() -> None:
    assert draws_of([], 3).shape == (0, 3)
    table = draws_of(list(range(100)), 100)
    assert table.min() >= 0.0
    assert table.max() < 1.0
    for draws in (table.ravel(), table[:, 0], table[0]):
        counts = np.bincount((4 * draws).astype(int), minlength=4)
        assert ((counts - len(draws) / 4) ** 2 / (len(draws) / 4)).sum() < UNLIKELY
