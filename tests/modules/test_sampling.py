"""The next token: the likeliest, or drawn as often as its probability says."""

import numpy as np
import pytest
import tensorflow as tf

from gptfx.modules.generation.sampling import Sampling, penalize, sample, uniform_draws

PROBABILITIES = np.array([0.1, 0.5, 0.0625, 0.3375], np.float32)
COUNT = 20_000
UNLIKELY = 25.0  # chi-squared with up to 3 degrees of freedom exceeds it once in 60,000


def choose(
    draws: np.ndarray,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float | None = None,
    others: int = 0,
) -> np.ndarray:
    """One id for each draw, from PROBABILITIES and so many `others`, which never come."""
    logits = np.log(np.append(PROBABILITIES, [1e-30] * others)).astype(np.float32)
    each = [len(draws)]
    sampling = Sampling(
        tf.fill(each, temperature),
        tf.fill(each, top_k),
        tf.fill(each, top_p),
        None if min_p is None else tf.fill(each, min_p),
    )
    rows = tf.constant(np.tile(logits, (len(draws), 1)))
    return sample(rows, tf.constant(draws, tf.float32), sampling).numpy()


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
        ({"top_p": 0.59, "top_k": 2}, {1}),  # of what top-k left, the likeliest has 0.597
        ({"min_p": 0.0}, {0, 1, 2, 3}),
        ({"min_p": 0.15}, {0, 1, 3}),
        ({"min_p": 0.5}, {1, 3}),
        ({"min_p": 1.0}, {1}),
        ({"min_p": 0.15, "top_k": 2}, {1, 3}),
        ({"temperature": 2.0, "min_p": 0.35}, {0, 1, 2, 3}),  # of the cooled probabilities
        ({"temperature": 0.01}, {1}),
        ({"temperature": 1e9}, {0, 1, 2, 3}),
        ({"top_k": 3, "others": 100}, {0, 1, 3}),
        ({"top_k": 70, "others": 100}, {0, 1, 2, 3}),
        ({"top_p": 0.6, "others": 100}, {1, 3}),
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
        ({"min_p": 0.15}, PROBABILITIES * [1, 1, 0, 1]),
        ({"top_k": 3, "temperature": 0.5, "others": 100}, PROBABILITIES**2 * [1, 1, 0, 1]),
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
    assert sample(logits, tf.fill([3], 0.99), sampling).numpy().tolist() == [1, 3, 1]


def test_a_row_draws_the_same_whatever_its_neighbours_ask_for() -> None:
    rng = np.random.default_rng(0)
    logits, draws = rng.normal(size=(40, 300)), rng.random(40)
    settings = (rng.choice(each, 40) for each in ([0.0, 0.7, 1.3], [0, 5, 64, 90], [0.5, 0.9, 1.0]))
    types = (np.float32, np.int32, np.float32)
    every = [values.astype(dtype) for values, dtype in zip(settings, types, strict=True)]

    def chosen(rows: slice) -> list[int]:
        sampling = Sampling(*(tf.constant(values[rows]) for values in every))
        inputs = (tf.constant(values[rows], tf.float32) for values in (logits, draws))
        return sample(*inputs, sampling).numpy().tolist()

    assert chosen(slice(None)) == [chosen(slice(row, row + 1))[0] for row in range(40)]


def test_the_last_draw_before_one_is_of_a_possible_token() -> None:
    almost = np.array([np.nextafter(np.float32(1), np.float32(0))])
    assert choose(almost, top_k=2, others=100) == [3]
    assert choose(almost, others=100) == [3]


def test_a_penalty_makes_what_was_seen_less_likely() -> None:
    logits = tf.constant([[2.0, -1.0, 3.0], [2.0, -1.0, 3.0]])
    seen = tf.constant([[True, True, False], [False, False, False]])
    penalized = penalize(logits, seen, tf.constant([2.0, 2.0]))
    assert penalized.numpy().tolist() == [[1.0, -2.0, 3.0], [2.0, -1.0, 3.0]]


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
