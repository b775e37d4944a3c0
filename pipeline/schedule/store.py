"""The schedules of a root, in one sqlite file that commands and the scheduler share."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, delete, event, insert, select, update
from sqlalchemy.exc import DatabaseError

from gptfx.data.errors import InputError
from gptfx.pipeline.schedule.definition import Schedule
from gptfx.pipeline.schedule.tables import APPLICATION, VERSION, attempts, metadata, schedules

BUSY_SECONDS = 30  # how long a process waits for another's writing
DELETED = "skipped: schedule deleted"


class Entry(NamedTuple):
    """A schedule as it stands: its times count from `since` on, a Unix time."""

    schedule: Schedule
    paused: bool
    since: float


class Store:
    """The schedules in a file; each method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def put(self, schedule: Schedule, now: float) -> str:
        """Makes a schedule, or changes the one of that name, which stays paused if it is.

        Says what it did: `created`, `updated` or `unchanged`.
        """
        with self.engine.begin() as connection:
            before = _entries(connection).get(schedule.name)
            if before is None:
                row = {"name": schedule.name, "paused": False, "since": now}
                connection.execute(insert(schedules).values(definition=schedule.as_json(), **row))
                return "created"
            if before.schedule == schedule:
                return "unchanged"
            same = before.schedule.when == schedule.when
            same = same and before.schedule.timezone == schedule.timezone
            change = {"definition": schedule.as_json(), "since": before.since if same else now}
            connection.execute(_update(schedule.name).values(**change))
            return "updated"

    def entries(self) -> dict[str, Entry]:
        """All of them, by name."""
        with self.engine.begin() as connection:
            return _entries(connection)

    def entry(self, name: str) -> Entry:
        """Raises InputError, with the names there are, where there is none."""
        with self.engine.begin() as connection:
            return _entry(connection, name)

    def set_paused(self, name: str, paused: bool, now: float) -> bool:
        """Whether that changed anything; times that come while it is paused do not count."""
        with self.engine.begin() as connection:
            if _entry(connection, name).paused == paused:
                return False
            connection.execute(_update(name).values(paused=paused, since=now))
            return True

    def delete(self, name: str) -> None:
        """Removes a schedule and what waits of it; its history stays."""
        with self.engine.begin() as connection:
            _entry(connection, name)
            connection.execute(delete(schedules).where(schedules.c.name == name))
            waiting = (attempts.c.schedule == name) & (attempts.c.state == "waiting")
            done = update(attempts).where(waiting).values(state="done", outcome=DELETED)
            connection.execute(done)


def _update(name: str):
    return update(schedules).where(schedules.c.name == name)


def _entries(connection: Connection) -> dict[str, Entry]:
    rows = connection.execute(select(schedules).order_by(schedules.c.name))
    return {
        row.name: Entry(Schedule.from_json(row.definition), row.paused, row.since) for row in rows
    }


def _entry(connection: Connection, name: str) -> Entry:
    known = _entries(connection)
    if name not in known:
        raise no_such_schedule(name, list(known))
    return known[name]


def no_such_schedule(name: str, known: list[str]) -> InputError:
    """Names those that there are."""
    remedy = f"name one of {', '.join(known)}" if known else "create it: there are none so far"
    return InputError("no such schedule", name, remedy)


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


def is_made(path: Path) -> bool:
    """Whether there is a store; a file that was just begun is none."""
    return path.exists() and (not path.is_file() or path.stat().st_size > 0)


def _engine(path: Path) -> Engine:
    """Takes the right to write at a transaction's begin: what was read then holds until its end."""
    address = f"file:{quote(str(path))}?mode=rw"  # makes none
    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(
            address, uri=True, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
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
        raise _damaged(path, str(error.orig)) from None


def _damaged(path: Path, why: str) -> InputError:
    remedy = "move it away and create the schedules again; runs and models are not in it"
    return InputError(f"the schedules cannot be read: {why}", str(path), remedy)
