"""What is measured while a model is fitted: as points, for TensorBoard, and as a picture."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PICTURE, POINTS = "curves.png", "curves.json"
NATS_TO_BITS = 1.0 / math.log(2)


@dataclass(frozen=True)
class Point:
    """The curves at one step.

    Attributes:
      step: updates done.
      loss: nats a token on the train split, mean since the point before.
      gradient_norm: of the last step, before clipping.
      learning_rate: AdamW's at the last step.
      tokens_per_second: mean since the point before.
      validation_loss: nats a token on the eval split; None where nobody looked.
    """

    step: int
    loss: float
    gradient_norm: float
    learning_rate: float
    tokens_per_second: float
    validation_loss: float | None = None


@dataclass(frozen=True)
class BytesPerToken:
    """How long a token is in each split; what turns nats a token into bits a byte."""

    train: float
    validation: float

    @classmethod
    def of(
        cls, token_bytes: Sequence[bytes], train: np.ndarray, validation: np.ndarray | None
    ) -> "BytesPerToken":
        """Of streams (n,) of ids; without an eval split, what holds for the train split."""
        lengths = np.array([len(piece) for piece in token_bytes])
        size = float(lengths[train].mean()) if len(train) else 1.0
        other = float(lengths[validation].mean()) if validation is not None else size
        return cls(size, other)


class Curves:
    """Writes points to a folder as they come; `finish` draws them."""

    def __init__(self, folder: Path, sizes: BytesPerToken | None = None) -> None:
        self.folder, self.sizes = folder, sizes
        self.writer = tf.summary.create_file_writer(str(folder))

    def write(self, point: Point) -> None:
        """A point for TensorBoard."""
        values = {
            "loss/train_nats_per_token": point.loss,
            "loss/validation_nats_per_token": point.validation_loss,
            "gradient_norm": point.gradient_norm,
            "learning_rate": point.learning_rate,
            "tokens_per_second": point.tokens_per_second,
        }
        if self.sizes:
            values["loss/train_bits_per_byte"] = _bits(point.loss, self.sizes.train)
            looked = _bits(point.validation_loss, self.sizes.validation)
            values["loss/validation_bits_per_byte"] = looked
        with self.writer.as_default(step=point.step):
            for name, value in values.items():
                if value is not None:
                    tf.summary.scalar(name, value)
        self.writer.flush()

    def write_sample(self, step: int, text: str) -> None:
        """A text that the model made, for TensorBoard's page of texts."""
        with self.writer.as_default(step=step):
            tf.summary.text("sample", f"```\n{text}\n```")  # as it is, not as Markdown
        self.writer.flush()

    def finish(self, points: Sequence[Point]) -> None:
        """Writes curves.json and curves.png, which hold every point."""
        self.writer.close()
        rows = [json.dumps(asdict(point)) for point in points]
        text = "[\n" + ",\n".join(rows) + "\n]\n"
        (self.folder / POINTS).write_text(text, encoding="utf-8")
        if points:
            draw(points, self.sizes, self.folder / PICTURE)


def _bits(nats: float | None, bytes_per_token: float) -> float | None:
    """Bits a byte for nats a token."""
    return None if nats is None else nats * NATS_TO_BITS / bytes_per_token


def draw(points: Sequence[Point], sizes: BytesPerToken | None, file: Path) -> None:
    """A PNG."""
    figure_of(points, sizes).savefig(file, dpi=110)


def figure_of(points: Sequence[Point], sizes: BytesPerToken | None) -> "Figure":
    """The losses above; learning rate, gradient norm and speed below."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(9, 7), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 3, height_ratios=(2, 1))
    losses = figure.add_subplot(grid[0, :])
    steps = [point.step for point in points]
    mark = "o" if len(points) == 1 else ""  # of one point there is no line
    losses.plot(steps, [point.loss for point in points], marker=mark, ms=3, label="train")
    looks = {p.step: p.validation_loss for p in points if p.validation_loss is not None}
    if looks:
        losses.plot([*looks], [*looks.values()], "o-", ms=3, label="validation")
    losses.set_xlabel("step")
    losses.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    losses.set_ylabel("nats/token")
    losses.grid(alpha=0.3)
    losses.legend()
    if sizes:
        ratio: Any = NATS_TO_BITS / sizes.train
        both_ways = (lambda nats: nats * ratio, lambda bits: bits / ratio)
        axis = losses.secondary_yaxis("right", functions=both_ways)
        axis.set_ylabel("bits/byte (of the train split)")
    for column, name in enumerate(("learning_rate", "gradient_norm", "tokens_per_second")):
        below = figure.add_subplot(grid[1, column])
        below.plot(steps, [getattr(point, name) for point in points], lw=1, marker=mark, ms=3)
        below.set_title(name.replace("_", " "), fontsize=10)
        below.set_xlabel("step")
        below.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
        below.set_ylim(bottom=0.0)
        below.grid(alpha=0.3)
    return figure
