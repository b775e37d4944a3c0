"""Normalization: every token's vector is brought to the same size before it is worked on."""

import keras
import tensorflow as tf

from gptfx.modules.config import ModelConfig

LAYER_NORM_EPSILON = 1e-5  # GPT-2's
RMS_NORM_EPSILON = 1e-6


class LayerNorm(keras.layers.Layer):
    """To mean 0 and variance 1, then times `gamma`, plus `beta` if the model has biases.

    Source: Ba, Kiros and Hinton, https://arxiv.org/abs/1607.06450.
    """

    def __init__(self, use_bias: bool = True, name: str | None = None) -> None:
        super().__init__(name=name)
        self.use_bias = use_bias

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Makes the weights for inputs of `shape` (..., C)."""
        self.gamma = self.add_weight(name="gamma", shape=(shape[-1],), initializer="ones")
        if self.use_bias:
            self.beta = self.add_weight(name="beta", shape=(shape[-1],), initializer="zeros")

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """(..., C) float to the same shape; in float32 inside, whatever comes in."""
        wide = tf.cast(x, tf.float32)
        centred = wide - tf.reduce_mean(wide, axis=-1, keepdims=True)
        variance = tf.reduce_mean(tf.square(centred), axis=-1, keepdims=True)
        y = tf.cast(centred * tf.math.rsqrt(variance + LAYER_NORM_EPSILON), x.dtype) * self.gamma
        return y + self.beta if self.use_bias else y


class RMSNorm(keras.layers.Layer):
    """To a mean square of 1, then times `gamma`: LayerNorm without the mean.

    Source: Zhang and Sennrich, https://arxiv.org/abs/1910.07467.
    """

    def build(self, shape: tuple[int | None, ...]) -> None:
        """Makes the weights for inputs of `shape` (..., C)."""
        self.gamma = self.add_weight(name="gamma", shape=(shape[-1],), initializer="ones")

    def call(self, x: tf.Tensor) -> tf.Tensor:
        """(..., C) float to the same shape."""
        return rms_normalize(x) * self.gamma


def rms_normalize(x: tf.Tensor) -> tf.Tensor:
    """(..., C) float to the same shape, with a mean square of 1 along the last axis."""
    mean_square = tf.reduce_mean(tf.square(tf.cast(x, tf.float32)), axis=-1, keepdims=True)
    return x * tf.cast(tf.math.rsqrt(mean_square + RMS_NORM_EPSILON), x.dtype)


def make_norm(config: ModelConfig, name: str) -> keras.layers.Layer:
    """The configured one."""
    return RMSNorm(name=name) if config.norm == "rmsnorm" else LayerNorm(config.bias, name=name)
