"""Reads every byte of a corpus once, to say before any work starts whether it is UTF-8 text."""

import codecs
from collections.abc import Iterable
from dataclasses import dataclass, field

from gptfx.data.corpora import TextFile
from gptfx.data.errors import InputError
from gptfx.data.storage import open_text

BLOCK_BYTES = 1 << 20
WIDE_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)  # UTF-32's marks hold NULs


@dataclass(frozen=True)
class FileReport:
    """What one file holds."""

    source: str
    path: str
    bytes: int
    invalid_bytes: int
    """Bytes that are part of no valid UTF-8 sequence."""
    first_invalid: int | None
    """Offset of the first of them, in bytes; None if there is none."""
    is_binary: bool
    """Holds a NUL byte or starts with the mark of UTF-16 or UTF-32."""

    @property
    def is_empty(self) -> bool:
        return self.bytes == 0

    @property
    def invalid_fraction(self) -> float:
        """Of the file's bytes, between 0 and 1."""
        return self.invalid_bytes / self.bytes if self.bytes else 0.0


@dataclass(frozen=True)
class InspectionReport:
    """What a corpus holds, a ``FileReport`` per file in the corpus's order."""

    files: tuple[FileReport, ...]

    @property
    def skipped(self) -> tuple[str, ...]:
        """Paths of the empty files: nothing is learned from them."""
        return tuple(file.path for file in self.files if file.is_empty)

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    @property
    def invalid_bytes(self) -> int:
        return sum(file.invalid_bytes for file in self.files)


def count_invalid_bytes(data: bytes) -> int:
    """Bytes of ``data`` that are part of no valid UTF-8 sequence.

    They are those that ``errors="replace"`` turns into U+FFFD, here counted as bytes:

    >>> count_invalid_bytes("café".encode()), count_invalid_bytes(b"caf\\xe9")
    (0, 1)
    """
    return len(data) - len(data.decode("utf-8", "ignore").encode())


def inspect(files: Iterable[TextFile]) -> InspectionReport:
    """Streams the files, decompressed, about 1 MiB at a time; InputError for an unreadable one."""
    return InspectionReport(tuple(_inspect_file(file.source, file.path) for file in files))


def require_text(report: InspectionReport, max_invalid_fraction: float | None = None) -> None:
    """Raises InputError unless the corpus is text: names the file and what to do about it.

    ``max_invalid_fraction`` bounds each file's share of invalid bytes, between 0 and 1; without it
    there may be none.
    """
    if not report.bytes:
        paths = ", ".join(report.skipped[:3]) or "no files"
        raise InputError("the corpus is empty", paths, "name files that hold text")
    if binary := [file.path for file in report.files if file.is_binary]:
        problem = f"{len(binary)} of {len(report.files)} files hold no UTF-8 text but binary data"
        remedy = "remove them from the corpus or convert them to UTF-8"
        raise InputError(problem, ", ".join(binary[:3]), remedy)
    for file in report.files:
        if file.invalid_fraction > (max_invalid_fraction or 0.0):
            raise _too_many_invalid(file, max_invalid_fraction)


def _too_many_invalid(file: FileReport, bound: float | None) -> InputError:
    share = f"{file.invalid_fraction:.3%} of the bytes, the first at byte {file.first_invalid}"
    remedy = "convert the file to UTF-8"
    if bound is not None:
        remedy += (
            f", or raise data.max_invalid_fraction (now {bound:g}) to read"
            " it with a replacement character (U+FFFD) in each such place"
        )
    return InputError(f"{file.path} is not valid UTF-8", share, remedy)


@dataclass
class _Scan:
    """The findings on one file so far. The decoder is strict until the first invalid byte."""

    offset: int = 0
    invalid_bytes: int = 0
    first_invalid: int | None = None
    is_binary: bool = False
    decoder: codecs.IncrementalDecoder = field(
        default_factory=codecs.getincrementaldecoder("utf-8")
    )

    def feed(self, block: bytes, final: bool = False) -> None:
        """``final`` says that no more comes, so that a sequence cut off by the end is invalid."""
        self.is_binary |= b"\0" in block or (not self.offset and block.startswith(WIDE_MARKS))
        carried = len(self.decoder.getstate()[0])  # bytes of a sequence cut by the block border
        try:
            text = self.decoder.decode(block, final)
        except UnicodeDecodeError as error:
            self.first_invalid = self.offset - carried + error.start
            self.decoder.errors = "ignore"
            text = self.decoder.decode(block, final)
        if self.decoder.errors == "ignore":
            left = len(self.decoder.getstate()[0])
            self.invalid_bytes += carried + len(block) - len(text.encode()) - left
        self.offset += len(block)


def _inspect_file(source: str, path: str) -> FileReport:
    scan = _Scan()
    with open_text(path) as stream:
        for block in iter(lambda: stream.read(BLOCK_BYTES), b""):
            scan.feed(block)
    scan.feed(b"", final=True)
    found = (scan.offset, scan.invalid_bytes, scan.first_invalid, scan.is_binary)
    return FileReport(source, str(path), *found)
