"""Which optimizer fits which weights: AdamW all of them, or Muon the hidden matrices."""

from collections.abc import Sequence

import keras
import tensorflow as tf

from gptfx.modules.config import TrainerConfig
from gptfx.modules.training.adamw import AdamW
from gptfx.modules.training.muon import Muon


class Optimizer(tf.Module):
    """Clips the gradients together, then hands each to the optimizer of its variable."""

    def __init__(self, variables: Sequence[keras.Variable], config: TrainerConfig) -> None:
        super().__init__(name="optimizer")
        self.config = config
        self.by_muon = [config.optimizer == "muon" and is_hidden(each) for each in variables]
        values = [variable.value for variable in variables]
        hidden, others = self._deal(values)
        self.adamw = AdamW(others, config)
        self.muon = Muon(hidden, config) if hidden else None

    def apply(self, gradients: Sequence[tf.Tensor], step: tf.Tensor) -> tf.Tensor:
        """One update; `step` counts from 0. Returns the gradients' global norm before clipping."""
        clipped, norm = tf.clip_by_global_norm(gradients, self.config.gradient_clip)
        hidden, others = self._deal(clipped)
        self.adamw.apply(others, step)
        if self.muon:
            self.muon.apply(hidden, step)
        return norm

    def _deal(self, things: Sequence[tf.Tensor]) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """Those of Muon's variables, and those of AdamW's."""
        pairs = list(zip(self.by_muon, things, strict=True))
        return [each for muon, each in pairs if muon], [each for muon, each in pairs if not muon]


def is_hidden(variable: keras.Variable) -> bool:
    """Whether it is the matrix of a linear layer, not an embedding, a gain or a bias."""
    return len(variable.shape) == 2 and variable.name == "kernel"
