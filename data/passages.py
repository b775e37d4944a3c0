"""Cuts files of any size into passages that can be read on their own, and into train and eval."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

from gptfx.data.errors import InputError
from gptfx.data.storage import open_text

MIN_PASSAGE_BYTES, MAX_PASSAGE_BYTES = 64, 1 << 20
LINE_SEARCH_BYTES = 64 * 1024
LOOKAHEAD_BYTES = 3  # enough to see whether the window ends inside a character of up to 4 bytes

Read = Callable[[int], bytes]


def split_passages(stream: BinaryIO, size: int) -> Iterator[tuple[int, bytes]]:
    """Yields (byte offset, passage) from where the stream stands; offsets count from there.

    A passage has 1 to ``size`` bytes. Joined they are the stream, byte for byte. The cut is made
    after the last newline in the window; else before the last space (GPT-2's split pattern glues
    a space to the word that follows); either only if it uses half the window or more; else between
    characters. No valid UTF-8 character is cut, nor CR LF. Memory stays near ``size``.

    Raises InputError for a size below 64 bytes.
    """
    return _split(stream.read, _checked(size))


def read_passages(path: str | Path, start: int, end: int, size: int) -> Iterator[tuple[int, bytes]]:
    """As ``split_passages``, of the text's bytes (decompressed) from ``start`` to before ``end``.

    Offsets count from the start of the file. Raises InputError also if the file cannot be read.
    """
    return _read_passages(path, start, end, _checked(size))


def train_eval_boundary(path: str | Path, eval_fraction: float) -> int:
    """The byte offset at which the file's eval part starts: about its last ``eval_fraction``.

    The boundary moves forward to the next start of a line if there is one within 64 KiB, else to
    the next start of a character. Train gets at least one character of any file that is not empty;
    eval may be empty (the boundary is then the file's size): for a file of one character, or where
    the fraction makes less than a byte. Raises InputError if the fraction is not in [0, 1) or the
    file cannot be read.
    """
    if not 0 <= eval_fraction < 1:
        remedy = "give a fraction of at least 0 and less than 1"
        raise InputError("no such share of a file for evaluation", eval_fraction, remedy)
    with open_text(path) as stream:
        size = stream.seek(0, 2)
        wish = max(size - int(size * eval_fraction), min(1, size))
        start = max(0, wish - LOOKAHEAD_BYTES)
        stream.seek(start)
        near = stream.read(wish - start + LINE_SEARCH_BYTES + LOOKAHEAD_BYTES)
    return start + _boundary(near, wish - start)


def _boundary(data: bytes, wish: int) -> int:
    """The first good place at or after ``wish`` to start the eval part."""
    line = data.find(b"\n", max(0, wish - 1), wish + LINE_SEARCH_BYTES) + 1
    return line if 0 < line < len(data) else _around(data, wish)[1]


def _read_passages(
    path: str | Path, start: int, end: int, size: int
) -> Iterator[tuple[int, bytes]]:
    left = end - start

    def read(count: int) -> bytes:
        nonlocal left
        data = stream.read(min(count, left))
        left -= len(data)
        return data

    with open_text(path) as stream:
        stream.seek(start)
        for offset, passage in _split(read, size):
            yield start + offset, passage


def _split(read: Read, size: int) -> Iterator[tuple[int, bytes]]:
    offset, data = 0, b""
    while data := data + _fill(read, size + LOOKAHEAD_BYTES - len(data)):
        cut = len(data) if len(data) <= size else _cut(data, size)
        yield offset, data[:cut]
        offset, data = offset + cut, data[cut:]


def _fill(read: Read, count: int) -> bytes:
    """``count`` bytes, fewer only at the end: a pipe may give less than it is asked for."""
    data = b""
    while len(data) < count and (more := read(count - len(data))):
        data += more
    return data


def _cut(data: bytes, size: int) -> int:
    """Where the passage that starts ``data`` ends: at most at ``size``, which lies before its end.

    >>> _cut(b"To be, or not to be", 17)  # keeps " be" in one piece for the next passage
    16
    """
    after_newline = data.rfind(b"\n", 0, size) + 1
    before_space = data.rfind(b" ", 0, size + 1)
    for cut in (after_newline, before_space):
        if 2 * cut >= size:
            return cut
    return _around(data, size)[0]


def _around(data: bytes, cut: int) -> tuple[int, int]:
    """Start and end of the character (or CR LF) that ``cut`` would break; (cut, cut) for none."""
    for start in range(max(0, cut - 3), cut):
        for end in range(cut + 1, start + 5):
            if _is_one(data[start:end]) and end <= len(data):
                return start, end
    return cut, cut


def _is_one(piece: bytes) -> bool:
    text = piece.decode("utf-8", "ignore")
    return piece == b"\r\n" or (len(text) == 1 and text.encode() == piece)


def _checked(size: int) -> int:
    if size < MIN_PASSAGE_BYTES:
        remedy = f"allow passages of at least {MIN_PASSAGE_BYTES} bytes"
        raise InputError("passages would be too small to cut well", f"{size} bytes", remedy)
    return size
