"""Encodes one word with merges: the result of ``bpe.encode``, in n log n steps instead of n^2."""

import heapq
from collections.abc import Mapping
from itertools import pairwise

from gptfx.modules.tokenizers.bpe import NEVER, Pair, merge

SHORT = 48  # bytes; up to here looking at every pair again is faster than keeping a heap


def merge_word(word: bytes, ranks: Mapping[Pair, int]) -> list[int]:
    """Ids of `word`: always the best merge next, of equal ones the leftmost, until none applies.

    Args:
      word: its bytes are the first ids.
      ranks: the id that a pair becomes; a lower id goes first.
    """
    return _merge_short(word, ranks) if len(word) <= SHORT else _merge_long(word, ranks)


def _merge_short(word: bytes, ranks: Mapping[Pair, int]) -> list[int]:
    ids = list(word)
    while len(ids) > 1:
        rank, pair = min((ranks.get(pair, NEVER), pair) for pair in pairwise(ids))
        if rank == NEVER:
            break
        ids = merge(ids, pair, rank)
    return ids


def _merge_long(word: bytes, ranks: Mapping[Pair, int]) -> list[int]:
    """Tokens in a linked list, the pairs that might merge in a heap; stale entries are skipped."""
    size = len(word)
    ids: list[int] = [*word, NEVER]  # by first byte; NEVER where no token begins
    after, before = list(range(1, size + 2)), list(range(-1, size))
    heap: list[tuple[int, int]] = []

    def push(place: int) -> None:
        if place >= 0 and (rank := ranks.get((ids[place], ids[after[place]]), NEVER)) < NEVER:
            heapq.heappush(heap, (rank, place))

    for place in range(size - 1):
        push(place)
    while heap:
        rank, place = heapq.heappop(heap)
        follower = after[place]
        if ids[place] == NEVER or ranks.get((ids[place], ids[follower])) != rank:
            continue  # it was merged into something else
        ids[place], ids[follower] = rank, NEVER
        after[place] = after[follower]
        before[after[place]] = place
        push(before[place])
        push(place)
    return [index for index in ids if index != NEVER]
