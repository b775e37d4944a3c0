"""A corpus of two lines in an archive of its own, and no package index of this machine."""

import hashlib
import io
import os
import tarfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from gptfx.data.catalogue import Corpus, PackageArchive

FOLDER = "tiny-1.0/texts/"
TEXTS = {"act1.txt": b"Words, words,\n", "act2.txt": b"words.\n"}


class Tiny(NamedTuple):
    """The corpus ``tiny``, the only one in the catalogue."""

    corpus: Corpus
    archive: Path
    texts: Mapping[str, bytes]


Members = Mapping[str, bytes | tarfile.TarInfo]
"""Of an archive: regular files are given as bytes."""


@pytest.fixture(autouse=True)
def no_index(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Nothing here reaches a network, whatever is configured; slow tests may."""
    if request.node.get_closest_marker("slow"):
        return
    for name in os.environ:
        if name.startswith(("PIP_", "UV_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")


@pytest.fixture
def make_tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Members], Tiny]:
    """Puts ``tiny`` into the catalogue as if it meant the archive of these members."""

    def make(members: Members) -> Tiny:
        archive = tmp_path / "links/tiny-1.0.tar.gz"
        archive.parent.mkdir()
        _write(archive, members)
        tiny = Tiny(_entry(archive), archive, TEXTS)
        monkeypatch.setattr("gptfx.data.fetch.CATALOGUE", {"tiny": tiny.corpus})
        return tiny

    return make


@pytest.fixture
def tiny(make_tiny: Callable[[Members], Tiny], monkeypatch: pytest.MonkeyPatch) -> Tiny:
    """``tiny`` as it should be, in a folder that pip would look into."""
    members = {FOLDER + name: text for name, text in TEXTS.items()}
    tiny = make_tiny({"tiny-1.0/setup.py": b"1 / 0", **members})
    monkeypatch.setenv("PIP_FIND_LINKS", str(tiny.archive.parent))
    return tiny


def _write(path: Path, members: Members) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            is_file = isinstance(content, bytes)
            member = tarfile.TarInfo(name) if is_file else content
            member.size = len(content) if is_file else 0
            archive.addfile(member, io.BytesIO(content) if is_file else None)


def _entry(archive: Path) -> Corpus:
    content = archive.read_bytes()
    sha256 = hashlib.sha256(content).hexdigest()
    joined = b"".join(TEXTS.values())
    return Corpus(
        name="tiny",
        title="Two lines",
        source=PackageArchive("tiny", "1.0", FOLDER, sha256, len(content)),
        files=tuple(TEXTS),
        bytes=len(joined),
        sha256=hashlib.sha256(joined).hexdigest(),
        licence="public domain",
    )


@pytest.fixture(scope="session")
def memory_class() -> Any:
    """A file system of Beam's by the scheme ``mem://``, registered by being defined."""
    from apache_beam.io.filesystem import BeamIOError, CompressedFile, FileMetadata, FileSystem

    class Sink(io.BytesIO):
        def __init__(self, path: str) -> None:
            super().__init__()
            self.path = path

        def close(self) -> None:
            Memory.files[self.path] = self.getvalue()
            super().close()

    class Memory(FileSystem):
        """As a bucket is: names without folders; what is missing is found out at the opening."""

        files: dict[str, bytes] = {}
        before_answer: Callable[[], object] = staticmethod(lambda: None)

        @classmethod
        def scheme(cls) -> str:
            return "mem"

        def has_dirs(self) -> bool:
            return False

        def _list(self, prefix: str) -> Any:
            type(self).before_answer()
            names = [name for name in self.files if name.startswith(prefix)]
            return (FileMetadata(name, len(self.files[name]), 0.0) for name in names)

        def _get(self, path: str) -> bytes:
            if path not in self.files:
                raise BeamIOError("Open operation failed", {path: KeyError("no such object")})
            return self.files[path]

        def _as_asked(self, stream: Any, path: str, compression: str) -> Any:
            """Beam's file systems compress by suffix unless they are told not to."""
            kind = self._get_compression_type(path, compression)
            return stream if kind == "uncompressed" else CompressedFile(stream, kind)

        def open(self, path: str, _: str, compression_type: str) -> Any:
            return self._as_asked(io.BytesIO(self._get(path)), path, compression_type)

        def create(self, path: str, _: str, compression_type: str) -> Any:
            return self._as_asked(Sink(path), path, compression_type)

        def exists(self, path: str) -> bool:
            return path in self.files

        def metadata(self, path: str) -> Any:
            return FileMetadata(path, len(self._get(path)), 0.0)

        def checksum(self, path: str) -> str:
            return format(zlib.crc32(self._get(path)), "x")

        def delete(self, paths: list[str]) -> None:
            for path in paths:
                self.files.pop(path, None)

        def _not_here(self, *_: object) -> Any:
            raise NotImplementedError

        join = split = mkdirs = copy = rename = size = last_updated = _not_here

    return Memory


@pytest.fixture
def memory(memory_class: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The empty file system ``mem://``: ``files`` holds bytes by URI."""
    monkeypatch.setattr(memory_class, "files", {})
    return memory_class
