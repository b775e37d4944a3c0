"""Which files an ExampleGen reads, and what is in them."""

import hashlib
from pathlib import Path
from typing import NamedTuple

BLOCK_BYTES = 1 << 20


class SourceFile(NamedTuple):
    """A text file and its name below the input folder, ``CORPUS/FILE``."""

    source: str
    path: Path


def source_files(input_base: str, pattern: str) -> list[SourceFile]:
    """The files that `pattern` names, and all files below the folders that it names, by source."""
    base = Path(input_base)
    found: set[Path] = set()
    for match in base.glob(pattern):
        found.update(_files_below(match) if match.is_dir() else [match])
    named = [SourceFile(path.relative_to(base).as_posix(), path) for path in found]
    return sorted(file for file in named if not _is_hidden(file.source))


def _files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _is_hidden(source: str) -> bool:
    return any(part.startswith(".") for part in source.split("/"))


def content_fingerprint(files: list[SourceFile]) -> str:
    """Number of files, bytes, and a SHA-256 over names and contents; times do not count."""
    digest, size = hashlib.sha256(), 0
    for file in files:
        content = hashlib.sha256()
        with file.path.open("rb") as stream:
            while block := stream.read(BLOCK_BYTES):
                content.update(block)
                size += len(block)
        digest.update(file.source.encode() + b"\0" + content.digest())
    return f"files:{len(files)},bytes:{size},sha256:{digest.hexdigest()}"
