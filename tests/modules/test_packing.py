"""Passages become a stream, and the stream windows."""

import random

import numpy as np
import pytest
import tensorflow as tf

from gptfx.data.errors import InputError
from gptfx.modules.training.packing import (
    Mixture,
    Passage,
    pack,
    random_windows,
    require_windows,
    scoring_windows,
)

SEPARATOR = 99


def test_passages_are_packed_in_order_with_a_separator_before_each_source() -> None:
    passages = [
        Passage(b"a/1.txt", 0, np.array([1, 2])),
        Passage(b"a/1.txt", 9, np.array([3])),
        Passage(b"a/1.txt", 10, np.array([4])),  # by number, not by the digits
        Passage(b"b/0.txt", 0, np.array([], np.int64)),
        Passage(b"b/0.txt", 5, np.array([5, 6])),
    ]
    random.Random(0).shuffle(passages)
    stream = pack(iter(passages), SEPARATOR)
    assert stream.ids.tolist() == [SEPARATOR, 1, 2, 3, 4, SEPARATOR, 5, 6]
    assert stream.ids.dtype == np.int32


def test_no_passages_make_an_empty_stream() -> None:
    assert pack([], SEPARATOR).ids.tolist() == []


def test_a_stream_must_hold_a_window_and_the_token_after_it() -> None:
    require_windows(np.zeros(5, np.int32), block_size=4)
    with pytest.raises(InputError, match=r"4 tokens for model\.block_size = 4.*set a smaller"):
        require_windows(np.zeros(4, np.int32), block_size=4)


def draw(length: int, block_size: int, seed: int = 0, step: int = 0) -> tuple[np.ndarray, ...]:
    """A batch of 32 windows of the stream 0, 1, 2 ..."""
    stream = tf.range(length)
    windows = random_windows(stream, 32, block_size, seed, tf.constant(step))
    return tuple(part.numpy() for part in windows)


def test_a_target_is_the_token_after_its_input() -> None:
    inputs, targets = draw(length=20, block_size=5)
    assert inputs.shape == targets.shape == (32, 5)
    np.testing.assert_array_equal(inputs, inputs[:, :1] + np.arange(5))
    np.testing.assert_array_equal(targets, inputs + 1)


@pytest.mark.parametrize("length", [6, 7, 10])
def test_every_offset_is_drawn_the_last_included(length: int) -> None:
    drawn = {int(start) for step in range(9) for start in draw(length, 5, step=step)[0][:, 0]}
    assert drawn == set(range(length - 5))


def test_windows_depend_on_seed_and_step_alone() -> None:
    first = draw(1000, 5, seed=1, step=2)[0]
    np.testing.assert_array_equal(first, draw(1000, 5, seed=1, step=2)[0])
    for seed, step in [(1, 3), (2, 2), (2, 1)]:
        assert not np.array_equal(first, draw(1000, 5, seed=seed, step=step)[0])


@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 8, 9])
def test_every_token_is_predicted_once_from_what_precedes_it(length: int) -> None:
    ids = list(range(10, 10 + length))
    cut = scoring_windows(tf.constant(ids, tf.int64), SEPARATOR, block_size=4)
    inputs, targets, mask = (part.numpy() for part in cut)
    assert inputs.shape == targets.shape == mask.shape == (-(-length // 4), 4)
    assert targets[mask == 1].tolist() == ids
    assert inputs[mask == 1].tolist() == [SEPARATOR, *ids][:-1] if ids else not inputs.size
    assert mask.sum() == length


def mixture(
    weights: dict[str, float], lengths: dict[str, int], block_size: int = 4
) -> Mixture | None:
    passages = [Passage(f"{name}/f".encode(), 0, np.zeros(n)) for name, n in lengths.items()]
    return Mixture.of(pack(passages, SEPARATOR), weights, block_size)


def test_a_stream_knows_where_each_corpus_begins() -> None:
    passages = [
        Passage(b"b/1", 0, np.array([4])),
        Passage(b"a/2", 0, np.array([3])),
        Passage(b"a/1", 0, np.array([1, 2])),
    ]
    stream = pack(passages, SEPARATOR)
    assert stream.starts == {"a": 0, "b": 5}
    assert stream.ids[5:].tolist() == [SEPARATOR, 4]


def test_weights_of_one_leave_every_window_equally_likely() -> None:
    assert mixture({}, {"a": 9, "b": 9}) is None
    assert mixture({"a": 1.0}, {"a": 9, "b": 9}) is None


def test_windows_start_in_a_corpus_as_often_as_its_tokens_times_its_weight() -> None:
    mixed = mixture({"a": 3.0, "c": 0.5}, {"a": 99, "b": 299, "c": 603}, block_size=4)
    starts = mixed.place(tf.random.stateless_uniform([60_000], [1, 2], dtype=tf.float64)).numpy()
    shares = np.histogram(starts, [0, 100, 400, 1000])[0] / len(starts)
    assert shares == pytest.approx([300 / 900, 300 / 900, 300 / 900], abs=0.01)
    assert (starts.min(), starts.max()) == (0, 999)
    inside = np.bincount(starts[starts < 100], minlength=100)  # about 200 each
    assert 120 < inside.min() <= inside.max() < 300


def test_weighted_windows_depend_on_seed_and_step_alone_and_stay_in_the_stream() -> None:
    stream = tf.range(40)
    mixed = Mixture.of(
        pack([Passage(b"a/1", 0, np.arange(19)), Passage(b"b/1", 0, np.arange(19))], SEPARATOR),
        {"b": 50.0},
        4,
    )
    draws = [random_windows(stream, 64, 4, 7, tf.constant(step), mixed)[0] for step in (1, 1, 2)]
    assert np.array_equal(draws[0], draws[1])
    assert not np.array_equal(draws[0], draws[2])
    first = draws[0].numpy()[:, 0]
    assert first.max() <= 35
    assert (first >= 20).mean() > 0.9
