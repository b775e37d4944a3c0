"""Checkpoints: everything a training run needs to go on as if it had never stopped.

Weights, optimizer, averages, loss scale and the seeds of dropout are variables; how far the run is,
its points and its best look are a small text beside them. TensorFlow writes a checkpoint under
another name and renames it, so that a process killed at any moment leaves the one before whole.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import tensorflow as tf

from gptfx.modules.progress import notice
from gptfx.modules.training.curves import Point

KEPT = 2


@dataclass
class State:
    """How far a training run is.

    Attributes:
      step: updates done.
      points: the curves so far.
      best_loss: of the best look at the eval split, nats a token; None before the first.
      best_step: when that was.
      looks_since: so many looks were no better.
    """

    step: int = 0
    points: list[Point] = field(default_factory=list)
    best_loss: float | None = None
    best_step: int = 0
    looks_since: int = 0

    def to_json(self) -> str:
        """As text."""
        return json.dumps(asdict(self))

    def take(self, text: str) -> None:
        """Becomes what `to_json` made a text of."""
        content = json.loads(text)
        content["points"] = [Point(**point) for point in content["points"]]
        self.__dict__.update(content)


class _Saved(tf.train.experimental.PythonState):
    """The state as TensorFlow's checkpoints take it."""

    def __init__(self, state: State) -> None:
        super().__init__()
        self.state = state

    def serialize(self) -> str:
        return self.state.to_json()

    def deserialize(self, string_value: bytes | str) -> None:
        text = string_value.decode() if isinstance(string_value, bytes) else string_value
        self.state.take(text)


class Checkpoints:
    """The checkpoints of one training run in a folder of their own; `best` holds the best look."""

    def __init__(self, folder: Path, state: State, objects: Mapping[str, Any]) -> None:
        """A folder, made if need be; the run's state; and what else is saved, by name."""
        self.folder, self.state = folder, state
        self.checkpoint = tf.train.Checkpoint(state=_Saved(state), **objects)
        # A variable, which several workers make together or not at all; only one of them saves.
        assert self.checkpoint.save_counter is not None
        self.latest = self._manager(folder, KEPT)
        self.best = self._manager(folder / "best", 1)

    def _manager(self, folder: Path, kept: int) -> tf.train.CheckpointManager:
        return tf.train.CheckpointManager(
            self.checkpoint, str(folder), max_to_keep=kept, checkpoint_name="step"
        )

    def save(self) -> None:
        """Writes a checkpoint and forgets the oldest."""
        self.latest.save(checkpoint_number=self.state.step)

    def save_best(self) -> None:
        """Writes the best checkpoint so far, instead of the one before."""
        self.best.save(checkpoint_number=self.state.step)

    def restore(self) -> None:
        """Takes up the last checkpoint that can be read, if there is one."""
        for path in reversed(self.latest.checkpoints):
            try:
                self.checkpoint.restore(path).assert_existing_objects_matched()
            except (tf.errors.OpError, AssertionError, ValueError) as error:
                notice(f"the checkpoint {path} cannot be read ({type(error).__name__}); trying")
                continue
            notice(f"goes on from step {self.state.step}, where a run was stopped")
            return

    def restore_best(self) -> None:
        """Takes up the best look; the state stays that of the end."""
        end = self.state.to_json()
        self.checkpoint.restore(self.best.latest_checkpoint).assert_existing_objects_matched()
        self.state.take(end)

    @property
    def last_good(self) -> str | None:
        """The path of the last checkpoint; None where none was written."""
        path = self.latest.latest_checkpoint
        return str(path) if path else None
