"""A step is the step of Keras' own `fit`, however the batch is cut and whatever compiles it."""

from collections.abc import Callable

import keras
import numpy as np
import pytest
import tensorflow as tf

from gptfx.data.errors import InputError
from gptfx.modules.config import ModelConfig, TrainerConfig
from gptfx.modules.models.gpt import GPT
from gptfx.modules.training.loop import Watch, fit
from gptfx.modules.training.scaling import PATIENCE, START, LossScale
from gptfx.modules.training.schedule import learning_rate
from gptfx.modules.training.step import Step
from gptfx.modules.training.train import train_gpt
from gptfx.modules.training.windows import InMemory

STREAM = np.random.default_rng(0).integers(0, 16, 400).astype(np.int32)
CONFIG = TrainerConfig(
    steps=12, log_every=1, warmup_steps=4, learning_rate=0.01, batch_size=8, gradient_clip=0.5
)


def losses(gpt: GPT, config: TrainerConfig) -> list[float]:
    """One a step."""
    source = InMemory(STREAM, config, 8)
    return [point.loss for point in fit(gpt, source, config, 8, Watch())]


@pytest.fixture(scope="module")
def plain(make_gpt: Callable[..., GPT]) -> list[float]:
    """The losses of the configuration as it stands."""
    return losses(make_gpt(), CONFIG)


class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """Ours, for Keras' optimizer."""

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        return learning_rate(tf.cast(step, tf.float32), CONFIG)


class Losses(keras.callbacks.Callback):
    """The loss of every batch, not the mean so far."""

    def __init__(self) -> None:
        super().__init__()
        self.sums = [0.0]

    def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
        self.sums.append(logs["loss"] * (batch + 1))


def test_the_losses_are_those_of_keras_fit_step_for_step(
    make_gpt: Callable[..., GPT], plain: list[float]
) -> None:
    gpt, seen = make_gpt(), Losses()
    source = InMemory(STREAM, CONFIG, 8)
    drawn = source.draw(0, CONFIG.steps)
    tokens = np.concatenate([source.windows(tf.constant(starts)) for starts in drawn])
    optimizer = keras.optimizers.AdamW(
        Schedule(), CONFIG.weight_decay, 0.9, CONFIG.beta_2, 1e-8, global_clipnorm=0.5
    )
    vectors = [each for each in gpt.trainable_variables if len(each.shape) < 2]
    optimizer.exclude_from_weight_decay(var_list=vectors)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    gpt.compile(optimizer, loss)
    batches = {"batch_size": CONFIG.batch_size, "shuffle": False, "verbose": 0}
    gpt.fit(tokens[:, :-1], tokens[:, 1:], callbacks=[seen], **batches)
    assert plain == pytest.approx(np.diff(seen.sums).tolist(), rel=2e-5)
    assert plain[0] - plain[-1] > 0.01  # something was learned


@pytest.mark.parametrize("change", [{"accumulate": 4}, {"jit_compile": True}])
def test_neither_accumulation_nor_xla_changes_the_losses(
    make_gpt: Callable[..., GPT], plain: list[float], change: dict[str, object]
) -> None:
    config = CONFIG.model_copy(update=change)
    assert losses(make_gpt(), config) == pytest.approx(plain, rel=2e-5)


def test_a_batch_in_parts_side_by_side_has_the_gradients_of_the_whole(
    make_gpt: Callable[..., GPT],
) -> None:
    tokens = tf.constant(STREAM[: 8 * 9].reshape(8, 9))
    gpt, source = make_gpt(), InMemory(STREAM, CONFIG, 8)
    whole, parts = (Step(gpt, source, CONFIG, 1, halves) for halves in (1, 3))
    assert parts.halves == 2  # the largest number up to 3 that cuts 8 evenly
    (loss, gradients), (other_loss, others) = (
        step._over_accumulated(tokens) for step in (whole, parts)
    )
    assert float(loss) == pytest.approx(float(other_loss), rel=1e-6)
    for mine, yours in zip(gradients, others, strict=True):
        np.testing.assert_allclose(mine, yours, atol=1e-6)


def test_a_batch_that_replicas_cannot_share_is_refused(make_gpt: Callable[..., GPT]) -> None:
    config = CONFIG.model_copy(update={"accumulate": 2})
    with pytest.raises(InputError, match=r"batch_size = 8 over 3 replicas.*multiple of 6"):
        Step(make_gpt(), InMemory(STREAM, config, 8), config, 3, 1)


MODERN = {"positions": "rotary", "norm": "rmsnorm", "qk_norm": True, "activation": "relu2"}


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
@pytest.mark.parametrize("switches", [{}, MODERN])
def test_half_precision_learns_the_same_and_is_exported_as_float32(
    precision: str, switches: dict[str, object]
) -> None:
    shape = {"block_size": 8, "n_layer": 1, "n_head": 2, "n_embd": 8, **switches}
    model = ModelConfig.model_validate(shape)
    runs = {}
    for each in ("float32", precision):
        config = CONFIG.model_copy(update={"precision": each})
        gpt, points = train_gpt(model, 16, config, lambda c=config: InMemory(STREAM, c, 8))
        runs[each] = [point.loss for point in points]
        assert gpt(STREAM[None, :8]).dtype == tf.float32
        assert {layer.compute_dtype for layer in gpt.h} == {"float32"}
    assert runs[precision] != runs["float32"]
    assert runs[precision] == pytest.approx(runs["float32"], rel=0.01)


def test_a_gradient_that_overflows_halves_the_loss_scale_and_is_left_out() -> None:
    scale = LossScale()
    assert float(scale.scale(tf.constant(2.0))) == 2.0 * START
    assert float(scale.unscale([tf.constant(2.0 * START)])[0]) == 2.0
    assert not scale.is_usable(tf.constant(np.inf))
    assert float(scale.factor) == START / 2
    scale.good.assign(PATIENCE - 1)
    assert scale.is_usable(tf.constant(1.0))
    assert (float(scale.factor), int(scale.good)) == (START, 0)


def test_a_step_whose_float16_gradients_overflow_leaves_the_weights_alone(
    make_gpt: Callable[..., GPT],
) -> None:
    config = CONFIG.model_copy(update={"precision": "float16", "ema": 0.5})
    gpt = make_gpt()
    step = Step(gpt, InMemory(STREAM, config, 8), config, 1, 1)
    step.scale.factor.assign(np.inf)
    before = gpt.get_weights()
    _, norm = step(tf.constant(np.zeros(8, np.int32)), tf.constant(0))
    assert not np.isfinite(norm)
    for mine, yours in zip(before, gpt.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, yours)
