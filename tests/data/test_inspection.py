"""Every byte is judged as Python's own decoder judges it, however the file is cut into blocks."""

from pathlib import Path

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from gptfx.data import inspection
from gptfx.data.corpora import TextFile
from gptfx.data.errors import InputError
from gptfx.data.inspection import FileReport, count_invalid_bytes, inspect, require_text
from gptfx.data.storage import GZIP_MAGIC, ZSTD_MAGIC

PIECES = [b"a", b"\n", "é".encode(), "漢".encode(), "😀".encode(), b"\xe9", b"\xf0\x9f", b"\x80"]
mixed = st.lists(st.sampled_from(PIECES) | st.binary(max_size=4), max_size=12).map(b"".join)


def file_of(folder: Path, content: bytes, name: str = "a.txt") -> TextFile:
    path = folder / name
    path.write_bytes(content)
    return TextFile(f"mine/{name}", path, len(content))


def report_on(folder: Path, content: bytes) -> FileReport:
    return inspect([file_of(folder, content)]).files[0]


def invalid_offsets(data: bytes) -> list[int]:
    """By the definition: the bytes inside the ranges that Python's decoder reports, one by one."""
    offsets, start = [], 0
    while start < len(data):
        try:
            data[start:].decode()
            break
        except UnicodeDecodeError as error:
            offsets += range(start + error.start, start + error.end)
            start += error.end
    return offsets


@given(mixed)
@example(b"\xed\xa0\x80")  # an encoded surrogate
@example(b"\xf4\x90\x80\x80")  # beyond U+10FFFF
@example(b"\xc0\xaf")  # an overlong slash
def test_invalid_bytes_are_those_the_decoder_reports(data: bytes) -> None:
    assert count_invalid_bytes(data) == len(invalid_offsets(data))


@given(st.text(st.characters(blacklist_categories=("Cs",))))
def test_valid_text_has_no_invalid_bytes(text: str) -> None:
    assert count_invalid_bytes(text.encode()) == 0


@given(mixed, st.integers(1, 5))
def test_the_borders_of_blocks_change_nothing(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, block: int
) -> None:
    assume(not data.startswith((GZIP_MAGIC, ZSTD_MAGIC)))  # these are read decompressed
    folder = tmp_path_factory.getbasetemp()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inspection, "BLOCK_BYTES", block)
        report = report_on(folder, data)
    offsets = invalid_offsets(data)
    assert report.invalid_bytes == len(offsets)
    assert report.first_invalid == (offsets[0] if offsets else None)
    assert report.bytes == len(data)


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-be", "utf-32", "utf-32-be"])
def test_wide_encodings_look_binary(tmp_path: Path, coding: str) -> None:
    assert report_on(tmp_path, "Wörter".encode(coding)).is_binary


def test_a_wide_mark_is_enough_and_only_at_the_start(tmp_path: Path) -> None:
    assert report_on(tmp_path, "漢".encode("utf-16")).is_binary
    assert not report_on(tmp_path, b"a\xff\xfe").is_binary


def test_text_with_the_mark_of_utf_8_is_text(tmp_path: Path) -> None:
    report = report_on(tmp_path, "words".encode("utf-8-sig"))
    assert not report.is_binary
    assert report.invalid_bytes == 0


def test_an_empty_file_among_others_is_skipped_with_a_note(tmp_path: Path) -> None:
    report = inspect([file_of(tmp_path, b""), file_of(tmp_path, b"words", "b.txt")])
    assert report.skipped == (str(tmp_path / "a.txt"),)
    require_text(report, 0.0)


def test_a_corpus_of_empty_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"corpus is empty.*/a\.txt"):
        require_text(inspect([file_of(tmp_path, b"")]), 0.0)
    with pytest.raises(InputError, match=r"corpus is empty.*no files"):
        require_text(inspect([]), 0.0)


def test_a_binary_file_is_refused_by_name(tmp_path: Path) -> None:
    files = [file_of(tmp_path, b"words"), file_of(tmp_path, b"\x89PNG\0", "b.png")]
    with pytest.raises(InputError, match=r"1 of 2 files.*/b\.png.*remove.*convert"):
        require_text(inspect(files), 1.0)


def test_too_many_invalid_bytes_are_refused_with_place_share_and_bound(tmp_path: Path) -> None:
    report = inspect([file_of(tmp_path, b"caf\xe9" + b"." * 96)])
    require_text(report, 0.01)
    with pytest.raises(InputError) as raised:
        require_text(report, 0.009)
    message = str(raised.value)
    assert message.startswith(f"{tmp_path / 'a.txt'} is not valid UTF-8")
    assert "1.000% of the bytes, the first at byte 3" in message
    assert "data.max_invalid_fraction (now 0.009)" in message


def test_a_file_that_went_away_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"No such file.*gone\.txt"):
        inspect([TextFile("mine/gone.txt", tmp_path / "gone.txt", 1)])
