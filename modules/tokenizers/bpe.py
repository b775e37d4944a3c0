"""Byte-pair encoding, as one would explain it.

Text is a sequence of bytes (ids 0 to 255). The pair of neighbours that occurs most often becomes a
new token, everywhere; then again, until the vocabulary is large enough. Encoding replays those
merges in the order in which they were learned. Ties go to the pair that occurs first.

The worked example is the classic ``aaabdaaabac``:

>>> merges = train("aaabdaaabac".encode(), n_merges=3)
>>> merges  # aa -> 256, then aa+a -> 257, then aaa+b -> 258
[(97, 97), (256, 97), (257, 98)]
>>> encode("aaabdaaabac".encode(), merges)
[258, 100, 258, 97, 99]
>>> decode([258, 100, 258, 97, 99], merges)
b'aaabdaaabac'

``trainer.py`` learns the same merges from word counts, fast; ``graph.py`` encodes inside a
TensorFlow graph. Source: Sennrich, Haddow and Birch, https://arxiv.org/abs/1508.07909.
"""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

Pair = tuple[int, int]
FIRST_MERGE = 256  # ids below are the bytes themselves
NEVER = 1 << 40  # the rank of a pair that is no merge


def merge(ids: Sequence[int], pair: Pair, new_id: int) -> list[int]:
    """Replaces each occurrence of `pair` in `ids` by `new_id`, from left to right.

    >>> merge([97, 97, 97, 98], (97, 97), 256)
    [256, 97, 98]
    """
    merged: list[int] = []
    position = 0
    while position < len(ids):
        if tuple(ids[position : position + 2]) == pair:
            merged.append(new_id)
            position += 2
        else:
            merged.append(ids[position])
            position += 1
    return merged


def train(data: bytes, n_merges: int) -> list[Pair]:
    """Learns up to `n_merges` merges from `data`; stops early when no pair is left."""
    ids: list[int] = list(data)
    merges: list[Pair] = []
    while len(merges) < n_merges and len(ids) > 1:
        # Counter keeps the order of first occurrence, and max() returns the first maximum.
        counts = Counter(pairwise(ids))
        best = max(counts, key=counts.__getitem__)
        ids = merge(ids, best, FIRST_MERGE + len(merges))
        merges.append(best)
    return merges


def encode(data: bytes, merges: Sequence[Pair]) -> list[int]:
    """Token ids of `data`: always the merge that was learned first, until none applies."""
    rank = {pair: FIRST_MERGE + index for index, pair in enumerate(merges)}
    ids: list[int] = list(data)
    while len(ids) > 1:
        best = min(pairwise(ids), key=lambda pair: rank.get(pair, NEVER))
        if best not in rank:
            break
        ids = merge(ids, best, rank[best])
    return ids


def token_bytes(merges: Sequence[Pair]) -> list[bytes]:
    """The bytes that each token stands for, by id: the 256 bytes, then one entry a merge."""
    pieces = [bytes([value]) for value in range(FIRST_MERGE)]
    for left, right in merges:
        pieces.append(pieces[left] + pieces[right])
    return pieces


def decode(ids: Sequence[int], merges: Sequence[Pair]) -> bytes:
    """The bytes that `ids` stand for."""
    pieces = token_bytes(merges)
    return b"".join(pieces[index] for index in ids)
