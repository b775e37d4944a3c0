"""Counts what a text holds, in one pass and in parts that can be summed."""

import codecs
import hashlib
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

import numpy as np

from gptfx.data.corpora import TextFile
from gptfx.data.scripts import count_scripts
from gptfx.data.storage import open_text

BLOCK_BYTES = 1 << 20
LEAST_BYTES, MOST_BYTES = 64, 1024  # of a passage that is looked for again
ONE_LINE_IN = 4  # ends such a passage
CODE_POINTS = 0x110000
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class Line(NamedTuple):
    """The longest line so far: code points without the line's end, and where it stands."""

    length: int = 0
    source: str = ""
    number: int = 0

    @property
    def rank(self) -> tuple[int, str, int]:
        """The smallest is the longest line; of equals the first."""
        return (-self.length, self.source, self.number)


@dataclass(frozen=True)
class TextCounts:
    """Sums over some files, from which the figures follow; sums of parts make the whole."""

    files: int = 0
    bytes: int = 0
    code_points: int = 0
    scripts: Counter[str] = field(default_factory=Counter)
    lines: int = 0
    longest: Line = field(default_factory=Line)
    invalid_sequences: int = 0
    compressed_bytes: int = 0
    passages: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint64))
    """A hash of each passage, 8 bytes for about four lines of text."""


def count_file(file: TextFile) -> TextCounts:
    """The sums over one file, decompressed. Raises InputError if it cannot be read."""
    with open_text(file.path) as stream:
        return count(stream, file.source)


def count(stream: BinaryIO, source: str = "") -> TextCounts:
    """The sums over a stream, read once, about 1 MiB at a time."""
    scan = _Scan(source)
    for block in iter(lambda: stream.read(BLOCK_BYTES), b""):
        scan.feed(block)
    return scan.counts()


def merge(parts: Iterable[TextCounts]) -> TextCounts:
    """The sums over all parts, whatever their order and grouping."""
    listed = [TextCounts(), *parts]
    return TextCounts(
        files=sum(part.files for part in listed),
        bytes=sum(part.bytes for part in listed),
        code_points=sum(part.code_points for part in listed),
        scripts=sum((part.scripts for part in listed), Counter()),
        lines=sum(part.lines for part in listed),
        longest=min((part.longest for part in listed if part.longest.number),
                    key=lambda line: line.rank, default=Line()),
        invalid_sequences=sum(part.invalid_sequences for part in listed),
        compressed_bytes=sum(part.compressed_bytes for part in listed),
        passages=np.concatenate([part.passages for part in listed]),
    )  # fmt: skip


class _Scan:
    """What has been counted of a text so far."""

    def __init__(self, source: str) -> None:
        self.bytes, self.tail, self.real_replacements = 0, b"", 0
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.each = np.zeros(CODE_POINTS, np.int64)  # how often each code point occurs
        self.lines, self.passages = _Lines(source), _Passages()
        self.compressor, self.compressed_bytes = zlib.compressobj(6), 0

    def feed(self, block: bytes) -> None:
        """Takes the next bytes."""
        self.bytes += len(block)
        self.compressed_bytes += len(self.compressor.compress(block))
        # These three bytes are U+FFFD wherever they stand: none of them can end another character.
        self.real_replacements += (self.tail + block).count(REPLACEMENT.encode())
        self.tail = (self.tail + block)[-2:]
        self.passages.feed(block)
        self._take(self.decoder.decode(block))

    def _take(self, text: str) -> None:
        code_points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
        self.each += np.bincount(code_points, minlength=CODE_POINTS)
        self.lines.feed(text)

    def counts(self) -> TextCounts:
        """At the end of the stream."""
        self._take(self.decoder.decode(b"", final=True))
        invalid = int(self.each[ord(REPLACEMENT)]) - self.real_replacements
        self.each[ord(REPLACEMENT)] -= invalid
        self.lines.finish()
        return TextCounts(
            files=1,
            bytes=self.bytes,
            code_points=int(self.each.sum()),
            scripts=count_scripts(self.each),
            lines=self.lines.number,
            longest=self.lines.longest,
            invalid_sequences=invalid,
            compressed_bytes=self.compressed_bytes + len(self.compressor.flush()),
            passages=self.passages.finish(),
        )


class _Lines:
    """Counts lines that arrive in pieces; `\\r` before the end of a line belongs to the end."""

    def __init__(self, source: str) -> None:
        self.source, self.number, self.longest = source, 0, Line()
        self.begun = ""  # what may be the last character of a line that has begun
        self.length = 0  # of the line that has begun

    def feed(self, text: str) -> None:
        first, *rest = text.split("\n")
        self._go_on(first)
        for piece in rest:
            self._end()
            self._go_on(piece)

    def _go_on(self, piece: str) -> None:
        self.length += len(piece)
        self.begun = piece[-1:] or self.begun

    def _end(self) -> None:
        self.number += 1
        length = self.length - (self.begun == "\r")
        if length > self.longest.length or not self.longest.number:
            self.longest = Line(length, self.source, self.number)
        self.length, self.begun = 0, ""

    def finish(self) -> None:
        """A last line may have no end; a `\\r` in it is one of its characters then."""
        if self.length:
            self.begun = ""
            self._end()


class _Passages:
    """Cuts a text after lines that the text itself picks, about one in four, by their hash.

    A copy of a page is so cut where the page was, wherever it stands; a cut by size alone would
    not find it again. A long line is cut by size.
    """

    def __init__(self) -> None:
        self.begun, self.size = hashlib.blake2b(digest_size=8), 0
        self.rest = b""  # of a line whose end has not come
        self.hashes: list[bytes] = []

    def feed(self, block: bytes) -> None:
        *lines, self.rest = (self.rest + block).split(b"\n")
        for line in lines:
            for piece in _pieces(line + b"\n"):
                self._take(piece)
        *whole, self.rest = [*_pieces(self.rest)] or [b""]
        for piece in whole:
            self._take(piece)

    def _take(self, piece: bytes) -> None:
        self.begun.update(piece)
        self.size += len(piece)
        chosen = self.size >= LEAST_BYTES and zlib.crc32(piece) % ONE_LINE_IN == 0
        if chosen or self.size >= MOST_BYTES:
            self._end()

    def _end(self) -> None:
        self.hashes.append(self.begun.digest())
        self.begun, self.size = hashlib.blake2b(digest_size=8), 0

    def finish(self) -> np.ndarray:
        """(n,) uint64, a hash of each passage."""
        if self.rest:
            self._take(self.rest)
        if self.size:
            self._end()
        return np.frombuffer(b"".join(self.hashes), np.uint64)


def _pieces(line: bytes) -> Iterator[bytes]:
    return (line[start : start + MOST_BYTES] for start in range(0, len(line), MOST_BYTES))
