"""Files behind a URI (``gs://``, ``s3://``), through Apache Beam's file systems."""

import io
import re
import shutil
from collections.abc import Callable
from contextlib import closing, suppress
from typing import Any, BinaryIO, TypeVar

from gptfx.data.contact import failed, on_beam

BLOCK_BYTES = 1 << 20
FIRST_CONTACT_S = 30.0  # the clients ask again for minutes where there is no network or login
LISTING_S = 600.0  # a thousand names a request: over a million names
Result = TypeVar("Result")


def below(folder: str, limit: int | None = None) -> list[tuple[str, int]]:
    """URI and size of every file below a folder, at any depth; of the first ``limit`` of them."""
    start = folder.rstrip("/") + "/"  # FOLDER2/FILE is not below FOLDER
    pattern = _pattern(start)
    most = None if "?" in pattern else limit  # it may name others first
    limit_s = FIRST_CONTACT_S if most else LISTING_S
    found = on_beam(folder, lambda beam: _match(beam, pattern + "**", most), limit_s)
    return [(uri, size) for uri, size in found if uri.startswith(start)]


def size_of(uri: str) -> int | None:
    """The size of a file as it is stored; None if there is none of exactly this URI."""
    found = on_beam(uri, lambda beam: _match(beam, _pattern(uri)), FIRST_CONTACT_S)
    return dict(found).get(uri)


def checksum(uri: str) -> str | None:
    """What the file system keeps to tell the file's content from others, if it does."""
    known = on_beam(uri, lambda beam: beam.checksum(uri), FIRST_CONTACT_S)
    return str(known) if known else None


def open_remote(uri: str) -> BinaryIO:
    """The bytes of a file as they are stored, seekable; for the caller to close."""
    # Beam would decompress by suffix, and take a file that was cut off for a whole one.
    stream = on_beam(
        uri, lambda beam: beam.open(uri, compression_type="uncompressed"), FIRST_CONTACT_S
    )
    return io.BufferedReader(_Reader(uri, stream), BLOCK_BYTES)


def upload(stream: BinaryIO, uri: str) -> None:
    """Writes a stream to a URI; what was there may be gone, also if that fails."""

    def greet(beam: Any) -> bool:
        with suppress(Exception):  # whatever the answer is: who may write need not read
            beam.exists(uri)
        return True

    def write(beam: Any) -> bool:
        sink = beam.create(uri, compression_type="uncompressed")
        try:
            with closing(sink):
                shutil.copyfileobj(stream, sink, BLOCK_BYTES)
        except BaseException:
            with suppress(Exception):  # closing made a whole file of the part that came
                beam.delete([uri])
            raise
        return True

    on_beam(uri, greet, FIRST_CONTACT_S)
    on_beam(uri, write, None)


class _Reader(io.RawIOBase):
    """A stream of Beam's whose failures are InputErrors."""

    def __init__(self, uri: str, stream: BinaryIO) -> None:
        self._uri, self._stream = uri, stream

    def _try(self, act: Callable[[], Result]) -> Result:
        try:
            return act()
        except Exception as error:  # each client has errors of its own
            raise failed(self._uri, error) from error

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._try(lambda: self._stream.read(len(buffer)))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        self._try(lambda: self._stream.seek(offset, whence))
        return self._stream.tell()

    def tell(self) -> int:
        return self._stream.tell()

    def close(self) -> None:
        self._stream.close()
        super().close()


def _match(beam: Any, pattern: str, limit: int | None = None) -> list[tuple[str, int]]:
    """In Beam's patterns ``**`` stands for anything, ``?`` for one character."""
    files = beam.match([pattern], [limit])[0].metadata_list
    return [(str(file.path), int(file.size_in_bytes)) for file in files]


def _pattern(uri: str) -> str:
    """Matches the URI, whatever is in it; where Beam sees a pattern in it, others too."""
    return re.sub(r"[*\[]", "?", uri)
