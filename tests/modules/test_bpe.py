"""Byte-pair encoding: the worked example, the textbook, and the fast trainer that equals it."""

import doctest
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from types import ModuleType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gptfx.modules.tokenizers import (
    alphabet,
    bpe,
    normalization,
    special,
    splitting,
    tokenizer,
)
from gptfx.modules.tokenizers.kinds import count_pieces
from gptfx.modules.tokenizers.trainer import WordCount, train_from_counts

words = st.lists(st.sampled_from(b"abc"), max_size=40).map(bytes)
counted = st.lists(st.tuples(words, st.integers(1, 3)), max_size=6, unique_by=lambda item: item[0])


def textbook(counts: Sequence[WordCount], n_merges: int) -> list[bpe.Pair]:
    """The merges by the definition, all pairs counted anew before each; none cross a word."""
    split_words = [list(word) for word, _ in counts]
    merges: list[bpe.Pair] = []
    while len(merges) < n_merges:
        pairs: Counter[bpe.Pair] = Counter()
        for ids, (_, count) in zip(split_words, counts, strict=True):
            for pair in pairwise(ids):
                pairs[pair] += count
        if not pairs:
            break
        merges.append(max(pairs, key=pairs.__getitem__))
        split_words = [bpe.merge(ids, merges[-1], 255 + len(merges)) for ids in split_words]
    return merges


@pytest.mark.parametrize(
    "module",
    [alphabet, bpe, normalization, special, splitting, tokenizer],
    ids=lambda it: it.__name__,
)
def test_the_examples_in_the_docstrings_are_true(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert result.attempted > 0
    assert result.failed == 0


def test_the_worked_example_gives_the_three_merges_everyone_knows() -> None:
    data = b"aaabdaaabac"
    merges = bpe.train(data, n_merges=3)
    assert merges == [(97, 97), (256, 97), (257, 98)]  # aa, aaa, aaab
    ids = bpe.encode(data, merges)
    assert ids == [258, 100, 258, 97, 99]  # aaab d aaab a c
    assert bpe.decode(ids, merges) == data
    assert bpe.token_bytes(merges)[256:] == [b"aa", b"aaa", b"aaab"]


@given(st.binary(), words, st.integers(0, 20))
def test_every_byte_string_survives_the_round_trip(data: bytes, text: bytes, count: int) -> None:
    merges = bpe.train(text, count)
    for some in (data, text):
        assert bpe.decode(bpe.encode(some, merges), merges) == some


def test_a_tie_goes_to_the_pair_that_occurs_first() -> None:
    assert bpe.train(b"zyab", 1) == [(ord("z"), ord("y"))]
    assert train_from_counts([(b"zy", 1), (b"ab", 1)], 1) == [(ord("z"), ord("y"))]


@given(words, st.integers(0, 30))
@example(b"aaaa", 3)
@example(b"abcabcab", 9)
def test_the_fast_trainer_equals_the_textbook_on_one_word(word: bytes, n_merges: int) -> None:
    assert train_from_counts([(word, 1)], n_merges) == bpe.train(word, n_merges)


@given(counted, st.integers(0, 30))
@example([(b"ab", 1), (b"ca", 1), (b"abca", 2)], 4)
def test_the_fast_trainer_equals_the_textbook_on_many_words(
    counts: list[WordCount], n_merges: int
) -> None:
    assert train_from_counts(counts, n_merges) == textbook(counts, n_merges)


def test_on_a_real_text_the_fast_trainer_equals_the_textbook(texts: list[bytes]) -> None:
    # As minbpe does it: over the text itself, each word as often as it occurs there.
    every_word = [(word, 1) for word in splitting.split(texts[0])]
    assert train_from_counts(count_pieces(texts[:1]), 60) == textbook(every_word, 60)


def test_the_fast_trainer_stops_when_no_pair_is_left() -> None:
    assert train_from_counts([(b"abc", 2), (b"a", 9)], 100) == [(97, 98), (256, 99)]
    assert train_from_counts([], 100) == []


def test_the_fast_trainer_tells_how_far_it_is() -> None:
    told: list[tuple[int, int]] = []
    train_from_counts([(b"abc", 1)], 5, on_merge=lambda done, total: told.append((done, total)))
    assert told == [(1, 5), (2, 5)]
