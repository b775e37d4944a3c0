"""Training: the loss falls, the same seed gives the same weights, and what happens is told."""

import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gptfx.data.errors import InputError
from gptfx.modules.config import TrainerConfig
from gptfx.modules.models.gpt import GPT
from gptfx.modules.progress import Progress, report
from gptfx.modules.training.loop import Point, fit

STREAM = np.tile(np.array([1, 2, 3, 4, 5], np.int32), 20)
CONFIG = TrainerConfig(steps=50, log_every=20, warmup_steps=5, learning_rate=0.02, batch_size=4)
LOSS = "loss/train_nats_per_token"


class Fitted(NamedTuple):
    """What one training left behind."""

    weights: list[np.ndarray]
    points: list[Point]
    told: list[Progress]
    log_dir: Path


@pytest.fixture(scope="module")
def train(
    make_gpt: Callable[..., GPT], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[TrainerConfig], Fitted]:
    """Trains a GPT with dropout from the same start."""

    def run(config: TrainerConfig) -> Fitted:
        gpt = make_gpt(n_layer=1, dropout=0.1)
        told: list[Progress] = []
        log_dir = tmp_path_factory.mktemp("logs")
        points = fit(gpt, STREAM, config, 8, log_dir, on_progress=told.append)
        return Fitted(gpt.get_weights(), points, told, log_dir)

    return run


@pytest.fixture(scope="module")
def fitted(train: Callable[[TrainerConfig], Fitted]) -> Fitted:
    return train(CONFIG)


def test_the_loss_falls_on_what_repeats_itself(fitted: Fitted) -> None:
    losses = [point.loss for point in fitted.points]
    assert losses[0] <= math.log(16)
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] < 0.4


def test_the_same_seed_gives_the_same_weights_to_the_bit(
    fitted: Fitted, train: Callable[[TrainerConfig], Fitted]
) -> None:
    again = train(CONFIG)
    for mine, yours in zip(fitted.weights, again.weights, strict=True):
        np.testing.assert_array_equal(mine, yours)
    assert [point.loss for point in fitted.points] == [point.loss for point in again.points]


def test_another_seed_takes_other_windows(
    fitted: Fitted, train: Callable[[TrainerConfig], Fitted]
) -> None:
    other = train(CONFIG.model_copy(update={"seed": 1}))
    assert other.points[0].loss != fitted.points[0].loss


def test_progress_is_told_with_units(fitted: Fitted) -> None:
    assert [(told.done, told.total, told.unit) for told in fitted.told] == [
        (20, 50, "step"),
        (40, 50, "step"),
        (50, 50, "step"),
    ]
    assert [told.loss for told in fitted.told] == [point.loss for point in fitted.points]
    assert fitted.told[0].seconds_left > 0.0
    assert fitted.told[-1].seconds_left == 0.0


def test_a_progress_reads_well_and_stays_whole_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    told = Progress("training", 20, 50, "step", 1.25, 12_345.6, 61.0)
    with caplog.at_level(logging.INFO, "gptfx.progress"):
        report(told)
        report(Progress("merging", 1, 2, "merge"))
    assert caplog.messages == [
        "training: step 20/50, loss 1.250 nats/token, 12,346 tokens/s, 61 s left",
        "merging: merge 1/2",
    ]
    assert caplog.records[0].progress is told


def test_tensorboard_finds_the_curves(fitted: Fitted) -> None:
    events = EventAccumulator(str(fitted.log_dir)).Reload()
    assert set(events.Tags()["tensors"]) == {
        LOSS,
        "gradient_norm",
        "tokens_per_second",
        "learning_rate",
    }
    curve = [(event.step, tf.make_ndarray(event.tensor_proto)) for event in events.Tensors(LOSS)]
    assert curve == [(point.step, pytest.approx(point.loss)) for point in fitted.points]


def test_no_steps_leave_the_weights_alone(make_gpt: Callable[..., GPT]) -> None:
    gpt = make_gpt(n_layer=1)
    before = gpt.get_weights()
    assert fit(gpt, STREAM, TrainerConfig(steps=0), 8) == []
    for mine, yours in zip(before, gpt.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, yours)


def test_a_loss_that_is_no_number_ends_the_training_and_names_the_step(
    make_gpt: Callable[..., GPT],
) -> None:
    gpt = make_gpt(n_layer=1)
    gpt.wpe.embeddings.assign(np.full((8, 8), np.nan, np.float32))
    with pytest.raises(FloatingPointError, match=r"nan at step 3; .*trainer\.learning_rate"):
        fit(gpt, STREAM, CONFIG.model_copy(update={"log_every": 3}), 8)


def test_a_stream_shorter_than_a_window_is_refused(make_gpt: Callable[..., GPT]) -> None:
    with pytest.raises(InputError, match="shorter than one window"):
        fit(make_gpt(n_layer=1), STREAM[:8], CONFIG, 8)
