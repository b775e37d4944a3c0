"""The figures about a text are those that a person would count, however the text is cut."""

import io
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gptfx.data import counting
from gptfx.data.corpora import resolve
from gptfx.data.counting import TextCounts, count, merge
from gptfx.data.statistics import TextStatistics, corpus_statistics, statistics

PIECES = [b"a", b"\n", b"\r\n", b"\r", "é".encode(), "漢".encode(), "😀".encode(), b"\xe9",
          b"\xf0\x9f", b"\x80", "\N{REPLACEMENT CHARACTER}".encode(), b"\xef\xbf"]  # fmt: skip
mixed = st.lists(st.sampled_from(PIECES) | st.binary(max_size=4), max_size=12).map(b"".join)


def figures(text: bytes | str, source: str = "a/b.txt") -> TextStatistics:
    data = text.encode() if isinstance(text, str) else text
    return statistics(count(io.BytesIO(data), source))


def test_bytes_code_points_and_lines_of_a_small_text() -> None:
    found = figures("Ωμέγα 7\n\nlast line é")
    assert (found.bytes, found.code_points) == (26, 20)
    assert found.lines == 3
    assert found.files == 1


def test_scripts_are_named_and_the_commonest_comes_first() -> None:
    scripts = figures("abc Ж, 7漢字e\N{COMBINING ACUTE ACCENT}").scripts
    assert scripts == {"Common": 4, "Latin": 4, "Han": 2, "Cyrillic": 1, "Inherited": 1}
    assert list(scripts) == ["Common", "Latin", "Han", "Cyrillic", "Inherited"]


def test_the_longest_line_is_the_first_of_its_length_and_its_end_does_not_count() -> None:
    found = figures("no\nééé\r\nabc\nx")
    assert (found.longest_line, found.longest_line_at) == (3, "a/b.txt:2")


def test_a_carriage_return_that_ends_no_line_is_a_character() -> None:
    assert figures("a\rb\r").longest_line == 4


def test_invalid_sequences_are_counted_and_a_replacement_character_in_the_text_is_not_one() -> None:
    found = figures(b"\xff\xfe caf\xe9 \xef\xbf\xbd \xe6\xbc")
    assert found.invalid_sequences == 4
    assert found.code_points == len(" caf \ufffd ")


def test_a_text_that_comes_twice_is_half_repeated() -> None:
    page = "".join(f"line number {number} of the page\n" for number in range(400))
    assert figures(page).repeated_passages == 0.0
    twice = merge([count(io.BytesIO(page.encode()), name) for name in ("a/1", "a/2")])
    assert statistics(twice).repeated_passages == 0.5
    assert figures(page + page).repeated_passages == pytest.approx(0.5, abs=0.05)


def test_the_compression_ratio_is_that_of_zlib() -> None:
    text = b"To be, or not to be. " * 100
    assert figures(text).compression_ratio == len(text) / len(zlib.compress(text, 6))


def test_an_empty_text_has_no_ratio_and_no_longest_line() -> None:
    found = figures(b"")
    assert found == statistics(merge([count(io.BytesIO(b""))]))
    assert (found.compression_ratio, found.longest_line_at, found.repeated_passages) == (
        None,
        None,
        0,
    )
    assert found.scripts == {}


@given(mixed, st.integers(1, 5))
@example(b"\xef\xbf\xbd\xef\xbf", 1)
@example(b"a\r\nb", 2)
def test_the_borders_of_blocks_change_nothing(data: bytes, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "BLOCK_BYTES", block)
        found = figures(data)
    text = data.decode("utf-8", "replace")
    invalid = text.count("\ufffd") - data.count("\ufffd".encode())
    lines = text.split("\n")
    ended = [line.removesuffix("\r") for line in lines[:-1]] + [lines[-1]] * bool(lines[-1])
    assert found.invalid_sequences == invalid
    assert found.code_points == len(text) - invalid == sum(found.scripts.values())
    assert found.lines == len(ended)
    assert as_plain(count(io.BytesIO(data)))["passages"] == blocked_passages(data, block)
    assert found.longest_line == max(map(len, ended), default=0)


def blocked_passages(data: bytes, block: int) -> Counter[int]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "BLOCK_BYTES", block)
        return Counter(count(io.BytesIO(data)).passages.tolist())


def as_plain(counts: TextCounts) -> dict[str, object]:
    return {**counts.__dict__, "passages": Counter(counts.passages.tolist())}


@given(st.lists(mixed, max_size=4), st.randoms())
def test_parts_sum_to_the_same_whatever_their_order_and_grouping(
    texts: list[bytes], random: Any
) -> None:
    parts = [count(io.BytesIO(text), f"a/{index}") for index, text in enumerate(texts)]
    whole = as_plain(merge(parts))
    random.shuffle(parts)
    half = len(parts) // 2
    assert as_plain(merge([merge(parts[:half]), merge(parts[half:])])) == whole


@given(st.integers(1, 3000), st.integers(1, 700))
def test_a_long_line_is_cut_alike_whatever_the_blocks(length: int, block: int) -> None:
    data = bytes(range(33, 127)) * (length // 94 + 1) + b"\nend"
    assert as_plain(count(io.BytesIO(data)))["passages"] == blocked_passages(data, block)


def test_a_corpus_is_all_its_files_decompressed(tmp_path: Path) -> None:
    import gzip

    (tmp_path / "a.txt").write_bytes(b"one\n")
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"three\n"))
    found = corpus_statistics(resolve(str(tmp_path), tmp_path).files)
    assert (found.files, found.bytes, found.lines) == (2, 10, 2)
    assert found.longest_line_at.endswith("/b.gz:1")
