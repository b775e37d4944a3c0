"""Refusing by name, inside a graph, what a model cannot be asked.

Errors are raised as tf.errors.InvalidArgumentError, by whoever serves the model.
"""

from typing import NamedTuple

import tensorflow as tf


class Bound(NamedTuple):
    """What must hold, a scalar; what is said where it does not, of which values, and what to do."""

    holds: tf.Tensor
    problem: str
    received: tf.Tensor
    remedy: str

    @classmethod
    def of_each(cls, problem: str, values: tf.Tensor, good: tf.Tensor, remedy: str) -> "Bound":
        """Must hold of each of the values; says the first of which it does not."""
        bad = tf.boolean_mask(values, ~good)
        return cls(tf.equal(tf.size(bad), 0), problem, bad[:1], remedy)

    @classmethod
    def between(cls, name: str, values: tf.Tensor, least: float, most: float) -> "Bound":
        """A parameter's, of which NaN is refused, too."""
        good = (values >= least) & (values <= most)
        return cls.of_each(f"{name}: out of bounds", values, good, f"give {least} to {most}")

    @classmethod
    def of_size(cls, name: str, given: tf.Tensor, rows: tf.Tensor, what: str) -> "Bound":
        """There must be as many values as rows, which are `what`."""
        problem = f"{name}: as many values as {what}s are needed"
        return cls(tf.equal(given, rows), problem, given, f"give one value for each {what}")

    def demand(self) -> tf.Operation:
        """Fails where it does not hold."""
        words = f"{self.problem}. Received: {{}}. What to do: {self.remedy}."
        return tf.debugging.Assert(self.holds, [tf.strings.format(words, (self.received,))])


def demand(bounds: list[Bound]) -> tf.Tensor:
    """Fails with the first bound that does not hold; what to say is only made up where it is."""

    def refuse() -> tf.Tensor:
        for bound in bounds:  # in their order
            bound.demand()
        return tf.constant(False)

    # Not spliced into the graph, where all that is not run is still passed through.
    refusing = tf.function(refuse, autograph=False, experimental_attributes={"_noinline": True})
    every = tf.reduce_all(tf.stack([bound.holds for bound in bounds]))
    return tf.cond(every, lambda: tf.constant(True), refusing)
