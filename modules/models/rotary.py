"""Rotary positions: a query and a key are turned by angles that grow with their position.

What attention sees of two turned vectors depends on how far apart they stand, not on where.
Source: Su et al., "RoFormer", https://arxiv.org/abs/2104.09864.
"""

from typing import Any

import numpy as np
import tensorflow as tf

Angles = tuple[Any, Any]  # cosine and sine


def angles(positions: Any, width: int, base: float) -> Angles:
    """Cosine and sine of the angles at positions (..., T), both (..., T, width / 2) float32.

    Args:
      positions: an array, or a tensor of the graph.
      width: of the vectors that are turned; even.
      base: the last of the width / 2 angles turns about this many times as slowly as the first.
    """
    speeds = base ** -(np.arange(width // 2) / (width // 2))
    if isinstance(positions, np.ndarray):
        turned = positions[..., None] * speeds
        return np.cos(turned).astype(np.float32), np.sin(turned).astype(np.float32)
    turned = tf.cast(positions, tf.float32)[..., None] * speeds.astype(np.float32)
    return tf.cos(turned), tf.sin(turned)


def rotate(x: tf.Tensor, cosine: tf.Tensor, sine: tf.Tensor) -> tf.Tensor:
    """Turns (..., T, D) float by angles (T, D / 2): entry i together with entry i + D / 2."""
    cosine, sine = tf.cast(cosine, x.dtype), tf.cast(sine, x.dtype)
    first, second = tf.split(x, 2, axis=-1)  # each (..., T, D / 2)
    return tf.concat([first * cosine - second * sine, second * cosine + first * sine], axis=-1)
