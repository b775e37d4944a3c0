"""Counts what a text holds, in one pass and in parts that can be summed."""

import codecs
import hashlib
import zlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

import numpy as np

from gptfx.data.corpora import TextFile
from gptfx.data.passages import split_passages
from gptfx.data.scripts import count_scripts
from gptfx.data.storage import open_text

BLOCK_BYTES = 1 << 20
PASSAGE_BYTES = 256  # short enough that a paragraph which comes twice is seen twice
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
    """A hash of each passage, 8 bytes for about 200 bytes of text."""


def count_file(file: TextFile) -> TextCounts:
    """The sums over one file, decompressed. Raises InputError if it cannot be read."""
    with open_text(file.path) as stream:
        return count(stream, file.source)


def count(stream: BinaryIO, source: str = "") -> TextCounts:
    """The sums over a stream, read once, about 1 MiB at a time."""
    scan = _Scan(stream, source)
    digests = (
        hashlib.blake2b(passage, digest_size=8).digest()
        for _, passage in split_passages(scan, PASSAGE_BYTES)  # type: ignore[arg-type]
    )
    hashes = np.frombuffer(b"".join(digests), np.uint64)
    return scan.counts(hashes)


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
    """Counts what flows through `read`, in large blocks however little is asked for."""

    def __init__(self, stream: BinaryIO, source: str) -> None:
        self.stream, self.source = stream, source
        self.block, self.position = b"", 0
        self.bytes, self.tail, self.real_replacements = 0, b"", 0
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.each = np.zeros(CODE_POINTS, np.int64)  # how often each code point occurs
        self.lines, self.longest = _Lines(source), Line()
        self.compressor, self.compressed_bytes = zlib.compressobj(6), 0

    def read(self, count: int) -> bytes:
        """As a stream's."""
        if self.position == len(self.block):
            self.block, self.position = self.stream.read(BLOCK_BYTES), 0
            self._feed(self.block)
        piece = self.block[self.position : self.position + count]
        self.position += len(piece)
        return piece

    def _feed(self, block: bytes) -> None:
        self.bytes += len(block)
        self.compressed_bytes += len(self.compressor.compress(block))
        # These three bytes are U+FFFD wherever they stand: none of them can end another character.
        self.real_replacements += (self.tail + block).count(REPLACEMENT.encode())
        self.tail = (self.tail + block)[-2:]
        self._take(self.decoder.decode(block))

    def _take(self, text: str) -> None:
        code_points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
        self.each += np.bincount(code_points, minlength=CODE_POINTS)
        self.lines.feed(text)

    def counts(self, passages: np.ndarray) -> TextCounts:
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
            passages=passages,
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
