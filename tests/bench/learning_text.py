"""What the sides that learn read, and how they are judged; imported in both environments."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

TRAIN_SHARE = 0.9  # as in nanoGPT
AT_ONCE = 256  # windows


def read(corpus: str) -> str:
    """All of a text; its line ends as they are."""
    return Path(corpus).read_bytes().decode()


def halves(text: str) -> tuple[str, str]:
    """What is learned from, and what is judged by."""
    cut = int(len(text) * TRAIN_SHARE)
    return text[:cut], text[cut:]


def random_ids(vocab_size: int, count: int = 1_000_000) -> np.ndarray:
    """(count,) int64, always the same: what a speed is measured on."""
    return np.random.default_rng(0).integers(vocab_size, size=count)


def windows(ids: np.ndarray, block_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Inputs and targets (some, block_size) of ids (n,), which do not overlap; the last is shorter.

    Together they hold every position of the text but the first, which nothing stands before.
    """
    count = (len(ids) - 1) // block_size
    whole = count * block_size
    inputs = ids[:whole].reshape(count, block_size)
    targets = ids[1 : whole + 1].reshape(count, block_size)
    for first in range(0, count, AT_ONCE):
        yield inputs[first : first + AT_ONCE], targets[first : first + AT_ONCE]
    if whole < len(ids) - 1:
        yield ids[None, whole:-1], ids[None, whole + 1 :]


def mean_loss(
    loss: Callable[[np.ndarray, np.ndarray], float], ids: np.ndarray, block_size: int
) -> float:
    """Nats a token over all windows of ids (n,); `loss` is the mean over some of them."""
    total = sum(
        loss(inputs, targets) * targets.size for inputs, targets in windows(ids, block_size)
    )
    return total / (len(ids) - 1)


def peak_megabytes() -> float:
    """The most memory that this process ever had."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
