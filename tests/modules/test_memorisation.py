"""A window counts as memorised if its bytes, all of them, stand in the training text."""

import random
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gptfx.modules.evaluation import memorisation
from gptfx.modules.evaluation.memorisation import (
    BLOCK,
    WINDOW,
    Search,
    Share,
    block_hashes,
    windows_of,
)

DRAW = random.Random(1)
TRAIN = bytes(DRAW.choices(range(97, 123), k=5000))  # letters alone
OTHER = bytes(DRAW.choices(range(97, 123), k=5000))


def windows(text: bytes) -> list[bytes]:
    """A token a byte."""
    return windows_of([text[at : at + 1] for at in range(len(text))])


def share(said: bytes, *texts: list[bytes]) -> Share:
    search = Search(windows(said))
    for passages in texts:
        search.read(passages)
    return search.share_of(windows(said))


def test_a_text_that_was_copied_is_memorised_whole() -> None:
    assert share(TRAIN[700:1000], [TRAIN]) == Share(251, 251)
    assert share(TRAIN[700:1000], [TRAIN]).share == 1.0


def test_a_text_that_shares_nothing_is_not_memorised() -> None:
    assert share(OTHER[:300], [TRAIN]) == Share(251, 0)


def test_of_a_text_that_was_copied_in_half_the_windows_within_that_half_count() -> None:
    """100 letters copied and 100 others: 151 windows, of which 100 - 49 lie within the copy."""
    assert share(TRAIN[40:140] + OTHER[:100], [TRAIN]) == Share(151, 51)


def test_one_other_letter_takes_every_window_away_that_holds_it() -> None:
    said = TRAIN[:100] + b"!" + TRAIN[101:200]
    assert share(said, [TRAIN]) == Share(151, 51 + 50)


def test_a_window_may_cross_the_borders_of_passages() -> None:
    passages = [TRAIN[at : at + 7] for at in range(0, len(TRAIN), 7)]
    assert share(TRAIN[1000:1200], passages) == Share(151, 151)


def test_no_window_crosses_from_one_text_to_the_next() -> None:
    said = TRAIN[-30:] + OTHER[:30]
    assert share(said, [TRAIN, OTHER]) == Share(11, 11)
    assert share(said, [TRAIN], [OTHER]) == Share(11, 0)


def test_a_window_may_cross_the_parts_in_which_the_text_is_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(memorisation, "PART", 64)
    for size in (1, 40, 64, 100):
        passages = [TRAIN[at : at + size] for at in range(0, len(TRAIN), size)]
        assert share(TRAIN, passages) == Share(4951, 4951)


def test_what_is_held_at_once_is_a_part_however_long_the_text_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = []

    def watched(text: bytes) -> np.ndarray:
        seen.append(len(text))
        return block_hashes(text)

    def endless() -> Iterator[bytes]:
        for _ in range(3000):
            yield OTHER[:1000]

    search = Search(windows(TRAIN[:60]))
    monkeypatch.setattr(memorisation, "block_hashes", watched)
    search.read(endless())
    assert len(seen) == 3
    assert max(seen) <= memorisation.PART + 1000


def test_windows_that_come_twice_count_twice() -> None:
    said = TRAIN[:50]
    search = Search([said])
    search.read([TRAIN])
    assert search.share_of([said, said, OTHER[:50]]) == Share(3, 2)


def test_a_token_may_have_any_number_of_bytes() -> None:
    pieces = [TRAIN[at : at + 3] for at in range(0, 300, 3)]
    (first, *_, last) = found = windows_of(pieces)
    assert (len(found), first, last) == (51, TRAIN[:150], TRAIN[150:300])


def test_less_than_a_window_is_none_and_has_no_share() -> None:
    assert windows_of([b"a"] * (WINDOW - 1)) == []
    assert share(TRAIN[:49], [TRAIN]) == Share(0, 0)
    assert share(TRAIN[:49], [TRAIN]).share is None


def test_a_text_of_one_letter_is_searched_in_little_time() -> None:
    """A window that begins as everything does, and ends otherwise, may stand at every place."""
    spaces = b" " * 3_000_000
    assert share(b" " * 49 + b"x" + b" " * 49, [spaces]) == Share(50, 0)
    assert share(b" " * 60, [spaces]) == Share(11, 11)


def test_equal_hashes_are_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    def alike(text: bytes) -> np.ndarray:
        return np.zeros(len(text) - BLOCK + 1, np.uint64)

    monkeypatch.setattr(memorisation, "block_hashes", alike)
    assert share(OTHER[:60], [TRAIN[:500]]) == Share(11, 0)
    assert share(TRAIN[:60], [TRAIN[:500]]) == Share(11, 11)


@given(st.binary(min_size=BLOCK, max_size=200))
def test_a_hash_is_that_of_its_block_wherever_it_stands(text: bytes) -> None:
    hashes = block_hashes(text)
    assert len(hashes) == len(text) - BLOCK + 1
    alone = [int(block_hashes(text[at : at + BLOCK])[0]) for at in range(len(hashes))]
    assert hashes.tolist() == alone


@given(
    st.lists(st.sampled_from([b"ab", b"ba" * 20, b"\xff\x00", b"aab" * 15]), max_size=30),
    st.lists(st.sampled_from([b"ab", b"ba" * 20, b"\xff\x00", b"aab" * 15]), max_size=30),
)
def test_it_finds_what_python_s_own_search_finds(said: list[bytes], text: list[bytes]) -> None:
    wanted, whole = windows(b"".join(said)), b"".join(text)
    found = sum(window in whole for window in wanted)
    assert share(b"".join(said), text) == Share(len(wanted), found)
