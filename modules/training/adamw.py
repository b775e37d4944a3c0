"""AdamW with TensorFlow's fused kernel, which is several times faster on a CPU than many small ops.

Source: Loshchilov and Hutter, "Decoupled weight decay regularization",
https://arxiv.org/abs/1711.05101.
"""

from collections.abc import Sequence

import tensorflow as tf

from gptfx.modules.config import TrainerConfig
from gptfx.modules.training.schedule import learning_rate
from gptfx.modules.training.variables import assign, zeros_like

EPSILON = 1e-8
BETA_1 = 0.9


class AdamW(tf.Module):
    """Adam with weight decay on matrices, applied to the variables directly."""

    def __init__(self, variables: Sequence[tf.Variable], config: TrainerConfig) -> None:
        super().__init__(name="adamw")
        self.variables_to_fit, self.config = list(variables), config
        self.first = zeros_like(self.variables_to_fit)
        self.second = zeros_like(self.variables_to_fit)

    def apply(self, gradients: Sequence[tf.Tensor], step: tf.Tensor) -> None:
        """One update; `step` counts from 0."""
        rate = learning_rate(tf.cast(step, tf.float32), self.config)
        power = tf.cast(step + 1, tf.float32)
        slots = zip(self.variables_to_fit, self.first, self.second, gradients, strict=True)
        for variable, first, second, gradient in slots:
            if len(variable.shape) == 2 and self.config.weight_decay:
                with tf.control_dependencies([gradient]):  # or two copies live all through a step
                    assign(variable, variable * (1.0 - rate * self.config.weight_decay))
            tf.raw_ops.ResourceApplyAdam(
                var=variable.handle,
                m=first.handle,
                v=second.handle,
                beta1_power=tf.pow(BETA_1, power),
                beta2_power=tf.pow(self.config.beta_2, power),
                lr=rate,
                beta1=BETA_1,
                beta2=self.config.beta_2,
                epsilon=EPSILON,
                grad=gradient,
            )
