"""A matrix that does not change any more, kept in narrower numbers for a text that stands alone.

A text that grows by a token needs every weight once, for a single row: nearly all of its time goes
into reading weights from memory, and narrower numbers are read in less. A batch of rows shares what
is read, and so do the tokens of a prompt: they are multiplied in float32, with the same values.
"""

import functools
import math
import operator
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from gptfx.modules.config import Precision

LARGEST_INT8 = 127
LARGE = 2**18  # numbers; fewer stay in caches, out of which float32 is not slower
TOGETHER = 8  # rows that are added up at once: as many runs of memory as a cache keeps apart
RUN = 12_288  # numbers, about, that are read in a run; longer ones are read faster
WIDEST = 3_072  # columns of a block: its sums, an eighth of it, should stay in the nearest cache


class FrozenMatrix(tf.Module):
    """(K, N), which rows are multiplied with.

    Attributes:
      matrix: (K, N) float32, rounded to what `narrow` can say.
      narrow: the same as bfloat16, or as int8 to be multiplied with `scale`, in blocks of columns:
        (blocks, K, width), the last one filled up with zeros; None for float32, and where little
        is to be read.
      scale: (N,) float32, of int8; else None.
    """

    def __init__(self, matrix: tf.Variable, precision: Precision) -> None:
        """Rounds `matrix` in place."""
        super().__init__(name="frozen")
        self.matrix = matrix
        self.narrow: tf.Variable | None = None
        self.scale: tf.Variable | None = None
        if precision == "float32":
            return
        narrow, scale = _round(matrix.numpy(), precision)
        matrix.assign(narrow.astype(np.float32) * scale)
        if math.prod(matrix.shape) >= LARGE:
            self.narrow = tf.Variable(_blocks(narrow), trainable=False, name="narrow")
            if precision == "int8":
                self.scale = tf.Variable(scale, trainable=False, name="scale")

    def __call__(self, rows: tf.Tensor) -> tf.Tensor:
        """(n, K) float32 to (n, N) float32.

        A single row, where the graph knows that it is one, is multiplied in a way that only XLA
        makes fast.
        """
        if self.narrow is None or rows.shape[0] != 1:
            return tf.matmul(rows, self.matrix)
        product = _multiply(rows, tf.convert_to_tensor(self.narrow))[:, : self.matrix.shape[1]]
        return product if self.scale is None else product * self.scale


def _round(matrix: np.ndarray, precision: Precision) -> tuple[np.ndarray, np.ndarray]:
    """(K, N) to narrow numbers and what they are to be multiplied with, one or (N,) float32."""
    if precision == "bfloat16":
        return matrix.astype(tf.bfloat16.as_numpy_dtype), np.ones((), np.float32)
    largest = np.abs(matrix).max(axis=0)
    scale = (np.where(largest > 0.0, largest, 1.0) / LARGEST_INT8).astype(np.float32)
    return np.rint(matrix / scale).astype(np.int8), scale


def _blocks(matrix: np.ndarray) -> np.ndarray:
    """(K, N) to (blocks, K, width), each contiguous."""
    height, columns = matrix.shape
    blocks = math.ceil(columns / WIDEST)
    width = math.ceil(columns / blocks)
    full = np.pad(matrix, ((0, 0), (0, blocks * width - columns)))
    return np.ascontiguousarray(full.reshape(height, blocks, width).transpose(1, 0, 2))


def _multiply(row: tf.Tensor, narrow: tf.Tensor) -> tf.Tensor:
    """(1, K) float32 times (blocks, K, width) to (1, blocks * width) float32."""
    blocks, height, width = narrow.shape
    together = math.gcd(TOGETHER, height)
    lines = height // together
    # Rows are laid end to end to make a long one, and what they sum up to is added at the end.
    abreast = next(
        n for n in range(1, lines + 1) if lines % n == 0 and (n == lines or n * width >= RUN)
    )
    steps = lines // abreast
    factors = tf.reshape(row, [steps * together, abreast])
    narrow = tf.reshape(narrow, [blocks * steps * together, abreast, width])

    def of_block(block: tf.Tensor | int) -> tf.Tensor:
        """(1, width)"""

        def of_step(step: tf.Tensor | int) -> tf.Tensor:
            """Of some rows, (abreast, width)."""
            first = step * together
            rows = tf.slice(
                narrow, [block * steps * together + first, 0, 0], [together, abreast, width]
            )
            by = tf.slice(factors, [first, 0], [together, abreast])
            return _sum([tf.cast(rows[n], tf.float32) * by[n][:, None] for n in range(together)])

        return tf.reduce_sum(_sum(tf.unstack(_each(steps, of_step))), axis=0, keepdims=True)

    return tf.reshape(_each(blocks, of_block), [1, blocks * width])


def _each(count: int, made: Callable[[tf.Tensor | int], tf.Tensor]) -> tf.Tensor:
    """What is made of 0 to `count`, stacked.

    Not summed up on the way: of a sum that a loop carries, XLA cannot tell whether it is read and
    written in the same place, and does not vectorize it.
    """
    if count == 1:
        return made(0)[None]
    stack = tf.TensorArray(tf.float32, count)

    def add(index: tf.Tensor, stack: tf.TensorArray) -> tuple[tf.Tensor, tf.TensorArray]:
        return index + 1, stack.write(index, made(index))

    return tf.while_loop(lambda index, _: index < count, add, (0, stack))[1].stack()


def _sum(tensors: list[tf.Tensor]) -> tf.Tensor:
    """One after the other, which XLA makes one loop of."""
    return functools.reduce(operator.add, tensors)
