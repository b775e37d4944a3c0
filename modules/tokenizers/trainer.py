"""Learns BPE merges from word counts, with the result of the textbook algorithm in ``bpe.py``.

Merges never cross word borders, so the corpus reduces to its distinct words: for each, how often it
occurs and where it occurs first. The pairs wait in a heap, best first. After a pair was created its
count only falls and its first position only grows, so an entry that turns out to be stale when it
is popped can simply be pushed back with its present values: what comes out is exact.
"""

import heapq
from collections import defaultdict
from collections.abc import Callable, Iterable
from itertools import pairwise

from gptfx.modules.tokenizers.bpe import FIRST_MERGE, Pair, merge

WordCount = tuple[bytes, int]  # (word, how often); in the order of the words' first occurrence
HeapEntry = tuple[int, int, int, Pair]  # (-count, index of first word, byte offset in it, pair)


class _Words:
    """The distinct words as token ids, with the pairs in them; updated merge by merge."""

    def __init__(self, counts: Iterable[WordCount]) -> None:
        words = [(list(word), count) for word, count in counts if len(word) > 1]
        self.ids = [ids for ids, _ in words]
        self.counts = [count for _, count in words]
        self.lengths = [1] * FIRST_MERGE  # bytes of each token
        self.pair_counts: dict[Pair, int] = defaultdict(int)
        self.homes: dict[Pair, list[int]] = defaultdict(list)  # words that hold it, ascending
        self.cursor: dict[Pair, int] = defaultdict(int)  # homes before it no longer hold it
        for index in range(len(words)):
            self._add_pairs(index)

    def _add_pairs(self, index: int) -> None:
        ids, count = self.ids[index], self.counts[index]
        for pair in pairwise(ids):
            self.pair_counts[pair] += count
            homes = self.homes[pair]
            if not homes or homes[-1] < index:
                homes.append(index)

    def entry(self, pair: Pair) -> HeapEntry:
        """The pair's place in the heap as things stand now; the pair must still occur."""
        homes, at = self.homes[pair], self.cursor[pair]
        while (offset := self._offset(homes[at], pair)) < 0:
            at += 1
        self.cursor[pair] = at
        return -self.pair_counts[pair], homes[at], offset, pair

    def _offset(self, index: int, pair: Pair) -> int:
        """Byte offset of the first `pair` in a word, or -1."""
        offset, ids = 0, self.ids[index]
        for left, right in pairwise(ids):
            if (left, right) == pair:
                return offset
            offset += self.lengths[left]
        return -1

    def apply(self, pair: Pair, new_id: int) -> set[Pair]:
        """Merges `pair` everywhere; returns the pairs that came into being."""
        self.lengths.append(self.lengths[pair[0]] + self.lengths[pair[1]])
        fresh: set[Pair] = set()
        for index in self.homes.pop(pair):
            before, count = self.ids[index], self.counts[index]
            after = merge(before, pair, new_id)
            if len(after) == len(before):
                continue  # an earlier merge took the pair from this word
            for gone in pairwise(before):
                self.pair_counts[gone] -= count
            self.ids[index] = after
            self._add_new_pairs(index, new_id, fresh)
        del self.pair_counts[pair]
        return fresh

    def _add_new_pairs(self, index: int, new_id: int, fresh: set[Pair]) -> None:
        ids, count = self.ids[index], self.counts[index]
        for pair in pairwise(ids):
            self.pair_counts[pair] += count
            if new_id in pair:
                fresh.add(pair)
                homes = self.homes[pair]
                if not homes or homes[-1] < index:
                    homes.append(index)


def train_from_counts(
    counts: Iterable[WordCount],
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
    heap = [words.entry(pair) for pair in words.pair_counts]
    heapq.heapify(heap)
    merges: list[Pair] = []
    while len(merges) < n_merges and (pair := _pop_best(heap, words)) is not None:
        for fresh in words.apply(pair, FIRST_MERGE + len(merges)):
            heapq.heappush(heap, words.entry(fresh))
        merges.append(pair)
        on_merge(len(merges), n_merges)
    return merges


def _pop_best(heap: list[HeapEntry], words: _Words) -> Pair | None:
    while heap:
        entry = heapq.heappop(heap)
        pair = entry[3]
        if words.pair_counts.get(pair, 0) <= 0:
            continue
        if (now := words.entry(pair)) == entry:
            return pair
        heapq.heappush(heap, now)
    return None
