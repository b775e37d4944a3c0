"""What a model remembers of the tokens before those it is handed: their keys and values.

A token's key and value in a layer depend on the tokens before it alone, so that a text that grows
need not be read again from its beginning. Where they are kept is not the model's affair
(``generation/cache.py``): it asks for these two views.
Shapes: B batch, H heads, T tokens that are handed over, S all that are looked at, D head width.
"""

from typing import Protocol

import tensorflow as tf

from gptfx.modules.models.rotary import Angles


class LayerPast(Protocol):
    """One layer's.

    Attributes:
      mask: float32, of the scores (B, H, T, S) or a shape that spreads to it: 0 where a query may
        look, a very negative number elsewhere.
      angles: of rotary positions, (B, 1, T, D / 2) each; None without them.
    """

    mask: tf.Tensor
    angles: Angles | None

    def extend(self, keys: tf.Tensor, values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Remembers those of the tokens handed over, (B, H, T, D); returns all, (B, H, S, D)."""
        ...


class Past(Protocol):
    """All layers'.

    Attributes:
      positions: (B, T) int32, of the tokens that are handed over, in their texts.
    """

    positions: tf.Tensor

    def layer(self, index: int) -> LayerPast:
        """That of one layer."""
        ...
