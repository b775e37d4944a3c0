"""How much of what a model says it says word for word from the training text.

Of a text every window of `WINDOW` tokens in a row is taken, in bytes; it is memorised if these
bytes, all of them, stand somewhere in the training text. Text that a model makes unasked is looked
at in this way, and in windows of 50 tokens, by Lee et al., "Deduplicating Training Data Makes
Language Models Better" (2022, https://arxiv.org/abs/2107.06499); 50 tokens is the length of Carlini
et al., too, "Quantifying Memorization Across Neural Language Models" (2022,
https://arxiv.org/abs/2202.07646), who had models give training text away in "Extracting Training
Data from Large Language Models" (2021, https://arxiv.org/abs/2012.07805).

The training text is read once, a part at a time. A rolling hash (Karp and Rabin, 1987,
https://doi.org/10.1147/rd.312.0249) says where a window may begin, and where it may end; there the
bytes themselves are compared, so that no two texts are ever taken for one another.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

WINDOW = 50  # tokens; so a window has at least as many bytes
DOUBLINGS = 5
BLOCK = 1 << DOUBLINGS  # bytes that are hashed: fewer than any window has
PART = 1 << 20  # bytes of the training text that are looked through at once
FACTOR = 0x9E3779B97F4A7C15  # odd
FILTER_BITS = 16

Window = bytes


class Share(NamedTuple):
    """How many windows there were, and how many of them stand in the training text."""

    windows: int
    found: int

    @property
    def share(self) -> float | None:
        """None of no window."""
        return self.found / self.windows if self.windows else None


def windows_of(pieces: Sequence[bytes], size: int = WINDOW) -> list[Window]:
    """Every window of `size` tokens in a row, given the bytes of each token of a text.

    >>> windows_of([b"a", b"bc", b"d"], size=2)
    [b'abc', b'bcd']
    """
    return [b"".join(pieces[at : at + size]) for at in range(len(pieces) - size + 1)]


def block_hashes(text: bytes) -> np.ndarray:
    """Of the `BLOCK` bytes from each place on, (len(text) - BLOCK + 1,) uint64; none of less text.

    That of twice as many bytes is made of two others, so that five rounds do.
    """
    hashes = np.frombuffer(text, np.uint8).astype(np.uint64) + np.uint64(1)
    factor = FACTOR
    for doubling in range(DOUBLINGS):
        half = 1 << doubling
        hashes = hashes[:-half] * np.uint64(factor) + hashes[half:]
        factor = factor * factor % 2**64
    # The low bits of such a product know the low bits of the text alone.
    return hashes ^ (hashes >> np.uint64(29))


class Search:
    """Looks for windows in text that comes in pieces."""

    def __init__(self, windows: Iterable[Window]) -> None:
        """`windows` have at least `BLOCK` bytes each."""
        self.found: set[Window] = set()
        self._wanted: dict[int, list[tuple[Window, int]]] = defaultdict(list)  # by its first block
        self._longest = 0
        for window in sorted(set(windows)):
            hashes = block_hashes(window)
            self._wanted[int(hashes[0])].append((window, int(hashes[-1])))
            self._longest = max(self._longest, len(window))
        self._firsts = np.array(sorted(self._wanted), np.uint64)
        self._filter = np.zeros(1 << FILTER_BITS, bool)
        self._filter[_low_bits(self._firsts)] = True

    def read(self, passages: Iterable[bytes]) -> None:
        """Looks through one text, the passages of which follow each other without a gap."""
        held: list[bytes] = []
        size = 0
        for passage in passages:
            held.append(passage)
            size += len(passage)
            if size >= PART:
                text = b"".join(held)
                self._look_through(text)
                held = [text[len(text) - self._longest + 1 :]]  # a window may go on behind it
                size = len(held[0])
        self._look_through(b"".join(held))

    def share_of(self, windows: Sequence[Window]) -> Share:
        """Of windows that were looked for."""
        return Share(len(windows), sum(window in self.found for window in windows))

    def _look_through(self, text: bytes) -> None:
        if len(text) < BLOCK or not len(self._firsts):
            return
        hashes = block_hashes(text)
        places = np.flatnonzero(self._filter[_low_bits(hashes)])
        places = places[np.isin(hashes[places], self._firsts)]
        for first in np.unique(hashes[places]).tolist():
            self._compare(text, hashes, places[hashes[places] == np.uint64(first)], first)

    def _compare(self, text: bytes, hashes: np.ndarray, places: np.ndarray, first: int) -> None:
        """Windows with one first block, at the places (n,) where it may stand."""
        for window, last in self._wanted[first]:
            if window in self.found:
                continue
            ends = places + (len(window) - BLOCK)
            within = ends < len(hashes)
            likely = places[within][hashes[ends[within]] == np.uint64(last)]
            if any(text.startswith(window, place) for place in likely.tolist()):
                self.found.add(window)


def _low_bits(hashes: np.ndarray) -> np.ndarray:
    return (hashes & np.uint64((1 << FILTER_BITS) - 1)).astype(np.int64)
