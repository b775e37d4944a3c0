"""Opens and lists texts, on this machine or behind a URI, plain or compressed.

URIs (``gs://``, ``s3://``, ``hdfs://``) go through Apache Beam's file systems, which are there if
Beam was installed with them. Beam is imported when the first URI is met, not before.
"""

import gzip
import hashlib
import importlib.util
import os
import re
import shutil
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar, cast

from gptfx.data.errors import InputError

BLOCK_BYTES = 1 << 20
FIRST_CONTACT_S = 30.0  # Beam's clients retry for minutes where there is no network or login
NEEDS = {"gs": ("google.cloud.storage", "gcp"), "s3": ("boto3", "aws"), "azfs": ("azure", "azure")}
GZIP_MAGIC, ZSTD_MAGIC = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"
Result = TypeVar("Result")


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
    if not is_uri(path):
        return open(path, "rb")
    # Beam would decompress by suffix, and take a file that was cut off for a whole one.
    stream = _on_beam(path, lambda beam: beam.open(path, compression_type="uncompressed"))
    return cast(BinaryIO, stream)


def text_bytes(path: str | Path) -> int:
    """The size of a text, decompressed. Raises InputError as ``open_text`` does."""
    with open_text(path) as stream:
        return stream.seek(0, os.SEEK_END)


def is_folder(path: str) -> bool:
    """Whether there is a folder on this machine, or anything below a URI."""
    if not is_uri(path):
        return os.path.isdir(path)
    return any(True for _ in _match(path.rstrip("/") + "/**"))


def is_file(path: str) -> bool:
    """Whether there is a file of exactly this path or URI."""
    if not is_uri(path):
        return os.path.isfile(path)
    return not path.endswith("/") and any(found.path == path for found in _match(path))


def list_files(folder: str) -> list[Stored]:
    """Every file below a folder, at any depth, in the order of relative POSIX paths.

    Hidden files and folders (``.git``) do not count, and links to folders are not followed. Raises
    InputError for a folder that cannot be listed and a file system that is not there.
    """
    if is_uri(folder):
        start = folder.rstrip("/") + "/"
        named = (
            Stored(found.path[len(start) :], found.path, found.size_in_bytes)
            for found in _match(start + "**")
        )
        return sorted(file for file in named if file.relative and not _is_hidden(file.relative))
    return sorted(
        Stored(path.relative_to(folder).as_posix(), str(path), path.stat().st_size)
        for path in _walk(Path(folder))
    )


def identity(path: str) -> str:
    """What tells two contents apart: sha256 of the stored bytes; behind a URI, where that would
    mean to read it all, the size and the checksum that the file system keeps."""
    if is_uri(path):
        return f"checksum:{_on_beam(path, lambda beam: beam.checksum(path))}"
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
            _on_beam(target, lambda beam: _upload(beam, stream, target), None)
        else:
            path = Path(target)
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f".{path.name}.{os.getpid()}")
            with partial.open("wb") as sink:
                shutil.copyfileobj(stream, sink, BLOCK_BYTES)
            partial.replace(path)


def _upload(beam: Any, stream: BinaryIO, target: str) -> bool:
    with closing(beam.create(target, compression_type="uncompressed")) as sink:
        shutil.copyfileobj(stream, sink, BLOCK_BYTES)
    return True


def _is_hidden(relative: str) -> bool:
    return any(part.startswith(".") for part in relative.split("/"))


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder, onerror=_cannot_list):
        folders[:] = [name for name in folders if not name.startswith(".")]
        visible = (Path(parent, name) for name in files if not name.startswith("."))
        yield from (path for path in visible if path.is_file())


def _cannot_list(error: OSError) -> None:
    problem = f"a folder of the corpus cannot be listed: {error.strerror}"
    raise InputError(problem, error.filename, "make it readable or move it away") from error


def _match(pattern: str) -> list[Any]:
    """Beam's metadata of the files that a pattern with a scheme names."""
    return cast(list, _on_beam(pattern, lambda beam: beam.match([pattern])[0].metadata_list))


def _on_beam(
    path: str, act: Callable[[Any], Result], limit_s: float | None = FIRST_CONTACT_S
) -> Result:
    """What ``act`` makes of Beam's FileSystems, within a time; failures become InputErrors."""
    scheme = path.partition("://")[0]
    module, extra = NEEDS.get(scheme, ("apache_beam", ""))
    if not _is_installed(module):
        problem = f"{scheme}:// cannot be read here: the Python package {module} is missing"
        raise InputError(problem, path, f"pip install 'apache-beam[{extra}]', or copy it here")
    from apache_beam.io.filesystems import FileSystems

    outcome: list[Result] = []
    failure: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(act(FileSystems))
        except BaseException as error:
            failure.append(error)

    worker = threading.Thread(target=run, daemon=True)
    worker.start()
    worker.join(limit_s)
    if outcome:
        return outcome[0]
    reason = failure[0] if failure else f"no answer in {limit_s:.0f} s"
    problem = f"{scheme}:// cannot be reached or read: {type(reason).__name__}: {reason}"
    remedy = "check the address, the network and the login, or copy the texts to this machine"
    raise InputError(problem[:400], path, remedy) from (failure[0] if failure else None)


def _is_installed(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # of a parent package
        return False
