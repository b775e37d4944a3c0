"""Passages join to the file; no character, line end or, where it can be helped, word is cut."""

import io
import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gptfx.data.errors import InputError
from gptfx.data.inspection import count_invalid_bytes
from gptfx.data.passages import read_passages, split_passages, train_eval_boundary

PIECES = ["a", "be ", "\n", "\r\n", "\r", "é", "漢", "😀", " ", "word" * 9]
texts = st.lists(st.sampled_from(PIECES), max_size=90).map(lambda pieces: "".join(pieces).encode())
anything = st.lists(st.sampled_from([piece.encode() for piece in PIECES]) | st.binary(max_size=9))
sizes = st.integers(64, 80)


def split(data: bytes, size: int = 64) -> list[bytes]:
    return [passage for _, passage in split_passages(io.BytesIO(data), size)]


@given(anything.map(b"".join), sizes)
def test_joined_the_passages_are_the_file(data: bytes, size: int) -> None:
    passages = list(split_passages(io.BytesIO(data), size))
    assert b"".join(passage for _, passage in passages) == data
    for offset, passage in passages:
        assert 1 <= len(passage) <= size
        assert data[offset : offset + len(passage)] == passage


@given(anything.map(b"".join), sizes)
@example(b"\xf0\x9f\x98" * 40 + "😀".encode() * 40, 64)
def test_no_valid_character_is_cut_even_among_invalid_bytes(data: bytes, size: int) -> None:
    assert sum(map(count_invalid_bytes, split(data, size))) == count_invalid_bytes(data)


@given(texts, sizes)
def test_cr_and_lf_stay_together(data: bytes, size: int) -> None:
    passages = split(data, size)
    cuts = itertools.pairwise(passages)
    assert not any(left[-1:] == b"\r" and right[:1] == b"\n" for left, right in cuts)


def test_the_cut_is_made_after_the_last_newline() -> None:
    assert split(b"x" * 40 + b"\n" + b"y" * 10 + b"\n" + b"z " * 20)[0][-1:] == b"\n"
    assert len(split(b"x" * 40 + b"\n" + b"y" * 10 + b"\n" + b"z " * 20)[0]) == 52


def test_without_a_newline_the_space_goes_with_the_word_that_follows() -> None:
    assert split(b"x" * 50 + b" " + b"y" * 30) == [b"x" * 50, b" " + b"y" * 30]


def test_a_space_right_behind_the_window_lets_the_window_be_full() -> None:
    assert split(b"x" * 64 + b" y") == [b"x" * 64, b" y"]


def test_a_newline_or_space_that_would_waste_half_the_window_does_not_count() -> None:
    assert len(split(b"x" * 30 + b"\n" + b"y" * 60)[0]) == 64
    assert len(split(b"x" * 31 + b"\n" + b"y" * 60)[0]) == 32
    assert len(split(b"x" * 31 + b" " + b"y" * 60)[0]) == 64
    assert len(split(b"x" * 32 + b" " + b"y" * 60)[0]) == 32


def test_a_long_word_is_cut_between_characters() -> None:
    assert split("漢".encode() * 22) == ["漢".encode() * 21, "漢".encode()]


def test_a_stream_that_gives_one_byte_at_a_time_gives_the_same_passages() -> None:
    class Pipe(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(1, size or 0))

    data = b"To be, or not to be:\n" * 20
    assert [passage for _, passage in split_passages(Pipe(data), 64)] == split(data)


def test_no_more_is_read_than_a_window_at_a_time() -> None:
    class Endless:
        def read(self, size: int) -> bytes:
            assert size <= 64 + 3
            return b"x" * size

    passages: Iterator[tuple[int, bytes]] = split_passages(Endless(), 64)  # type: ignore[arg-type]
    assert next(passages) == (0, b"x" * 64)
    assert next(passages) == (64, b"x" * 64)


def test_passages_too_small_are_refused_at_the_call(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="63 bytes"):
        split_passages(io.BytesIO(), 63)
    with pytest.raises(InputError, match="63 bytes"):
        read_passages(tmp_path / "a", 0, 1, 63)


@given(texts, st.sampled_from([0.0, 0.1, 0.5, 0.99]))
def test_train_and_eval_read_apart_are_the_file(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, eval_fraction: float
) -> None:
    path = tmp_path_factory.getbasetemp() / "a.txt"
    path.write_bytes(data)
    boundary = train_eval_boundary(path, eval_fraction)
    assert bool(boundary) == bool(data)
    train = list(read_passages(path, 0, boundary, 64))
    evaluation = list(read_passages(path, boundary, len(data), 64))
    assert b"".join(passage for _, passage in train + evaluation) == data
    assert sum(count_invalid_bytes(passage) for _, passage in train + evaluation) == 0
    assert all(data[at : at + len(passage)] == passage for at, passage in evaluation)
    assert not (data[:boundary].endswith(b"\r") and data[boundary:].startswith(b"\n"))


def boundary_of(folder: Path, data: bytes, eval_fraction: float) -> int:
    path = folder / "a.txt"
    path.write_bytes(data)
    return train_eval_boundary(path, eval_fraction)


def test_the_eval_part_starts_at_the_next_line(tmp_path: Path) -> None:
    assert boundary_of(tmp_path, b"123456789\n" * 10, 0.1) == 90
    assert boundary_of(tmp_path, b"123456789\n" * 10, 0.15) == 90
    assert boundary_of(tmp_path, b"123456789\n" * 10, 0.21) == 80


def test_a_line_start_further_than_64_kib_does_not_count(tmp_path: Path) -> None:
    far, near = 64 * 1024 + 1, 64 * 1024
    for distance, boundary in ((far, 200_000 - 100_000), (near, 100_000 + near)):
        data = b"x" * (100_000 + distance - 1) + b"\n"
        data += b"y" * (200_000 - len(data))
        assert boundary_of(tmp_path, data, 0.5) == boundary


def test_without_lines_the_eval_part_starts_at_a_character(tmp_path: Path) -> None:
    assert boundary_of(tmp_path, "漢".encode() * 10, 0.5) == 15
    assert boundary_of(tmp_path, "漢".encode() * 10, 0.45) == 18


@pytest.mark.parametrize("data", [b"", b"a", b"\n", "😀".encode(), b"\r\n"])
def test_of_a_file_too_small_to_share_train_gets_all(tmp_path: Path, data: bytes) -> None:
    assert boundary_of(tmp_path, data, 0.9) == len(data)


@pytest.mark.parametrize("eval_fraction", [-0.1, 1.0, float("nan")])
def test_a_share_that_is_none_is_refused(tmp_path: Path, eval_fraction: float) -> None:
    with pytest.raises(InputError, match="share of a file"):
        boundary_of(tmp_path, b"words\n", eval_fraction)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.txt"):
        train_eval_boundary(tmp_path / "gone.txt", 0.1)
    with pytest.raises(InputError, match=r"gone\.txt"):
        list(read_passages(tmp_path / "gone.txt", 0, 9, 64))
