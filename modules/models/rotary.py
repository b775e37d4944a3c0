"""Rotary positions: a query and a key are turned by angles that grow with their position.

What attention sees of two turned vectors depends on how far apart they stand, not on where.
Source: Su et al., "RoFormer", https://arxiv.org/abs/2104.09864.
"""

import numpy as np
import tensorflow as tf


def angles(time: int, width: int, base: float) -> tuple[np.ndarray, np.ndarray]:
    """Cosine and sine of each position's angles, both (time, width / 2) float32.

    Args:
      time: how many positions, from 0.
      width: of the vectors that are turned; even.
      base: the last of the width / 2 angles turns about this many times as slowly as the first.
    """
    speeds = base ** -(np.arange(width // 2) / (width // 2))
    turned = np.outer(np.arange(time), speeds)
    return np.cos(turned).astype(np.float32), np.sin(turned).astype(np.float32)


def rotate(x: tf.Tensor, cosine: tf.Tensor, sine: tf.Tensor) -> tf.Tensor:
    """Turns (..., T, D) float by angles (T, D / 2): entry i together with entry i + D / 2."""
    cosine, sine = tf.cast(cosine, x.dtype), tf.cast(sine, x.dtype)
    first, second = tf.split(x, 2, axis=-1)  # each (..., T, D / 2)
    return tf.concat([first * cosine - second * sine, second * cosine + first * sine], axis=-1)
