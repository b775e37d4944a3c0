"""Training: the loss falls, the same seed gives the same weights, and what happens is told."""

import logging
import math
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from gptfx.modules.config import TrainerConfig
from gptfx.modules.models.gpt import GPT
from gptfx.modules.progress import Progress, report
from gptfx.modules.training.curves import Point
from gptfx.modules.training.loop import DivergedError, Watch, fit
from gptfx.modules.training.step import cross_entropy
from gptfx.modules.training.windows import InMemory

BLOCK_SIZE = 8
STREAM = np.tile(np.array([1, 2, 3, 4, 5], np.int32), 20)
CONFIG = TrainerConfig(steps=50, log_every=20, warmup_steps=5, learning_rate=0.02, batch_size=4)


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
        watch = Watch(log_dir, validation=STREAM, on_progress=told.append)
        points = fit(gpt, InMemory(STREAM, config, BLOCK_SIZE), config, BLOCK_SIZE, watch)
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


def test_no_steps_leave_the_weights_alone(make_gpt: Callable[..., GPT]) -> None:
    gpt = make_gpt(n_layer=1)
    before = gpt.get_weights()
    config = TrainerConfig(steps=0)
    assert fit(gpt, InMemory(STREAM, config, 8), config, 8) == []
    for mine, yours in zip(before, gpt.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, yours)


def fails_at_once(gpt: GPT, checkpoints: Path | None = None, **changes: object) -> str:
    """What a training says that diverges."""
    config = CONFIG.model_copy(update=changes)
    with pytest.raises(DivergedError) as raised:
        fit(gpt, InMemory(STREAM, config, 8), config, 8, Watch(checkpoints=checkpoints))
    return str(raised.value)


def test_a_loss_that_is_no_number_ends_the_training_and_names_the_very_step(
    make_gpt: Callable[..., GPT],
) -> None:
    gpt = make_gpt(n_layer=1)
    gpt.wpe.embeddings.assign(np.full((8, 8), np.nan, np.float32))
    said = fails_at_once(gpt, log_every=3)
    assert "not finite at step 1 with a learning rate of 0.004" in said  # a fifth of the peak
    assert "the last good checkpoint is none yet" in said
    assert "trainer.learning_rate" in said


def test_a_loss_far_above_its_lowest_ends_it_and_names_the_last_good_checkpoint(
    make_gpt: Callable[..., GPT], tmp_path: Path
) -> None:
    wild = {"learning_rate": 50.0, "log_every": 2, "checkpoint_every": 2, "warmup_steps": 8}
    said = fails_at_once(make_gpt(n_layer=1), tmp_path, divergence=0.5, **wild)
    step = int(said.split("at step ")[1].split()[0])
    assert " nats, after " in said
    assert f"the last good checkpoint is {tmp_path}/step-{step - 2};" in said


def test_training_ends_early_and_keeps_its_best_weights(make_gpt: Callable[..., GPT]) -> None:
    other = np.random.default_rng(0).integers(1, 6, 200).astype(np.int32)  # nothing to learn from
    changes = {"steps": 400, "validate_every": 20, "patience": 3, "export": "best"}
    config = CONFIG.model_copy(update=changes)
    gpt = make_gpt(n_layer=1)
    watch = Watch(validation=other)
    points = fit(gpt, InMemory(STREAM, config, 8), config, 8, watch)
    looks = [point.validation_loss for point in points]
    best = int(np.argmin(looks))
    assert len(points) == best + 1 + 3 < 20
    assert validation_loss(gpt, other) == pytest.approx(looks[best], rel=1e-5)


def validation_loss(gpt: GPT, stream: np.ndarray) -> float:
    """Nats a token over windows that do not overlap."""
    count = (len(stream) - 1) // BLOCK_SIZE
    inputs = stream[: count * BLOCK_SIZE].reshape(count, BLOCK_SIZE)
    targets = stream[1 : count * BLOCK_SIZE + 1].reshape(count, BLOCK_SIZE)
    return float(cross_entropy(gpt(inputs), tf.constant(targets)))


def test_the_average_of_the_weights_is_what_is_kept(make_gpt: Callable[..., GPT]) -> None:
    """After one step the average of ema = 0.75 lies a quarter of the way."""
    moved = {}
    for ema in (None, 0.75):
        config = CONFIG.model_copy(update={"steps": 1, "ema": ema, "warmup_steps": 0})
        gpt = make_gpt(n_layer=1)
        start = gpt.wte.get_weights()[0]
        fit(gpt, InMemory(STREAM, config, 8), config, 8)
        moved[ema] = gpt.wte.get_weights()[0] - start
    assert np.abs(moved[None]).max() > 0.01
    np.testing.assert_allclose(moved[0.75], 0.25 * moved[None], atol=1e-7)


def test_what_is_looked_at_are_the_weights_that_would_be_exported(
    make_gpt: Callable[..., GPT],
) -> None:
    config = CONFIG.model_copy(update={"ema": 0.98, "validate_every": 20})
    gpt = make_gpt(n_layer=1)
    points = fit(gpt, InMemory(STREAM, config, 8), config, 8, Watch(validation=STREAM))
    assert points[-1].validation_loss == pytest.approx(validation_loss(gpt, STREAM), rel=1e-5)
    assert points[-1].validation_loss > 2 * points[-1].loss  # the average lags behind


@pytest.mark.parametrize(("seconds", "expected"), [(1000.0, [0, 0, 0]), (1e-6, [0, 1, 2])])
def test_checkpoints_are_made_by_time_too(
    make_gpt: Callable[..., GPT], tmp_path: Path, seconds: float, expected: list[int]
) -> None:
    config = CONFIG.model_copy(update={"checkpoint_every": 1000, "checkpoint_seconds": seconds})
    there: list[int] = []  # how many, whenever a point is told
    watch = Watch(
        checkpoints=tmp_path, on_progress=lambda _: there.append(len([*tmp_path.glob("*.index")]))
    )
    fit(make_gpt(n_layer=1), InMemory(STREAM, config, 8), config, 8, watch)
    assert there == expected
