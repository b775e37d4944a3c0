"""One training step: a batch's loss, its gradients, and the update of the weights.

The same code runs on a CPU, on a GPU, and as one of several replicas, each of which takes its share
of the batch; their gradients are added up before the update.
"""

import keras
import tensorflow as tf

from gptfx.data.errors import InputError
from gptfx.modules.config import TrainerConfig
from gptfx.modules.training.optimizer import Optimizer
from gptfx.modules.training.scaling import LossScale
from gptfx.modules.training.variables import assign
from gptfx.modules.training.windows import Source

NEVER = tf.int32.max


class Step(tf.Module):
    """What happens to a model in a step. Made inside the scope of a strategy."""

    def __init__(
        self, model: keras.Model, source: Source, config: TrainerConfig, replicas: int, halves: int
    ) -> None:
        """A model with weights, and where its batches come from.

        Args:
          model: maps ids (batch, time) to logits.
          source: of the windows.
          config: of the training.
          replicas: how many share a batch.
          halves: into so many parts the work of a replica is cut that are done side by side; one a
            core, where every product runs on one.

        Raises:
          InputError: the batch cannot be shared out.
        """
        super().__init__(name="step")
        self.model, self.source, self.config = model, source, config
        self.replicas, self.share = replicas, _share(config, replicas)
        self.halves = _divisor(self.share // config.accumulate, halves)
        self.optimizer = Optimizer(model.trainable_variables, config)
        self.weights = [variable.value for variable in model.trainable_variables]
        self.scale = LossScale() if config.precision == "float16" else None
        copies = self.weights if config.ema is not None else []
        self.averages = [tf.Variable(value, trainable=False) for value in copies]
        self.backward, self.update = self._over_accumulated, self._update
        if config.jit_compile:  # but for what lies between: adding up over replicas
            self.backward = tf.function(self.backward, jit_compile=True)
            self.update = tf.function(self.update, jit_compile=True)

    def __call__(self, drawn: tf.Tensor, step: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """One step in a replica, on its share of a draw (batch_size, ...); `step` counts from 0.

        Returns the loss in nats a token over the whole batch, and the gradients' global norm.
        """
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        first = tf.cast(replica, tf.int32) * self.share
        tokens = self.source.windows(drawn[first : first + self.share])  # (share, T + 1)
        loss, gradients = self.backward(tf.ensure_shape(tokens, [self.share, None]))
        if self.replicas > 1:
            context = tf.distribute.get_replica_context()
            loss, gradients = context.all_reduce(tf.distribute.ReduceOp.MEAN, (loss, gradients))
        return loss, self.update(gradients, step)

    def _update(self, gradients: list[tf.Tensor], step: tf.Tensor) -> tf.Tensor:
        """Applies gradients that all replicas agree on; returns their norm."""
        if self.scale is None:
            norm = self.optimizer.apply(gradients, step)
            self._average()
            return norm
        gradients = self.scale.unscale(gradients)
        norm = tf.linalg.global_norm(gradients)
        if self.scale.is_usable(norm):
            self.optimizer.apply(gradients, step)
            self._average()
        return norm

    def _over_accumulated(self, tokens: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Mean loss and gradients over tokens (b, T + 1), one of `accumulate` parts at a time."""
        count = self.config.accumulate
        if count == 1:
            return self._over_halves(tokens)
        parts = tf.reshape(tokens, [count, self.share // count, tokens.shape[1]])
        loss, gradients = tf.constant(0.0), [tf.zeros_like(weight) for weight in self.weights]
        for index in tf.range(count):
            tf.autograph.experimental.set_loop_options(parallel_iterations=1)
            one_loss, one = self._over_halves(parts[index])
            loss += one_loss / count
            gradients = [total + new / count for total, new in zip(gradients, one, strict=True)]
        return loss, gradients

    def _over_halves(self, tokens: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """The same over parts that do not wait for each other."""
        parts = [self._gradients(part) for part in tf.split(tokens, self.halves)]
        losses, gradients = zip(*parts, strict=True)
        if self.halves == 1:
            return losses[0], gradients[0]
        mean = 1.0 / self.halves
        return tf.add_n(losses) * mean, [tf.add_n(g) * mean for g in zip(*gradients, strict=True)]

    def _gradients(self, tokens: tf.Tensor) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Loss and gradients over tokens (b, T + 1)."""
        with tf.GradientTape() as tape:
            loss = cross_entropy(self.model(tokens[:, :-1], training=True), tokens[:, 1:])
            scaled = loss if self.scale is None else self.scale.scale(loss)
        gradients = tape.gradient(scaled, self.weights)
        return loss, [tf.convert_to_tensor(gradient) for gradient in gradients]

    def _average(self) -> None:
        for average, weight in zip(self.averages, self.weights, strict=False):
            assign(average, average + (1.0 - (self.config.ema or 0.0)) * (weight - average))


def cross_entropy(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Mean over (B, T) of -log softmax(logits)[target], nats a token."""
    nats = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=targets, logits=logits)
    return tf.reduce_mean(nats)


def _share(config: TrainerConfig, replicas: int) -> int:
    """Windows of a batch that each replica takes."""
    if config.batch_size % (replicas * config.accumulate):
        raise InputError(
            "the batch cannot be shared out evenly",
            f"trainer.batch_size = {config.batch_size} over {replicas} replicas"
            f" with trainer.accumulate = {config.accumulate}",
            f"set a multiple of {replicas * config.accumulate}",
        )
    return config.batch_size // replicas


def _divisor(number: int, most: int) -> int:
    """The largest divisor of `number` up to `most`."""
    return max(each for each in range(1, max(most, 1) + 1) if number % each == 0)
