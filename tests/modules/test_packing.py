"""Passages become a stream; a text becomes the windows that score it."""

import random

import numpy as np
import pytest
import tensorflow as tf

from gptfx.modules.training.packing import Passage, pack, scoring_windows

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


@pytest.mark.parametrize("length", [0, 1, 3, 4, 5, 8, 9])
def test_every_token_is_predicted_once_from_what_precedes_it(length: int) -> None:
    ids = list(range(10, 10 + length))
    cut = scoring_windows(tf.constant(ids, tf.int64), SEPARATOR, block_size=4)
    inputs, targets, mask = (part.numpy() for part in cut)
    assert inputs.shape == targets.shape == mask.shape == (-(-length // 4), 4)
    assert targets[mask == 1].tolist() == ids
    assert inputs[mask == 1].tolist() == [SEPARATOR, *ids][:-1] if ids else not inputs.size
    assert mask.sum() == length


def test_a_stream_knows_where_each_corpus_begins() -> None:
    passages = [
        Passage(b"b/1", 0, np.array([4])),
        Passage(b"a/2", 0, np.array([3])),
        Passage(b"a/1", 0, np.array([1, 2])),
    ]
    stream = pack(passages, SEPARATOR)
    assert stream.starts == {"a": 0, "b": 5}
    assert stream.ids[5:].tolist() == [SEPARATOR, 4]
