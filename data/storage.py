"""Opens and lists texts, on this machine or behind a URI, plain or compressed."""

import gzip
import hashlib
import os
import re
import shutil
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import BinaryIO, NamedTuple, cast

from gptfx.data.errors import InputError
from gptfx.data.remote import below, checksum, open_remote, size_of, upload

BLOCK_BYTES = 1 << 20
GZIP_MAGIC, ZSTD_MAGIC = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"


class Stored(NamedTuple):
    """A file below a folder: its POSIX path from there, its path or URI, its size as stored."""

    relative: str
    path: str
    bytes: int


def is_uri(path: str) -> bool:
    """Whether a path names a file system other than this machine's: ``gs://bucket/texts``."""
    return re.match("[a-z][a-z0-9+.-]*://", path) is not None


def join(folder: str, relative: str) -> str:
    """The path or URI of something in a folder; an absolute ``relative`` stands for itself."""
    return relative if is_uri(relative) else os.path.join(folder, relative)


@contextmanager
def open_text(path: str | Path) -> Iterator[BinaryIO]:
    """The bytes of a text file, seekable; gzip and Zstandard, known by their first bytes, are
    decompressed.

    Raises InputError for a file that cannot be read, or whose compressed form is damaged or cut.
    """
    from backports.zstd import ZstdError, ZstdFile

    try:
        with open_stored(str(path)) as stored:
            magic = stored.read(4)
            stored.seek(0)
            if magic.startswith(GZIP_MAGIC):
                yield cast(BinaryIO, gzip.GzipFile(fileobj=stored))
            elif magic == ZSTD_MAGIC:
                yield cast(BinaryIO, ZstdFile(stored))
            else:
                yield stored
    except (EOFError, gzip.BadGzipFile, zlib.error, ZstdError) as error:
        problem = f"a compressed file of the corpus is damaged or cut off: {error}"
        raise InputError(problem, str(path), "get the file again, or leave it out") from error
    except OSError as error:
        problem = f"a file of the corpus cannot be read: {error.strerror or error}"
        raise InputError(problem, str(path), "make it readable or leave it out") from error


def open_stored(path: str) -> BinaryIO:
    """The bytes of a file as they are stored; for the caller to close."""
    return open_remote(path) if is_uri(path) else open(path, "rb")


def text_bytes(path: str | Path) -> int:
    """The size of a text, decompressed. Raises InputError as ``open_text`` does."""
    with open_text(path) as stream:
        return stream.seek(0, os.SEEK_END)


def stored_bytes(path: str) -> int:
    """The size of a file as it is stored. Raises InputError or OSError if there is none."""
    if not is_uri(path):
        return os.path.getsize(path)
    if (size := size_of(path)) is None:
        raise InputError("a file of the corpus is not there", path, "put it there, or leave it out")
    return size


def is_folder(path: str) -> bool:
    """Whether there is a folder on this machine, or anything below a URI."""
    if not is_uri(path):
        return os.path.isdir(path)
    return bool(below(path, limit=1))


def is_file(path: str) -> bool:
    """Whether there is a file of exactly this path or URI."""
    if not is_uri(path):
        return os.path.isfile(path)
    return not path.endswith("/") and size_of(path) is not None


def list_files(folder: str) -> list[Stored]:
    """Every file below a folder, at any depth, in the order of relative POSIX paths.

    Hidden files and folders (``.git``) do not count, nor do the empty objects ``FOLDER/`` that
    stand for folders in a bucket, and links to folders are not followed. Raises InputError for a
    folder that cannot be listed and a file system that is not there.
    """
    if is_uri(folder):
        start = len(folder.rstrip("/") + "/")
        named = (Stored(uri[start:], uri, size) for uri, size in below(folder))
        return sorted(file for file in named if _counts(file.relative))
    return sorted(
        Stored(path.relative_to(folder).as_posix(), str(path), path.stat().st_size)
        for path in _walk(Path(folder))
    )


def identity(path: str) -> str:
    """What tells two contents apart: sha256 of the stored bytes; behind a URI, where that would
    mean to read it all, the checksum that the file system keeps, if it does."""
    if is_uri(path) and (known := checksum(path)):
        return f"checksum:{known}"
    digest = hashlib.sha256()
    with open_stored(path) as stream:
        while block := stream.read(BLOCK_BYTES):
            digest.update(block)
    return f"sha256:{digest.hexdigest()}"


def copy(source: str, target: str) -> None:
    """Copies a file, as it is stored, from a path or URI to another; whole or, on this machine, not
    at all. Raises InputError or OSError if that is impossible."""
    with closing(open_stored(source)) as stream:
        if is_uri(target):
            upload(stream, target)
        else:
            path = Path(target)
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{path.name}.{os.getpid()}")
            with partial.open("wb") as sink:
                shutil.copyfileobj(stream, sink, BLOCK_BYTES)
            partial.replace(path)


def _counts(relative: str) -> bool:
    hidden = any(part.startswith(".") for part in relative.split("/"))
    return not hidden and not relative.endswith("/") and relative != ""


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder, onerror=_cannot_list):
        folders[:] = [name for name in folders if not name.startswith(".")]
        visible = (Path(parent, name) for name in files if not name.startswith("."))
        yield from (path for path in visible if path.is_file())


def _cannot_list(error: OSError) -> None:
    problem = f"a folder of the corpus cannot be listed: {error.strerror}"
    raise InputError(problem, error.filename, "make it readable or move it away") from error
