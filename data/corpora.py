"""Turns what a user writes after ``--corpus`` into a list of files with stable names."""

import difflib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from gptfx.data.archive import check_registered
from gptfx.data.catalogue import CATALOGUE, RegisteredCorpus
from gptfx.data.errors import InputError
from gptfx.data.fetch import fetch, fetch_corpus
from gptfx.data.index_client import Progress
from gptfx.data.spans import SpanPattern, is_pattern, latest
from gptfx.data.storage import Stored, is_file, is_folder, is_uri, list_files, stored_bytes

NOTHING_REGISTERED: Mapping[str, RegisteredCorpus] = MappingProxyType({})


@dataclass(frozen=True)
class TextFile:
    """One file of a corpus; whether it is text is for ``gptfx.data.inspection`` to say."""

    source: str
    """``<corpus name>/<relative POSIX path>``: the same on every machine."""
    path: str
    """Where it lies: a path of this machine, or a URI."""
    bytes: int
    """As stored: of a compressed file, what it takes on disk."""


@dataclass(frozen=True)
class TextCorpus:
    """What a run learns from."""

    name: str
    files: tuple[TextFile, ...]
    pattern: str
    """Names the files, for ``locate``: a file, a folder, or a pattern with spans; absolute."""
    spans: tuple[int, ...] = ()
    """The spans that the files belong to, in order; empty where the pattern has none."""

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)


def resolve(
    name_or_path: str,
    home: Path,
    progress: Progress | None = None,
    registered: Mapping[str, RegisteredCorpus] = NOTHING_REGISTERED,
    latest_spans: int | None = None,
) -> TextCorpus:
    """The corpus of that name, or the file, folder or pattern with spans at that path or URI.

    A name of the catalogue or of ``registered`` wins over a path of the same name: write ``./NAME``
    for the path. What has to be fetched goes below ``home`` if it is not there yet. See ``locate``
    for what counts as a file.

    Raises InputError for a name that is neither, a folder without files, a file that cannot be
    read, and as ``fetch`` does.
    """
    if name_or_path in CATALOGUE:
        folder = fetch(name_or_path, home, progress=progress)
        names = CATALOGUE[name_or_path].files
        alone = len(names) == 1  # shipped texts share a folder
        return locate(name_or_path, str(folder / names[0] if alone else folder))
    if name_or_path in registered:
        return _resolve_registered(registered[name_or_path], home, progress, latest_spans)
    path = name_or_path if is_uri(name_or_path) else os.path.expanduser(name_or_path)
    if not (path and (is_pattern(path) or is_folder(path) or is_file(path))):
        raise _unknown(name_or_path, registered)
    return locate(name_of(path), _absolute(path), latest_spans)


def locate(name: str, pattern: str, latest_spans: int | None = None) -> TextCorpus:
    """The files that a path, a URI or a pattern with spans names now, as the corpus ``name``.

    Of a folder every regular file counts, at any depth, in the order of relative POSIX paths;
    hidden files and folders (``.git``) do not, and links to folders are not followed. Of a pattern
    the ``latest_spans`` latest spans count (None: all). Raises InputError if there are none.
    """
    if is_pattern(pattern):
        return _locate_spans(name, pattern, latest_spans)
    if is_folder(pattern):
        files = list_files(pattern)
    elif is_file(pattern):
        files = [Stored(pattern.rpartition("/")[2], pattern, stored_bytes(pattern))]
    else:
        raise InputError("a corpus is not there", pattern, "put it there, or name another")
    if not files:
        remedy = "put text files into the folder (hidden files do not count) or name another"
        raise InputError("the folder holds no files", pattern, remedy)
    return TextCorpus(name, tuple(_text_file(name, file) for file in files), pattern)


def _locate_spans(name: str, pattern: str, latest_spans: int | None) -> TextCorpus:
    parsed = SpanPattern.parse(pattern)
    there = list_files(parsed.folder) if is_folder(parsed.folder) else []
    matches = latest(parsed.match(there), latest_spans)
    if not matches:
        example = f", such as {there[0].relative}" if there else ""
        problem = f"no file matches the pattern ({len(there)} files in {parsed.folder}{example})"
        remedy = "name a folder or file for each span by its number, or mend the pattern"
        raise InputError(problem, pattern, remedy)
    files = tuple(_text_file(name, match.file) for match in matches)
    spans = tuple(sorted({match.span for match in matches}))
    return TextCorpus(name, files, pattern, spans)


def _resolve_registered(
    corpus: RegisteredCorpus, home: Path, progress: Progress | None, latest_spans: int | None
) -> TextCorpus:
    if corpus.is_on_the_web:
        entry = corpus.on_the_web
        folder = fetch_corpus(entry, home, progress=progress)
        return locate(corpus.name, str(folder / entry.files[0]))
    path = corpus.uri if is_uri(corpus.uri) else os.path.expanduser(corpus.uri)
    found = locate(corpus.name, _absolute(path), latest_spans)
    check_registered(corpus, [file.path for file in found.files])
    return found


def _text_file(name: str, file: Stored) -> TextFile:
    try:
        file.relative.encode()  # file systems allow names that are not Unicode, records do not
    except UnicodeEncodeError as error:
        problem = "a file's name is not UTF-8"
        remedy = "rename it or move it out of the folder"
        raise InputError(problem, file.path, remedy) from error
    if not is_uri(file.path):
        _require_readable(file.path)
    return TextFile(f"{name}/{file.relative}", file.path, file.bytes)


def _require_readable(path: str) -> None:
    try:
        with open(path, "rb"):
            pass
    except OSError as error:
        problem = f"a file of the corpus cannot be read: {error.strerror}"
        remedy = "make it readable or move it out of the folder"
        raise InputError(problem, path, remedy) from error


def _absolute(path: str) -> str:
    return path if is_uri(path) else os.path.abspath(path)


def name_of(path: str) -> str:
    """A corpus's name: that of its folder, or of its file without the suffixes."""
    if is_pattern(path):
        folder = SpanPattern.parse(path).folder
        return _slug(folder.rstrip("/").rpartition("/")[2] if is_uri(folder) else _base(folder))
    if is_uri(path):
        return _slug(path.rstrip("/").rpartition("/")[2].partition(".")[0])
    return _slug(_base(path) if os.path.isdir(path) else Path(_stem(path)).stem)


def _base(folder: str) -> str:
    return os.path.basename(os.path.realpath(folder))


def _stem(path: str) -> str:
    """The file's name without a suffix that says how it is compressed."""
    return re.sub(r"\.(gz|zst)$", "", os.path.basename(path))


def _slug(stem: str) -> str:
    """``[a-z0-9-]`` only, never empty: ``Moby Dick_2`` gives ``moby-dick-2``."""
    return re.sub("[^a-z0-9]+", "-", stem.lower()).strip("-") or "corpus"


def _unknown(name_or_path: str, registered: Mapping[str, RegisteredCorpus]) -> InputError:
    known = sorted({*CATALOGUE, *registered})
    close = difflib.get_close_matches(name_or_path.lower(), known, 1)
    hint = f"did you mean {close[0]}? " if close else ""
    remedy = f"{hint}Give the path of a file or folder, or name one of: {', '.join(known)}"
    return InputError("neither the name of a corpus nor an existing path", name_or_path, remedy)
