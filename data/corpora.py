"""Turns what a user writes after ``--corpus`` into a list of files with stable names."""

import difflib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from gptfx.data.catalogue import CATALOGUE
from gptfx.data.errors import InputError
from gptfx.data.fetch import fetch
from gptfx.data.index_client import Progress


@dataclass(frozen=True)
class TextFile:
    """One file of a corpus; whether it is text is for ``gptfx.data.inspection`` to say."""

    source: str
    """``<corpus name>/<relative POSIX path>``: the same on every machine."""
    path: Path
    bytes: int


@dataclass(frozen=True)
class TextCorpus:
    """What a run learns from."""

    name: str
    files: tuple[TextFile, ...]

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)


def resolve(name_or_path: str, home: Path, progress: Progress | None = None) -> TextCorpus:
    """The corpus of that catalogue name, or the file or folder at that path.

    The catalogue wins over a path of the same name: write ``./NAME`` for the path. A corpus of the
    catalogue is fetched below ``home`` if it is not there yet. Of a folder every regular file
    counts, at any depth, in the order of relative POSIX paths; hidden files and folders (``.git``)
    do not, and links to folders are not followed.

    Raises InputError for a name that is neither, a folder without files, a file that cannot be
    read, and as ``fetch`` does.
    """
    if name_or_path in CATALOGUE:
        names = CATALOGUE[name_or_path].files
        return _corpus(name_or_path, fetch(name_or_path, home, progress=progress), names)
    path = Path(os.path.expanduser(name_or_path))  # Path.expanduser raises for unknown users
    if name_or_path and os.path.isdir(path):
        return _corpus(_slug(path.resolve().name), path, tuple(_files_below(path)))
    if os.path.isfile(path):
        return _corpus(_slug(path.stem), path.parent, (path.name,))
    raise _unknown(name_or_path)


def _corpus(name: str, folder: Path, names: tuple[str, ...]) -> TextCorpus:
    if not names:
        remedy = "put text files into the folder (hidden files do not count) or name another"
        raise InputError("the folder holds no files", str(folder), remedy)
    return TextCorpus(name, tuple(_text_file(name, folder, relative) for relative in names))


def _text_file(name: str, folder: Path, relative: str) -> TextFile:
    path = folder / relative
    try:
        relative.encode()  # file systems allow names that are not Unicode, records do not
        with path.open("rb") as stream:
            return TextFile(f"{name}/{relative}", path, os.fstat(stream.fileno()).st_size)
    except UnicodeEncodeError as error:
        problem = "a file's name is not UTF-8"
        raise InputError(problem, str(path), "rename it or move it out of the folder") from error
    except OSError as error:
        problem = f"a file of the corpus cannot be read: {error.strerror}"
        remedy = "make it readable or move it out of the folder"
        raise InputError(problem, str(path), remedy) from error


def _files_below(folder: Path) -> list[str]:
    """Relative POSIX paths, sorted."""
    return sorted(path.relative_to(folder).as_posix() for path in _walk(folder))


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder, onerror=_cannot_list):
        folders[:] = [name for name in folders if not name.startswith(".")]
        visible = (Path(parent, name) for name in files if not name.startswith("."))
        yield from (path for path in visible if path.is_file())


def _cannot_list(error: OSError) -> None:
    problem = f"a folder of the corpus cannot be listed: {error.strerror}"
    raise InputError(problem, error.filename, "make it readable or move it away") from error


def _slug(stem: str) -> str:
    """``[a-z0-9-]`` only, never empty: ``Moby Dick_2`` gives ``moby-dick-2``."""
    return re.sub("[^a-z0-9]+", "-", stem.lower()).strip("-") or "corpus"


def _unknown(name_or_path: str) -> InputError:
    close = difflib.get_close_matches(name_or_path.lower(), CATALOGUE, 1)
    hint = f"did you mean {close[0]}? " if close else ""
    remedy = f"{hint}Give the path of a file or folder, or name one of: {', '.join(CATALOGUE)}"
    return InputError("neither the name of a corpus nor an existing path", name_or_path, remedy)
