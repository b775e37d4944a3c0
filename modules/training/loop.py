"""The training loop: stretches of steps in one call of a graph, and what happens between them."""

import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from gptfx.modules.config import TrainerConfig
from gptfx.modules.progress import Progress, notice, report
from gptfx.modules.training.checkpoints import Checkpoints, State
from gptfx.modules.training.cluster import is_chief
from gptfx.modules.training.curves import BytesPerToken, Curves, Point
from gptfx.modules.training.devices import parts_side_by_side
from gptfx.modules.training.interruption import interruption
from gptfx.modules.training.schedule import learning_rate
from gptfx.modules.training.step import NEVER, Step, cross_entropy
from gptfx.modules.training.windows import Source, validation_batches


class DivergedError(FloatingPointError):
    """The loss left for infinity."""


@dataclass(frozen=True)
class Watch:
    """What looks on while a model is fitted; nothing of it changes the weights of a step.

    Attributes:
      log_dir: where the curves go.
      checkpoints: where checkpoints go; a run that finds some there goes on from the last. The
        folder belongs to one model, data and configuration.
      validation: the tokens (n,) of the eval split.
      sizes: bytes a token.
      sample: makes a text with the weights as they are.
      on_progress: called every `log_every` steps.
    """

    log_dir: Path | None = None
    checkpoints: Path | None = None
    validation: np.ndarray | None = None
    sizes: BytesPerToken | None = None
    sample: Callable[[], str] | None = None
    on_progress: Callable[[Progress], None] = report


def fit(
    model: keras.Model,
    source: Source,
    config: TrainerConfig,
    block_size: int,
    watch: Watch | None = None,
) -> list[Point]:
    """Fits `model` for `config.steps` steps, never for a time, on the devices of its strategy.

    Call it in the scope of the strategy in which the model was made, or in none. At the end the
    model has the weights that `config.export` and `config.ema` ask for.

    Returns:
      One point every `config.log_every` steps.

    Raises:
      InputError: the batch cannot be shared out among the replicas.
      DivergedError: the loss is not finite, or far above its lowest; says at which step, with what
        learning rate, and where the last good checkpoint is.
      KeyboardInterrupt, SystemExit: after Ctrl-C or SIGTERM, when a checkpoint is written.
    """
    if config.steps == 0:
        return []
    with _folder(watch or Watch(), config) as complete:
        return _Fitting(model, source, config, block_size, complete).run()


@contextmanager
def _folder(watch: Watch, config: TrainerConfig) -> Iterator[Watch]:
    """With a folder for the best checkpoint, for a while, where one is needed and none is given."""
    if watch.checkpoints is not None or config.export == "last":
        yield watch
        return
    with tempfile.TemporaryDirectory() as folder:
        yield replace(watch, checkpoints=Path(folder))


class _Fitting:
    """One run of the loop."""

    def __init__(
        self,
        model: keras.Model,
        source: Source,
        config: TrainerConfig,
        block_size: int,
        watch: Watch,
    ) -> None:
        self.model, self.config, self.watch = model, config, watch
        self.source, self.block_size = source, block_size
        self.strategy = tf.distribute.get_strategy()
        replicas = self.strategy.num_replicas_in_sync
        with self.strategy.scope():
            self.step = Step(model, source, config, replicas, parts_side_by_side(config))
        self.state, self.saved_at = State(), time.monotonic()
        self.checkpoints = self._open_checkpoints()
        log_dir = watch.log_dir if is_chief() else None
        self.curves = Curves(log_dir, watch.sizes) if log_dir else None
        self.run_steps = self._compiled()

    def _open_checkpoints(self) -> Checkpoints | None:
        if self.watch.checkpoints is None:
            return None
        weights = [variable.value for variable in self.model.variables]
        objects = {"weights": weights, "step": self.step}
        checkpoints = Checkpoints(self.watch.checkpoints, self.state, objects)
        checkpoints.restore()
        return checkpoints

    def _compiled(self) -> Callable[..., tuple[tf.Tensor, tf.Tensor, tf.Tensor]]:
        """A graph of (draws (n, batch_size, ...), first step) -> sum of losses, last gradient norm,
        first step whose loss was not finite."""

        draw = tf.TensorSpec([None, self.config.batch_size, *self.source.drawn_shape], tf.int32)

        @tf.function(input_signature=[draw, tf.TensorSpec([], tf.int32)])
        def run_steps(drawn: tf.Tensor, first: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
            total, norm, bad = tf.constant(0.0), tf.constant(0.0), tf.constant(NEVER)
            for index in tf.range(tf.shape(drawn)[0]):
                step = first + index
                results = self.strategy.run(self.step, args=(drawn[index], step))
                # All replicas have the same: their losses and gradients were added up.
                loss, norm = (self.strategy.experimental_local_results(r)[0] for r in results)
                total += loss
                if not tf.math.is_finite(loss):
                    bad = tf.minimum(bad, step + 1)
            return total, norm, bad

        return run_steps

    def run(self) -> list[Point]:
        """From where the state is to the last step, or to where patience ends."""
        if self.curves:
            for point in self.state.points:  # of a run that was stopped
                self.curves.write(point)
        with interruption() as asked:
            while self.state.step < self.config.steps and not self._out_of_patience():
                self._stretch()
                if asked.signal and self.state.step < self.config.steps:
                    self._save()
                    asked.raise_()
        self._save()
        self._take_weights()
        if self.curves:
            self.curves.finish(self.state.points)
        return self.state.points

    def _stretch(self) -> None:
        """The steps up to the next point, and what is due there."""
        config, first = self.config, self.state.step
        last = min(config.steps, (first // config.log_every + 1) * config.log_every)
        started = time.perf_counter()
        drawn = tf.constant(self.source.draw(first, last - first))
        total, norm, bad = self.run_steps(drawn, tf.constant(first))
        loss = float(total) / (last - first)
        tokens = (last - first) * config.batch_size * self.block_size
        speed = tokens / (time.perf_counter() - started)
        self._require_sane(loss, last, int(bad))
        looked = None
        if self._is_due(config.validate_every, first, last):
            with self._as_exported():
                looked = self._look()
        rate = float(learning_rate(tf.constant(last - 1.0), config))
        self.state.step = last
        self.state.points.append(Point(last, loss, float(norm), rate, speed, looked))
        self._tell(self.state.points[-1], first)
        self._save_where_due(first, looked)

    def _is_due(self, every: int | None, first: int, last: int) -> bool:
        """Whether a multiple of `every` lies in a stretch, or it is the last one."""
        return every is not None and (first // every < last // every or last == self.config.steps)

    def _require_sane(self, loss: float, last: int, bad: int) -> None:
        points = self.state.points
        lowest = min((point.loss for point in points), default=loss)
        if np.isfinite(loss) and loss <= lowest + self.config.divergence:
            return
        step = bad if bad != NEVER else last
        rate = float(learning_rate(tf.constant(step - 1.0), self.config))
        good = self.checkpoints.last_good if self.checkpoints else None
        value = "not finite" if bad != NEVER else f"{loss:.3f} nats, after {lowest:.3f}"
        raise DivergedError(
            f"training diverged: the loss is {value} at step {step} with a learning rate of"
            f" {rate:.3g}; the last good checkpoint is {good or 'none yet'}; set a smaller"
            " trainer.learning_rate or trainer.gradient_clip, with which it starts anew"
        )

    def _look(self) -> float:
        """Nats a token on the eval split."""
        assert self.watch.validation is not None, "validate_every needs an eval split"
        total, count = 0.0, 0
        for inputs, targets in validation_batches(
            self.watch.validation,
            self.block_size,
            self.config.batch_size,
            self.config.validation_tokens,
        ):
            total += float(self._score(tf.constant(inputs), tf.constant(targets))) * len(inputs)
            count += len(inputs)
        return total / count

    @tf.function(reduce_retracing=True)
    def _score(self, inputs: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
        return cross_entropy(self.model(inputs, training=False), targets)

    def _tell(self, point: Point, first: int) -> None:
        config = self.config
        left = (config.steps - point.step) * config.batch_size * self.block_size
        speed = point.tokens_per_second
        told = Progress(
            "training",
            point.step,
            config.steps,
            "step",
            point.loss,
            speed,
            left / speed,
            point.validation_loss,
        )
        self.watch.on_progress(told)
        if self.curves:
            self.curves.write(point)
            if self.watch.sample and self._is_due(config.sample_every, first, point.step):
                with self._as_exported():
                    self.curves.write_sample(point.step, self.watch.sample())

    def _save_where_due(self, first: int, looked: float | None) -> None:
        state = self.state
        if looked is not None:
            better = state.best_loss is None or looked < state.best_loss
            state.looks_since = 0 if better else state.looks_since + 1
            if better:
                state.best_loss, state.best_step = looked, state.step
                if self.checkpoints and self.config.export == "best" and is_chief():
                    self.checkpoints.save_best()
        overdue = time.monotonic() - self.saved_at >= self.config.checkpoint_seconds
        due = self._is_due(self.config.checkpoint_every, first, state.step) or overdue
        if due and state.step < self.config.steps:
            self._save()

    def _save(self) -> None:
        """A checkpoint, where they are kept; only one of several workers writes it."""
        if self.checkpoints and is_chief():
            self.checkpoints.save()
            self.saved_at = time.monotonic()

    def _out_of_patience(self) -> bool:
        patience = self.config.patience
        return patience is not None and self.state.looks_since >= patience

    def _take_weights(self) -> None:
        """Those that are to be exported."""
        if self._out_of_patience():
            notice(f"ended early: no better look since step {self.state.best_step}")
        if self.checkpoints and self.config.export == "best" and is_chief():
            self.checkpoints.restore_best()
        self._put(self.step.averages)

    @contextmanager
    def _as_exported(self) -> Iterator[None]:
        """With the averages in the weights' places, where there are averages."""
        kept = [tf.identity(weight) for weight in self.step.weights] if self.step.averages else []
        self._put(self.step.averages)
        yield
        self._put(kept)

    def _put(self, values: Sequence[tf.Tensor]) -> None:
        """Into the weights; nothing where there are none."""
        for weight, value in zip(self.step.weights, values, strict=False):
            weight.assign(value)
