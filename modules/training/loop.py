"""The training loop: several steps in one call of a graph, on windows gathered where they live."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from gptfx.modules.config import TrainerConfig
from gptfx.modules.progress import Progress, report
from gptfx.modules.training.optimizer import Optimizer
from gptfx.modules.training.packing import Mixture, random_windows, require_windows
from gptfx.modules.training.schedule import learning_rate


@dataclass(frozen=True)
class Point:
    """The curves at one step: loss in nats a token, mean since the point before; gradient norm."""

    step: int
    loss: float
    gradient_norm: float
    tokens_per_second: float


def fit(
    model: keras.Model,
    stream: np.ndarray,
    config: TrainerConfig,
    block_size: int,
    log_dir: Path | None = None,
    mixture: Mixture | None = None,
    on_progress: Callable[[Progress], None] = report,
) -> list[Point]:
    """Fits `model` to a token stream (n,) int32 for `config.steps` steps, never for a time.

    Args:
      model: maps ids (batch, block_size) to logits; built already.
      stream: the ordered tokens of the train split.
      log_dir: where TensorBoard's events go.
      mixture: which parts of the stream are drawn from oftener.
      on_progress: called every `config.log_every` steps.

    Returns:
      One point every `config.log_every` steps.

    Raises:
      InputError: the stream is shorter than a window.
      FloatingPointError: the loss is not finite any more; says at which step.
    """
    if config.steps == 0:
        return []
    require_windows(stream, block_size)
    run_steps = _compiled_steps(model, tf.constant(stream), config, block_size, mixture)
    writer = tf.summary.create_file_writer(str(log_dir)) if log_dir else None
    points: list[Point] = []
    for step in range(0, config.steps, config.log_every):
        count = min(config.log_every, config.steps - step)
        started = time.perf_counter()
        loss, norm = run_steps(tf.constant(step), tf.constant(count))
        speed = count * config.batch_size * block_size / (time.perf_counter() - started)
        points.append(_checked(Point(step + count, float(loss), float(norm), speed)))
        on_progress(_progress(points[-1], config, block_size))
        _write(writer, points[-1], config)
    return points


def _compiled_steps(
    model: keras.Model,
    stream: tf.Tensor,
    config: TrainerConfig,
    block_size: int,
    mixture: Mixture | None,
) -> Callable[[tf.Tensor, tf.Tensor], tuple[tf.Tensor, tf.Tensor]]:
    """A graph of (first step, how many steps) -> (mean loss, last gradient norm)."""
    variables = [variable.value for variable in model.trainable_variables]
    optimizer = Optimizer(model.trainable_variables, config)

    def train_step(step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        inputs, targets = random_windows(
            stream, config.batch_size, block_size, config.seed, step, mixture
        )
        with tf.GradientTape() as tape:
            loss = cross_entropy(model(inputs, training=True), targets)
        gradients = [tf.convert_to_tensor(g) for g in tape.gradient(loss, variables)]
        return loss, optimizer.apply(gradients, step)

    @tf.function
    def run_steps(first: tf.Tensor, count: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        total, norm = tf.constant(0.0), tf.constant(0.0)
        for step in tf.range(first, first + count):
            loss, norm = train_step(step)
            total += loss
        return total / tf.cast(count, tf.float32), norm

    return run_steps


def cross_entropy(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Mean over (B, T) of -log softmax(logits)[target], nats a token."""
    nats = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
    return tf.reduce_mean(nats)


def _checked(point: Point) -> Point:
    if not np.isfinite(point.loss):
        raise FloatingPointError(
            f"training diverged: the loss is {point.loss} at step {point.step}; "
            "set a smaller trainer.learning_rate"
        )
    return point


def _progress(point: Point, config: TrainerConfig, block_size: int) -> Progress:
    tokens_left = (config.steps - point.step) * config.batch_size * block_size
    speed = point.tokens_per_second
    return Progress(
        "training", point.step, config.steps, "step", point.loss, speed, tokens_left / speed
    )


def _write(writer: tf.summary.SummaryWriter | None, point: Point, config: TrainerConfig) -> None:
    if writer is None:
        return
    with writer.as_default(step=point.step):
        tf.summary.scalar("loss/train_nats_per_token", point.loss)
        tf.summary.scalar("gradient_norm", point.gradient_norm)
        tf.summary.scalar("tokens_per_second", point.tokens_per_second)
        rate = learning_rate(tf.constant(point.step - 1.0), config)
        tf.summary.scalar("learning_rate", rate)
    writer.flush()
