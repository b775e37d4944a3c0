"""The linear layer, and how its weights begin."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from gptfx.modules.config import ModelConfig
from gptfx.modules.models.frozen import FrozenMatrix


def initializer(config: ModelConfig, residual: bool = False) -> keras.initializers.Initializer:
    """Normal, as in GPT-2; `residual` is for a projection into the residual stream.

    Such projections start smaller the more of them add up, by 1 / sqrt(2 * n_layer); or, with
    `zero_init`, at zero, so that at first every block passes its input on.
    """
    if residual and config.zero_init:
        return keras.initializers.Zeros()
    scale = (2 * config.n_layer) ** -0.5 if residual else 1.0
    return keras.initializers.RandomNormal(stddev=config.initializer_range * scale)


class Linear(keras.layers.Layer):
    """``x @ kernel + bias`` for the vectors along the last axis.

    All of them go through one matrix product, whatever the other axes are: several small ones, as
    keras.layers.Dense makes for three axes, are slower.

    Attributes:
      frozen: the kernel, where it does not change any more.
    """

    def __init__(self, config: ModelConfig, width: int, residual: bool = False) -> None:
        super().__init__()
        self.width, self.use_bias = width, config.bias
        self.initializer = initializer(config, residual)
        self.frozen: FrozenMatrix | None = None

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Makes the weights for inputs of `shape` (..., C)."""
        self.kernel = self.add_weight(
            name="kernel", shape=(shape[-1], self.width), initializer=self.initializer
        )
        if self.use_bias:
            self.bias = self.add_weight(name="bias", shape=(self.width,), initializer="zeros")

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """(B, ..., C) float to (B, ..., width)."""
        rows = tf.reshape(x, [-1, x.shape[-1]])  # (n, C)
        if self.frozen is None:
            y = tf.matmul(rows, tf.convert_to_tensor(self.kernel))  # (n, width)
        else:
            y = self.frozen(rows)
        if self.use_bias:
            y = tf.nn.bias_add(y, tf.convert_to_tensor(self.bias))
        return tf.reshape(y, [*sizes(x)[:-1], self.width])


def sizes(x: tf.Tensor) -> list[Any]:
    """The sizes of all axes, for a reshape: numbers where they are known, -1 for one that is not,
    and scalars of the graph for several."""
    known: list[int | None] = x.shape.as_list()
    if known.count(None) <= 1:
        return [-1 if size is None else size for size in known]
    unknown = tf.unstack(tf.shape(x))
    return [unknown[axis] if size is None else size for axis, size in enumerate(known)]


Gradients = Callable[[tf.Tensor], tuple[tf.Tensor, tf.Tensor]]


@tf.custom_gradient
def compare(rows: tf.Tensor, table: tf.Tensor) -> tuple[tf.Tensor, Gradients]:
    """(n, C) with every row of (V, C): products (n, V).

    The table's gradient is made first. TensorFlow alone puts it off, and the largest tensor of a
    step, (n, V), then waits for it in memory through the whole backward pass.
    """

    def gradients(dy: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        of_table = tf.matmul(dy, rows, transpose_a=True)  # (V, C)
        with tf.control_dependencies([of_table]):
            return tf.matmul(dy, table), of_table  # (n, C)

    return tf.matmul(rows, table, transpose_b=True), gradients
