"""What is due, what is under way and what came of it: the attempts, in the schedules' store."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, Select, Update, delete, func, insert, select, update

from gptfx.pipeline.schedule.tables import (
    BY_TIME,
    DONE,
    RUNNING,
    UNSEEN,
    WAITING,
    attempts,
    schedules,
)

COALESCED, INTERRUPTED = "coalesced", "interrupted"
STANDS_FOR_EARLIER = {"state": DONE, "outcome": COALESCED, "reason": "a later run stands for it"}
STANDS_FOR_LATER = {
    "state": DONE, "outcome": COALESCED, "reason": "the run that was interrupted stands for it",
}  # fmt: skip
PENDING = "pending"  # a hook that is still to hear of it
FINISHED = ("pushed", "unchanged", "refused")
FAILED = ("failed", "timed out")


@dataclass(frozen=True)
class Attempt:
    """A row of the table, with its columns; see there."""

    id: int
    schedule: str
    fire_time: float
    number: int
    cause: str
    resumes: bool
    state: str
    due: float
    started: float | None
    seconds: float | None
    outcome: str | None
    reason: str | None
    run_id: str | None
    log: str | None
    result: Mapping[str, Any] | None
    texts: str | None
    hook: str | None


class History:
    """The attempts in a store; each method is one transaction."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def enqueue(self, schedule: str, fire_time: float, cause: str, now: float) -> bool:
        """Has a run wait; False for a time that is known already.

        One run stands for all times that came before it began. Retries give way to it, too; but
        what was interrupted goes on, and stands for it.
        """
        fire_time = round(fire_time, 3)
        of_time = (attempts.c.schedule == schedule) & (attempts.c.fire_time == fire_time)
        waits = (attempts.c.schedule == schedule) & (attempts.c.state == WAITING)
        if cause == BY_TIME:
            waits = waits & (attempts.c.cause == BY_TIME)
        with self.engine.begin() as connection:
            if connection.execute(select(attempts.c.id).where(of_time)).first():
                return False
            goes_on = connection.execute(select(attempts.c.id).where(waits & attempts.c.resumes))
            if cause == BY_TIME and goes_on.first():
                _add(connection, schedule, fire_time, 1, cause, now, **STANDS_FOR_LATER)
                return True
            # It keeps its place in the queue, or of two busy schedules one would never come.
            place = select(func.min(attempts.c.due)).where(waits & UNSEEN)
            due = connection.execute(place).scalar() or now
            connection.execute(delete(attempts).where(waits & UNSEEN))
            connection.execute(update(attempts).where(waits).values(**STANDS_FOR_EARLIER))
            _add(connection, schedule, fire_time, 1, cause, due)
            return True

    def next_due(self, now: float, only: tuple[str, float] | None = None) -> Attempt | None:
        """What is to run now: of all schedules that are not paused, or of one time alone.

        What a person triggered is begun by the person's process.
        """
        due = (attempts.c.state == WAITING) & (attempts.c.due <= now)
        query = select(attempts).where(due).order_by(attempts.c.due, attempts.c.id)
        if only:
            of_time = (attempts.c.schedule == only[0]) & (attempts.c.fire_time == only[1])
            return self._first(query.where(of_time))
        begun = (attempts.c.cause == BY_TIME) | (attempts.c.number > 1)
        query = query.join(schedules, schedules.c.name == attempts.c.schedule)
        return self._first(query.where(begun & ~schedules.c.paused))

    def start(self, attempt: Attempt, log: str, now: float) -> Attempt | None:
        """Says that an attempt is under way, before it is; None if it no longer waits."""
        change = {"state": RUNNING, "started": now, "log": log}
        waits = (attempts.c.id == attempt.id) & (attempts.c.state == WAITING)
        with self.engine.begin() as connection:
            if not connection.execute(update(attempts).where(waits).values(**change)).rowcount:
                return None
        return self.attempt(attempt.id)

    def put_back(self, attempt: Attempt, due: float) -> None:
        """Has an attempt wait again, as if it had not begun."""
        with self.engine.begin() as connection:
            change = {"state": WAITING, "due": due, "started": None, "log": None}
            connection.execute(_update(attempt).values(**change))

    def settle(
        self, attempt: Attempt, values: Mapping[str, Any], again: float | None, resumes: bool
    ) -> None:
        """Writes down what came of an attempt and, at once with it, when it is tried again.

        Does nothing to one that is settled. One that `resumes` stands for what waits by time.
        """
        change = _update(attempt).where(attempts.c.state != DONE).values(state=DONE, **values)
        waits = (attempts.c.schedule == attempt.schedule) & (attempts.c.state == WAITING)
        with self.engine.begin() as connection:
            if connection.execute(change).rowcount and again is not None:
                if resumes:
                    later = update(attempts).where(waits & UNSEEN).values(**STANDS_FOR_LATER)
                    connection.execute(later)
                last = attempt.schedule, attempt.fire_time, attempt.number + 1, attempt.cause
                _add(connection, *last, again, resumes=resumes)

    def under_way(self) -> list[Attempt]:
        """What was begun and not settled."""
        return self._all(select(attempts).where(attempts.c.state == RUNNING))

    def unheard(self) -> Attempt | None:
        """The first that a hook is still to hear of."""
        return self._first(
            select(attempts).where(attempts.c.hook == PENDING).order_by(attempts.c.id)
        )

    def heard(self, attempt: Attempt, how: str) -> None:
        """Writes down how a hook took it."""
        with self.engine.begin() as connection:
            connection.execute(_update(attempt).values(hook=how))

    def attempt(self, number: int) -> Attempt:
        """The attempt of an id."""
        (found,) = self._all(select(attempts).where(attempts.c.id == number))
        return found

    def of_time(self, schedule: str, fire_time: float) -> list[Attempt]:
        """The attempts at one run, the first first."""
        of_time = (attempts.c.schedule == schedule) & (attempts.c.fire_time == fire_time)
        return self._all(select(attempts).where(of_time).order_by(attempts.c.number))

    def failures_before(self, attempt: Attempt) -> int:
        """How often in a row what an attempt stands for failed: its own time, and those whose
        retries gave way to it. A failure that was not to be tried again ends a row."""
        rows = [each for each in self.listed(attempt.schedule) if each.id <= attempt.id]
        known = {(each.fire_time, each.number) for each in rows}
        count = 0
        for each in reversed(rows[:-1]):
            if each.outcome in FAILED and (each.fire_time, each.number + 1) in known:
                count += 1
            elif each.outcome not in (COALESCED, INTERRUPTED):
                break
        return count

    def listed(self, schedule: str | None = None) -> list[Attempt]:
        """All attempts, or those of a schedule, in the order of their ids."""
        query = select(attempts).order_by(attempts.c.id)
        return self._all(query.where(attempts.c.schedule == schedule) if schedule else query)

    def last_time(self, schedule: str) -> float | None:
        """The latest time that the clock had a run wait for."""
        query = select(func.max(attempts.c.fire_time)).where(attempts.c.schedule == schedule)
        with self.engine.begin() as connection:
            return connection.execute(query.where(attempts.c.cause == BY_TIME)).scalar()

    def last_texts(self, schedule: str) -> str | None:
        """What the corpora held in the last run that finished."""
        ended = (attempts.c.schedule == schedule) & attempts.c.outcome.in_(FINISHED)
        query = select(attempts).where(ended & attempts.c.texts.is_not(None))
        found = self._first(query.order_by(attempts.c.id.desc()))
        return found.texts if found else None

    def _all(self, query: Select) -> list[Attempt]:
        with self.engine.begin() as connection:
            rows = connection.execute(query).all()
        return [Attempt(**row._mapping) for row in rows]

    def _first(self, query: Select) -> Attempt | None:
        return next(iter(self._all(query.limit(1))), None)


def _update(attempt: Attempt) -> Update:
    return update(attempts).where(attempts.c.id == attempt.id)


def _add(
    connection: Connection,
    schedule: str,
    fire_time: float,
    number: int,
    cause: str,
    due: float,
    **more: Any,
) -> None:
    row = {"schedule": schedule, "fire_time": fire_time, "number": number, "cause": cause}
    row |= {"state": WAITING, "due": due, "resumes": False}
    connection.execute(insert(attempts).values(**{**row, **more}))
