"""The schedules of a root, in one sqlite file that commands and the scheduler share."""

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, Engine, Update, delete, insert, select, update

from gptfx.data.errors import InputError
from gptfx.pipeline.schedule.definition import Schedule
from gptfx.pipeline.schedule.sqlite_file import open_store
from gptfx.pipeline.schedule.tables import DONE, UNSEEN, WAITING, attempts, schedules

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
        """Whether that changed anything; times that come while it is paused do not count.

        Nor does one that waits; but what was interrupted or failed goes on after the pause.
        """
        with self.engine.begin() as connection:
            if _entry(connection, name).paused == paused:
                return False
            connection.execute(_update(name).values(paused=paused, since=now))
            connection.execute(delete(attempts).where(_waits(name) & UNSEEN))
            return True

    def delete(self, name: str) -> None:
        """Removes a schedule and what waits of it; its history stays."""
        with self.engine.begin() as connection:
            _entry(connection, name)
            connection.execute(delete(schedules).where(schedules.c.name == name))
            connection.execute(delete(attempts).where(_waits(name) & UNSEEN))
            left = update(attempts).where(_waits(name))
            connection.execute(left.values(state=DONE, outcome=DELETED))


def _waits(name: str) -> ColumnElement[bool]:
    return (attempts.c.schedule == name) & (attempts.c.state == WAITING)


def _update(name: str) -> Update:
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


def entries_of(path: Path, names: list[str]) -> list[Entry]:
    """The named schedules of the store at a path, each once; all, if none is named.

    Raises InputError for a name that is none.
    """
    store = find_store(path)
    known = store.entries() if store else {}
    for name in names:
        if name not in known:
            raise no_such_schedule(name, list(known))
    return [known[name] for name in dict.fromkeys(names or known)]


def find_store(path: Path) -> Store | None:
    """The store at a path, if it was made; a file that was just begun is none."""
    if not path.exists() or (path.is_file() and path.stat().st_size == 0):
        return None
    return Store(open_store(path))


def store_of(path: Path, name: str) -> Store:
    """The store that has a schedule of this name. Raises InputError where none does."""
    if (store := find_store(path)) is None:
        raise no_such_schedule(name, [])
    store.entry(name)
    return store
