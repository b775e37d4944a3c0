"""Where windows come from: shuffled or random, from memory or from files, weighted or not."""

import numpy as np
import pytest
import tensorflow as tf

from gptfx.data.errors import InputError
from gptfx.modules.config import TrainerConfig
from gptfx.modules.training.packing import Passage, pack
from gptfx.modules.training.windows import (
    InMemory,
    Mixture,
    Streamed,
    require_windows,
    validation_batches,
)

SEPARATOR = 99


def in_memory(length: int, block_size: int, **config: object) -> InMemory:
    """Windows of the stream 0, 1, 2 ..., 8 a batch unless said otherwise."""
    made = TrainerConfig.model_validate({"batch_size": 8, **config})
    return InMemory(np.arange(length, dtype=np.int32), made, block_size)


def test_a_stream_must_hold_a_window_and_the_token_after_it() -> None:
    require_windows(np.zeros(5, np.int32), block_size=4)
    with pytest.raises(InputError, match=r"4 tokens for model\.block_size = 4.*set a smaller"):
        require_windows(np.zeros(4, np.int32), block_size=4)


@pytest.mark.parametrize("windows", ["shuffled", "random"])
def test_a_window_is_a_piece_of_the_stream_with_the_token_after_it(windows: str) -> None:
    source = in_memory(50, 5, windows=windows)
    starts = source.draw(0, 4)
    assert starts.shape == (4, 8)
    tokens = source.windows(tf.constant(starts[0])).numpy()
    assert tokens.dtype == np.int32
    np.testing.assert_array_equal(tokens, starts[0][:, None] + np.arange(6))


def test_an_epoch_of_shuffled_windows_has_every_piece_of_the_stream_once() -> None:
    source = in_memory(length=85, block_size=5)
    assert source.per_epoch == 16  # two batches
    epochs = [source.draw(epoch * 2, 2).ravel() for epoch in range(3)]
    for starts in epochs:
        assert np.unique(np.diff(np.sort(starts))).tolist() == [5]
        assert starts.min() >= 0
        assert starts.max() + 5 < 85
    assert len({starts.tobytes() for starts in epochs}) == 3
    assert len({starts.min() for starts in epochs}) > 1  # the cuts fall elsewhere


@pytest.mark.parametrize("length", [6, 7, 10])
def test_random_windows_start_everywhere_the_last_place_included(length: int) -> None:
    drawn = in_memory(length, 5, windows="random").draw(0, 40)
    assert set(drawn.ravel().tolist()) == set(range(length - 5))


def test_a_stream_of_a_single_window_is_enough() -> None:
    assert in_memory(6, 5).draw(0, 2).tolist() == [[0] * 8] * 2


@pytest.mark.parametrize("windows", ["shuffled", "random"])
def test_windows_depend_on_seed_and_step_alone(windows: str) -> None:
    whole = in_memory(400, 5, windows=windows, seed=1).draw(0, 40)
    again = in_memory(400, 5, windows=windows, seed=1)
    np.testing.assert_array_equal(again.draw(13, 20), whole[13:33])
    np.testing.assert_array_equal(again.draw(3, 9), whole[3:12])
    assert not np.array_equal(whole, in_memory(400, 5, windows=windows, seed=2).draw(0, 40))


def streamed(*passages: list[int], **config: object) -> Streamed:
    ragged = tf.ragged.constant(passages, dtype=tf.int64)
    dataset = tf.data.Dataset.from_tensor_slices(ragged)
    made = TrainerConfig.model_validate({"batch_size": 2, "shuffle_buffer": 4, **config})
    return Streamed(dataset, SEPARATOR, made, block_size=2)


def test_streamed_windows_are_the_passages_with_a_separator_before_each() -> None:
    source = streamed([1, 2, 3], [4], [5, 6, 7, 8], shuffle_buffer=1)
    drawn = source.draw(0, 2)
    assert drawn.reshape(-1, 3).tolist() == [[99, 1, 2], [3, 99, 4], [99, 5, 6], [99, 1, 2]]
    np.testing.assert_array_equal(source.windows(tf.constant(drawn[0])), drawn[0])


def test_a_streamed_run_that_goes_on_draws_what_it_would_have_drawn() -> None:
    passages = [[index, index + 1] for index in range(40)]
    whole = streamed(*passages)
    first = [whole.draw(0, 3), whole.draw(3, 5)]
    np.testing.assert_array_equal(streamed(*passages).draw(3, 5), first[1])
    assert len(np.unique(np.concatenate(first)[:, :, 1])) > 5


def test_files_without_a_window_are_refused() -> None:
    with pytest.raises(InputError, match="shorter than one window"):
        streamed([1]).draw(0, 1)


def test_validation_windows_do_not_overlap_and_predict_every_token_once() -> None:
    batches = list(validation_batches(np.arange(23), 4, 3, most_tokens=1000))
    assert [len(inputs) for inputs, _ in batches] == [3, 2]
    targets = np.concatenate([part for _, part in batches])
    assert targets.ravel().tolist() == list(range(1, 21))
    few = list(validation_batches(np.arange(23), 4, 3, most_tokens=9))
    assert sum(len(inputs) for inputs, _ in few) == 2


def test_an_eval_split_without_a_window_is_refused() -> None:
    with pytest.raises(InputError, match=r"eval split is shorter than one window.*4 tokens"):
        list(validation_batches(np.arange(4), 4, 3, most_tokens=1000))


def mixture(
    weights: dict[str, float], lengths: dict[str, int], block_size: int = 4
) -> Mixture | None:
    passages = [Passage(f"{name}/f".encode(), 0, np.zeros(n)) for name, n in lengths.items()]
    return Mixture.of(pack(passages, SEPARATOR), weights, block_size)


def test_weights_of_one_leave_every_window_equally_likely() -> None:
    assert mixture({}, {"a": 9, "b": 9}) is None
    assert mixture({"a": 1.0}, {"a": 9, "b": 9}) is None


def test_windows_start_in_a_corpus_as_often_as_its_tokens_times_its_weight() -> None:
    mixed = mixture({"a": 3.0, "c": 0.5}, {"a": 99, "b": 299, "c": 603}, block_size=4)
    starts = mixed.place(np.random.default_rng(1).random(60_000)).astype(int)
    shares = np.histogram(starts, [0, 100, 400, 1000])[0] / len(starts)
    assert shares == pytest.approx([300 / 900, 300 / 900, 300 / 900], abs=0.01)
    assert (starts.min(), starts.max()) == (0, 999)
    inside = np.bincount(starts[starts < 100], minlength=100)  # about 200 each
    assert 120 < inside.min() <= inside.max() < 300


def test_weighted_windows_are_drawn_at_random_and_stay_in_the_stream() -> None:
    stream = pack([Passage(b"a/1", 0, np.arange(19)), Passage(b"b/1", 0, np.arange(19))], SEPARATOR)
    mixed = Mixture.of(stream, {"b": 50.0}, 4)
    config = TrainerConfig(batch_size=64, seed=7)
    starts = InMemory(stream.ids, config, 4, mixed).draw(1, 2)
    again = InMemory(stream.ids, config, 4, mixed).draw(1, 1)
    np.testing.assert_array_equal(starts[:1], again)
    assert not np.array_equal(starts[0], starts[1])
    assert starts.max() <= 35
    assert (starts >= 20).mean() > 0.9
