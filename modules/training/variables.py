"""Setting variables where a replica of a model runs.

A mirrored variable refuses to be assigned inside a replica, for it cannot know that all replicas
set the same value. Here they do, since gradients are added up before anything is set; so each
replica sets its own copy, by its handle. Without replicas it is the variable's only one.
"""

import tensorflow as tf


def assign(variable: tf.Variable, value: tf.Tensor) -> None:
    """``variable = value`` on this replica."""
    tf.raw_ops.AssignVariableOp(resource=variable.handle, value=value)


def zeros_like(variables: list[tf.Variable]) -> list[tf.Variable]:
    """Variables of the same shapes that are not trained."""
    return [tf.Variable(tf.zeros_like(variable), trainable=False) for variable in variables]
