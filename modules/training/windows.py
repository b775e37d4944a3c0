"""Where the windows of a training batch come from: the stream in memory, or files that flow by.

A source is asked twice. On the host, `draw` says what the next steps learn from; in the graph,
`windows` makes a step's batch of it. Which windows a step takes depends on the seed and the step
alone, so that a run that was killed goes on as if nothing had happened.
"""

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol

import numpy as np
import tensorflow as tf

from gptfx.data.errors import InputError
from gptfx.modules.config import TrainerConfig
from gptfx.modules.training.packing import Stream


class Source(Protocol):
    """What the training loop needs of its data.

    Attributes:
      drawn_shape: of what is drawn for a single window.
    """

    drawn_shape: tuple[int, ...]

    def draw(self, first: int, count: int) -> np.ndarray:
        """What `windows` needs for steps `first` to `first + count`: (count, batch_size, ...)."""
        ...

    def windows(self, drawn: tf.Tensor) -> tf.Tensor:
        """A part (B, ...) of one step's draw to tokens (B, block_size + 1) int32."""
        ...


class InMemory:
    """The tokens stand in memory, on the device; a window is drawn by where it starts."""

    def __init__(
        self,
        stream: np.ndarray,
        config: TrainerConfig,
        block_size: int,
        mixture: "Mixture | None" = None,
    ) -> None:
        """A stream (n,) of ids. Raises InputError where it is shorter than a window.

        A `mixture` says which parts are drawn from oftener; then windows are drawn at random.
        """
        require_windows(stream, block_size)
        self.drawn_shape = ()
        self.config, self.block_size, self.mixture = config, block_size, mixture
        self.stream = tf.constant(stream, tf.int32)
        self.size = len(stream)
        self.per_epoch = (self.size - block_size) // block_size  # wherever the first one starts
        self.epoch, self.starts = -1, np.zeros(0, np.int64)

    def draw(self, first: int, count: int) -> np.ndarray:
        """Where windows start: (count, batch_size) int32."""
        shuffled = self.config.windows == "shuffled" and self.mixture is None
        if shuffled and self.per_epoch:
            batch = self.config.batch_size
            indices = range(first * batch, (first + count) * batch)
            starts = [self._shuffled(*divmod(index, self.per_epoch)) for index in indices]
            return np.array(starts, np.int32).reshape(count, batch)
        return np.stack([self._random(step) for step in range(first, first + count)])

    def _shuffled(self, epoch: int, index: int) -> int:
        """Where the window begins that is number `index` of an epoch."""
        if epoch != self.epoch:
            generator = np.random.default_rng([self.config.seed, epoch])
            phase = generator.integers(self.block_size)  # the cuts fall elsewhere in every epoch
            self.starts = generator.permutation(self.per_epoch) * self.block_size + phase
            self.epoch = epoch
        return int(self.starts[index])

    def _random(self, step: int) -> np.ndarray:
        """Where the windows of a step begin, (batch_size,) int32, drawn with replacement."""
        drawn = np.random.default_rng([self.config.seed, step]).random(self.config.batch_size)
        last = self.size - self.block_size  # the first start that is too late
        starts = np.floor(drawn * last) if self.mixture is None else self.mixture.place(drawn)
        return np.minimum(starts, last - 1).astype(np.int32)

    def windows(self, drawn: tf.Tensor) -> tf.Tensor:
        """See `Source.windows`."""
        return tf.gather(self.stream, drawn[:, None] + tf.range(self.block_size + 1))


class Streamed:
    """Passages flow by from files; nothing of the corpus' size is held."""

    def __init__(
        self,
        passages: tf.data.Dataset,
        separator_id: int,
        config: TrainerConfig,
        block_size: int,
    ) -> None:
        """Passages are ids (None,) int each; a separator is put before each, for neighbours in a
        shard are strangers to each other."""
        self.config, self.size = config, block_size + 1
        self.drawn_shape = (self.size,)
        separated = passages.map(
            lambda ids: tf.concat([[separator_id], tf.cast(ids, tf.int32)], axis=0)
        )
        tokens = separated.flat_map(tf.data.Dataset.from_tensor_slices)
        windows = tokens.batch(self.size, drop_remainder=True)
        shuffled = windows.shuffle(config.shuffle_buffer, seed=config.seed)
        self.batches = shuffled.repeat().batch(config.batch_size, drop_remainder=True)
        self.next_step, self.iterator = -1, iter(())  # opened by the first draw

    def draw(self, first: int, count: int) -> np.ndarray:
        """The tokens themselves: (count, batch_size, block_size + 1) int32.

        Raises InputError where the files hold no window at all.
        """
        if first != self.next_step:  # the first draw, or a run goes on: pass over what it had
            self.iterator = self.batches.skip(first).as_numpy_iterator()
        self.next_step = first + count
        try:
            return np.stack([next(self.iterator) for _ in range(count)])
        except StopIteration:
            raise too_short("fewer", self.size - 1) from None

    def windows(self, drawn: tf.Tensor) -> tf.Tensor:
        """See `Source.windows`."""
        return drawn


class Mixture(NamedTuple):
    """How often windows start in each part of a stream; all (c,) float64, one value a corpus."""

    starts: np.ndarray
    """The first token of the part."""
    weights: np.ndarray
    """How often each of its tokens is drawn; 1 where its size alone decides."""
    until: np.ndarray
    """Tokens times weights of this part and all before it."""

    @classmethod
    def of(cls, stream: Stream, weights: Mapping[str, float], block_size: int) -> "Mixture | None":
        """None where no corpus weighs other than 1: then every window is equally likely."""
        each = np.array([weights.get(name, 1.0) for name in stream.starts])
        if np.all(each == 1.0):
            return None
        starts = np.array([*stream.starts.values()], np.float64)
        ends = np.append(starts[1:], len(stream.ids) - block_size)
        return cls(starts, each, np.cumsum(np.maximum(ends - starts, 0.0) * each))

    def place(self, drawn: np.ndarray) -> np.ndarray:
        """Offsets (batch,) in the stream for uniform draws (batch,) in [0, 1)."""
        drawn = drawn * self.until[-1]
        part = np.searchsorted(self.until, drawn, side="right")
        before = np.append(0.0, self.until[:-1])[part]
        return self.starts[part] + np.floor((drawn - before) / self.weights[part])


def require_windows(stream: np.ndarray, block_size: int) -> None:
    """Raises InputError unless the stream holds one window and the token after it."""
    if len(stream) < block_size + 1:
        raise too_short(str(len(stream)), block_size)


def too_short(tokens: str, block_size: int) -> InputError:
    """What is said of a train split without a window in it."""
    return InputError(
        "the train split is shorter than one window",
        f"{tokens} tokens for model.block_size = {block_size}",
        "add text or set a smaller model.block_size",
    )


def validation_batches(
    stream: np.ndarray, block_size: int, batch_size: int, most_tokens: int
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Inputs and targets (<= batch_size, block_size) of windows that do not overlap, in order.

    Raises InputError where the eval split is shorter than one.
    """
    count = min(len(stream) - 1, max(most_tokens, block_size)) // block_size
    if count < 1:
        raise InputError(
            "the eval split is shorter than one window",
            f"{len(stream)} tokens for model.block_size = {block_size}",
            "add text, or set a smaller model.block_size or a larger data.eval_fraction",
        )
    inputs = stream[: count * block_size].reshape(count, block_size)
    targets = stream[1 : count * block_size + 1].reshape(count, block_size)
    for start in range(0, count, batch_size):
        yield inputs[start : start + batch_size], targets[start : start + batch_size]
