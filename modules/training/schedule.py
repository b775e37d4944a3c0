"""How large a step is, from the first to the last, as a share of its peak."""

import math

import tensorflow as tf

from gptfx.modules.config import TrainerConfig


def schedule(step: tf.Tensor, config: TrainerConfig) -> tf.Tensor:
    """The learning rate's share of its peak at `step`, a float32 scalar that counts from 0.

    Linear warm-up; then `warmup-cosine`, half a cosine down (https://arxiv.org/abs/1608.03983), or
    `warmup-stable-decay`, the peak up to the last `decay_share` of the steps, and from there a
    straight line down (https://arxiv.org/abs/2404.06395). Both end at `min_learning_rate_ratio`.
    """
    warm = (step + 1.0) / max(config.warmup_steps, 1)
    after_warmup = max(config.steps - config.warmup_steps, 1)
    low = config.min_learning_rate_ratio
    if config.schedule == "warmup-cosine":
        part = tf.clip_by_value((step - config.warmup_steps) / after_warmup, 0.0, 1.0)
        high = 0.5 * (1.0 + tf.cos(math.pi * part))
    else:
        decay_steps = max(config.decay_share * config.steps, 1.0)
        high = tf.clip_by_value((config.steps - step) / decay_steps, 0.0, 1.0)
    return tf.minimum(warm, low + (1.0 - low) * high)


def learning_rate(step: tf.Tensor, config: TrainerConfig) -> tf.Tensor:
    """AdamW's learning rate at `step`."""
    return config.learning_rate * schedule(step, config)
