"""Learns BPE merges from word counts, with the result of the textbook algorithm in ``bpe.py``.

Merges never cross word borders, so the corpus reduces to its distinct words: how often each occurs,
and which occurs first. The words lie one behind the other in one array, a cell a byte. A token has
its id in its first and in its last cell, so that both its neighbours are found in one step; for
each pair it is known how often it occurs and in which cells it once began, ascending.

The pairs wait in a heap, the most frequent first, and of equally frequent ones the one that occurs
first. After a pair came into being its count only falls and its first place only moves back, so an
entry that turns out to be stale when it is on top can simply be put back with what is true now:
what comes out is exact.
"""

import heapq
from array import array
from collections.abc import Callable, Sequence

import numpy as np

from gptfx.modules.tokenizers.bpe import FIRST_MERGE, Pair

WordCount = tuple[bytes, int]  # (word, how often); in the order of the words' first occurrence

BORDER, INSIDE = -1, -2  # cells without an id: between two words, and within a token
ID_BITS = 20  # a pair (left, right) is the key left << ID_BITS | right
ID_MASK = (1 << ID_BITS) - 1
PLACE_BITS = 32
PLACE_MASK = (1 << PLACE_BITS) - 1
KEY_BITS = 2 * ID_BITS
KEY_MASK = (1 << KEY_BITS) - 1
MAX_VOCAB_SIZE = 1 << ID_BITS

# Of a pair: [how often it occurs, cells in which it once began ...].
Occurrences = list[int]


def train_from_counts(
    counts: Sequence[WordCount],
    n_merges: int,
    on_merge: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[Pair]:
    """Learns up to `n_merges` merges from distinct words with counts.

    Args:
      counts: the words, in the order of their first occurrence in the corpus (ties between pairs go
        to the one that occurs first).
      n_merges: how many merges to learn; fewer come back when no pair is left.
      on_merge: called with (merges so far, merges asked for) as they are learned.
    """
    words = _Words(counts)
    heap = [words.entry(key) for key in words.pairs]
    heapq.heapify(heap)
    merges: list[Pair] = []
    while len(merges) < n_merges and (key := words.take_best(heap)) is not None:
        for fresh in words.merge(key, FIRST_MERGE + len(merges)):
            heapq.heappush(heap, words.entry(fresh))
        merges.append((key >> ID_BITS, key & ID_MASK))
        on_merge(len(merges), n_merges)
    return merges


class _Words:
    """The distinct words as tokens, with the pairs in them; updated merge by merge."""

    def __init__(self, counts: Sequence[WordCount]) -> None:
        self.ids, self.counts = _lay_out(counts)
        self.lengths = [1] * FIRST_MERGE  # bytes of each token
        self.pairs: dict[int, Occurrences] = {}
        self.places: dict[int, np.ndarray] = {}  # of pairs of bytes; of the others in `pairs`
        self._cursor: dict[int, int] = {}  # places before it hold the pair no more
        self._find_pairs_of_bytes()

    def _find_pairs_of_bytes(self) -> None:
        ids, counts = np.frombuffer(self.ids, np.int32), np.frombuffer(self.counts, np.int64)
        places = np.flatnonzero((ids[:-1] >= 0) & (ids[1:] >= 0)).astype(np.int32)
        codes = (ids[places] << 8 | ids[places + 1]).astype(np.uint16)
        places = places[np.argsort(codes, kind="stable")]  # by pair, and within it ascending
        ends = np.cumsum(np.bincount(codes, minlength=1 << 16))
        codes = np.flatnonzero(np.diff(ends, prepend=0))  # of those that occur
        for code, end in zip(codes.tolist(), ends[codes].tolist(), strict=True):
            start = int(ends[code - 1]) if code else 0
            key = code >> 8 << ID_BITS | code & 0xFF
            self.places[key] = places[start:end]
            self.pairs[key] = [int(counts[places[start:end]].sum())]

    def entry(self, key: int) -> int:
        """An integer that is the smaller, the better the pair is: most frequent, then first.

        The key stands in its last bits. The place may be one that the pair has left already.
        """
        occurrences = self.pairs[key]
        place = self.places[key][0] if key in self.places else occurrences[1]
        return (-occurrences[0] << PLACE_BITS | int(place)) << KEY_BITS | key

    def take_best(self, heap: list[int]) -> int | None:
        """Takes the best pair's key off the heap; None if no pair is left."""
        ids, lengths, pairs = self.ids, self.lengths, self.pairs
        while heap:
            entry = heap[0]
            key = entry & KEY_MASK
            if key not in pairs or not (count := pairs[key][0]):
                heapq.heappop(heap)
                continue
            left, place = key >> ID_BITS, entry >> KEY_BITS & PLACE_MASK
            if ids[place] != left or ids[place + lengths[left]] != key & ID_MASK:
                place = self._first_place(key)
            now = (-count << PLACE_BITS | place) << KEY_BITS | key
            if now == entry:
                heapq.heappop(heap)
                return key
            heapq.heapreplace(heap, now)
        return None

    def _first_place(self, key: int) -> int:
        left, right = key >> ID_BITS, key & ID_MASK
        places = self.places[key] if key in self.places else self.pairs[key]
        at = self._cursor.get(key, 0 if key in self.places else 1)
        while self.ids[places[at]] != left or self.ids[places[at] + self.lengths[left]] != right:
            at += 1
        self._cursor[key] = at
        return int(places[at])

    def merge(self, key: int, new: int) -> list[int]:
        """Makes the pair a token everywhere; returns the keys of pairs that came into being.

        The loop is the heart of the training: all is in local names, and nothing is called.
        """
        ids, counts, lengths, pairs = self.ids, self.counts, self.lengths, self.pairs
        left, right = key >> ID_BITS, key & ID_MASK
        left_size = lengths[left]
        size = left_size + lengths[right]
        lengths.append(size)
        self._cursor.pop(key, None)
        once = pairs.pop(key)
        places = self.places.pop(key).tolist() if key in self.places else once[1:]
        fresh: list[int] = []
        for place in places:
            middle, end = place + left_size, place + size
            if ids[place] != left or ids[middle] != right:
                continue  # an earlier merge took it
            count = counts[place]
            if (before := ids[place - 1]) >= 0:
                if (gone := before << ID_BITS | left) in pairs:  # it is not, if it is this pair
                    pairs[gone][0] -= count
                if (made := before << ID_BITS | new) in pairs:
                    made_pair = pairs[made]
                    made_pair[0] += count
                    made_pair.append(place - lengths[before])
                else:
                    pairs[made] = [count, place - lengths[before]]
                    fresh.append(made)
            if (after := ids[end]) >= 0:
                if (gone := right << ID_BITS | after) in pairs:
                    pairs[gone][0] -= count
                if (made := new << ID_BITS | after) in pairs:
                    made_pair = pairs[made]
                    made_pair[0] += count
                    made_pair.append(place)
                else:
                    pairs[made] = [count, place]
                    fresh.append(made)
            ids[middle - 1] = ids[middle] = INSIDE
            ids[place] = ids[end - 1] = new
        return fresh


def _lay_out(counts: Sequence[WordCount]) -> tuple["array[int]", "array[int]"]:
    """For each cell its byte, or BORDER, and how often its word occurs.

    There is a border in front of the first word, between two, and behind the last.
    """
    words = [(word, count) for word, count in counts if len(word) > 1]
    joined = b"\0".join([b"", *(word for word, _ in words), b""])
    sizes = np.fromiter((len(word) + 1 for word, _ in words), np.int64, len(words))
    often = np.fromiter((count for _, count in words), np.int64, len(words))
    ids = np.frombuffer(joined or b"\0", np.uint8).astype(np.int32)
    ids[np.append(0, np.cumsum(sizes))] = BORDER
    of_cell = np.repeat(np.append(0, often), np.append(1, sizes))
    return array("i", ids.tobytes()), array("q", of_cell.tobytes())
