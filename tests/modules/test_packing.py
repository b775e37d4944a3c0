"""Passages become a stream, and the stream windows."""

import random

import numpy as np
import pytest
import tensorflow as tf

from gptfx.data.errors import InputError
from gptfx.modules.training.packing import (
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
