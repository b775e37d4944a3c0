"""The file of the schedules' store: made, opened, and known as ours."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError
from sqlalchemy.pool import NullPool

from gptfx.data.errors import InputError
from gptfx.pipeline.schedule.tables import APPLICATION, VERSION, metadata
from gptfx.pipeline.sqlite_store import is_busy

BUSY_SECONDS = 30  # how long a process waits for another's writing


def open_store(path: Path) -> Engine:
    """The store at a path, which is there. Raises InputError for a file that is no such store."""
    engine = _engine(path)
    with _readable(path), engine.begin() as connection:
        if connection.exec_driver_sql("PRAGMA quick_check(1)").scalar() != "ok":
            raise _damaged(path, "its pages do not fit together")
        _require_ours(connection, path)
    return engine


def make_store(path: Path) -> Engine:
    """The same; made first where it is not there. Nobody else may read it: hooks have passwords."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except (IsADirectoryError, PermissionError) as error:
        raise _damaged(path, str(error.strerror)) from None
    engine = _engine(path)
    with _readable(path), engine.begin() as connection:
        if not connection.exec_driver_sql("SELECT count(*) FROM sqlite_master").scalar():
            metadata.create_all(connection)
            connection.exec_driver_sql(f"PRAGMA application_id = {APPLICATION}")
            connection.exec_driver_sql(f"PRAGMA user_version = {VERSION}")
    return open_store(path)


def _engine(path: Path) -> Engine:
    """Takes the right to write at a transaction's begin: what was read then holds until its end."""
    address = f"file:{quote(str(path))}?mode=rw"  # makes none
    engine = create_engine(
        "sqlite://",
        poolclass=NullPool,  # a file is opened fast, and nothing is left to be closed
        creator=lambda: sqlite3.connect(
            address, uri=True, timeout=BUSY_SECONDS, isolation_level=None
        ),
    )
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def _require_ours(connection: Connection, path: Path) -> None:
    application = connection.exec_driver_sql("PRAGMA application_id").scalar()
    version = connection.exec_driver_sql("PRAGMA user_version").scalar()
    if application != APPLICATION:
        problem, remedy = "this is another program's sqlite file", "move it away"
        raise InputError(problem, str(path), remedy)
    if version != VERSION:
        received = f"{path}: form {version}, not {VERSION}"
        raise InputError("another gptfx made these schedules", received, "use that gptfx")


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except DatabaseError as error:
        if is_busy(error.orig):
            problem = "another process is writing the schedules"
            raise InputError(problem, str(path), "try again") from None
        raise _damaged(path, str(error.orig)) from None


def _damaged(path: Path, why: str) -> InputError:
    remedy = "move it away and create the schedules again; runs and models are not in it"
    return InputError(f"the schedules cannot be read: {why}", str(path), remedy)
