"""The sqlite file that ML Metadata is in, read without changing it.

A process that is killed while it writes leaves a journal, and sqlite lets nobody read the file
until somebody has taken back, with its help, what was half written. That is no change: what was
there before is there again.
"""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from gptfx.data.errors import InputError

VERSION_TABLE = "MLMDEnv"  # ML Metadata's, of the version of its tables


def connect(path: Path, mode: str = "ro") -> sqlite3.Connection:
    """Opens the file for reading only, or as another of sqlite's modes has it; makes none."""
    return sqlite3.connect(f"file:{quote(str(path))}?mode={mode}", uri=True)


def has_journal(path: Path) -> bool:
    """Whether somebody is writing now, or was killed in the middle of it."""
    return path.with_name(path.name + "-journal").exists()


def is_busy(error: BaseException | None) -> bool:
    """Whether somebody else holds the file, so that nothing can be said of it."""
    return isinstance(error, sqlite3.OperationalError) and "locked" in str(error)


def version_of_file(path: Path) -> int | None:
    """Of ML Metadata's tables. Raises InputError where there is no file, or no such tables."""
    if not path.exists():
        remedy = "run `gptfx run` first, or name the --root it was given"
        raise InputError("there is no metadata store", str(path), remedy)
    try:
        return _version(path, "ro")
    except sqlite3.Error as error:
        if not has_journal(path) and not is_busy(error):
            problem = f"this is no metadata store: {error}"
            raise InputError(problem, str(path), "gptfx doctor says more") from None
    try:
        return _version(path, "rw")  # which takes back what was half written
    except sqlite3.Error as error:
        problem = f"the metadata store is being written, or a killed process left it so: {error}"
        remedy = "try again; if it stays so, let somebody try who may write there"
        raise InputError(problem, str(path), remedy) from None


def _version(path: Path, mode: str) -> int | None:
    with closing(connect(path, mode)) as database:
        row = database.execute(f"SELECT schema_version FROM {VERSION_TABLE}").fetchone()
    return int(row[0]) if row else None
