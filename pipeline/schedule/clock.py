"""APScheduler says when; here a time that has come is written down as a run that waits.

APScheduler keeps its jobs in a table beside ours, of which the scheduler of a root is the only
user, as APScheduler wants it. The commands change the definitions; the clock follows these.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from apscheduler.executors.base import BaseExecutor
from apscheduler.job import Job
from apscheduler.jobstores.sqlalchemy import SQLAlchemyJobStore
from apscheduler.schedulers.base import BaseScheduler

from gptfx.pipeline.schedule.history import History
from gptfx.pipeline.schedule.sqlite_file import open_store
from gptfx.pipeline.schedule.store import Entry, Store
from gptfx.pipeline.schedule.tables import BY_TIME
from gptfx.pipeline.schedule.triggers import next_time, trigger_of

Say = Callable[[str], None]


def due(path: str, schedule: str, key: str, *fire_times: float) -> None:
    """The function of every job; its arguments, but for the times, are in APScheduler's table."""
    del key  # by it the clock sees that a schedule changed
    history = History(open_store(Path(path)))
    for fire_time in fire_times:
        history.enqueue(schedule, fire_time, BY_TIME, fire_time)


class AtOnce(BaseExecutor):
    """Calls a job with the time it is for, before APScheduler moves on to the next time.

    If this process ends between the two, the time comes again, and is known already.
    """

    def __init__(self) -> None:
        super().__init__()
        self.unwritten: list[tuple[Any, ...]] = []

    def _do_submit_job(self, job: Job, run_times: list[datetime]) -> None:
        call = (*job.args, *(run_time.timestamp() for run_time in run_times))
        try:
            due(*call)
        except Exception:  # APScheduler would pass over it
            self.unwritten.append(call)
        self._run_job_success(job.id, [])

    def write_again(self) -> None:
        """Writes down what a full disk refused. Raises as the store does."""
        while self.unwritten:
            due(*self.unwritten[0])
            self.unwritten.pop(0)


class Clock(BaseScheduler):
    """APScheduler, in a loop of ours: `tick` is to be called again and again."""

    def __init__(self, path: Path, store: Store, history: History, say: Say) -> None:
        self.path, self.definitions, self.history = path, store, history
        self.at_once, self.known = AtOnce(), {}
        logger = logging.getLogger("apscheduler")
        logger.handlers[:] = [_Handler(say)]
        logger.propagate = False
        super().__init__(
            jobstores={"default": SQLAlchemyJobStore(engine=store.engine)},
            executors={"default": self.at_once},
            # However many times were missed, for however long: one run.
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 1},
            timezone=timezone.utc,
        )

    def wakeup(self) -> None:
        """Needs nothing: `tick` comes anyway."""

    def shutdown(self, wait: bool = True) -> None:
        """Leaves the jobs where they are."""
        super().shutdown(wait)

    def tick(self) -> None:
        """Follows the definitions, then has what is due wait."""
        self.at_once.write_again()
        entries = self.definitions.entries()
        if entries != self.known:
            self._follow(entries)
            self.known = entries
        self._process_jobs()

    def _follow(self, entries: dict[str, Entry]) -> None:
        jobs = {job.id: job for job in self.get_jobs()}
        for name in jobs.keys() - entries.keys():
            self.remove_job(name)
        for name, entry in entries.items():
            arguments = (str(self.path), name, _key(entry))
            if name not in jobs or tuple(jobs[name].args) != arguments:
                self._add(entry, arguments)

    def _add(self, entry: Entry, arguments: tuple[str, ...]) -> None:
        """From the first time on that nobody looked at, which may be past."""
        schedule, paused, since = entry
        after = max(since, self.history.last_time(schedule.name) or since)
        first = None if paused else next_time(schedule, since, after)
        self.add_job(
            due,
            trigger_of(schedule, since),
            args=arguments,
            id=schedule.name,
            name=schedule.name,
            next_run_time=datetime.fromtimestamp(first, timezone.utc) if first else None,
            replace_existing=True,
        )


def _key(entry: Entry) -> str:
    """What a job's times depend on."""
    return repr((entry.since, entry.paused, entry.schedule.when, entry.schedule.timezone))


class _Handler(logging.Handler):
    """What APScheduler has to complain of, in our lines."""

    def __init__(self, say: Say) -> None:
        super().__init__(logging.WARNING)
        self.say = say

    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        self.say(" ".join(f"{record.getMessage()} {error or ''}".split()))
