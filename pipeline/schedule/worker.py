"""Runs what waits, one at a time in a root, and writes down what came of it."""

import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO

from gptfx.pipeline.layout import Layout
from gptfx.pipeline.lock import is_taken, take
from gptfx.pipeline.schedule.clock import Say
from gptfx.pipeline.schedule.definition import Schedule
from gptfx.pipeline.schedule.history import INTERRUPTED, PENDING, Attempt, History
from gptfx.pipeline.schedule.hooks import event_of, tell
from gptfx.pipeline.schedule.process import RunProcess, command_of, read_said
from gptfx.pipeline.schedule.store import Store
from gptfx.pipeline.schedule.verdict import Verdict, judge

LONGEST_BACK_OFF = 86400.0  # seconds
BUSY_SECONDS = 2.0  # until a run that found another one under way is tried again


@dataclass(frozen=True)
class Place:
    """Where runs are made: the root, the command, and the seconds it has to stop in."""

    layout: Layout
    command: list[str]
    grace: float


class Worker:
    """`step`, called again and again, does what is next and never waits.

    While the lock of scheduled runs is held nobody else begins or settles a run, so that what is
    under way by the table when it is taken was left by a scheduler that is gone.
    """

    def __init__(
        self, place: Place, store: Store, history: History, say: Say, only: tuple | None = None
    ) -> None:
        self.place, self.definitions, self.history, self.say = place, store, history, say
        self.only = only  # a schedule's name and a time: nothing else is begun
        self.lock: TextIO | None = None
        self.run: RunProcess | None = None
        self.attempt: Attempt | None = None
        self.hearing: Future[str] | None = None
        self.threads = ThreadPoolExecutor(1, "hook")
        self.is_stopping, self.tries_again, self.waits = False, True, False

    @property
    def is_idle(self) -> bool:
        """Whether nothing is under way."""
        return self.run is None and self.hearing is None

    def stop(self, tries_again: bool = True) -> None:
        """Begins nothing more; the run under way is told to end, to be tried again or not."""
        self.is_stopping, self.tries_again = True, tries_again
        if self.run:
            self.run.stop(INTERRUPTED)

    def step(self) -> None:
        """Raises as the store does; the next step then does the same again."""
        try:
            if self.run:
                self._watch(self.run)
            elif self.hearing:
                self._listen(self.hearing)
            elif not self.is_stopping:
                self._begin()
        finally:
            if self.is_idle and self.lock:
                self.lock.close()
                self.lock = None

    def _begin(self) -> None:
        self.lock = take(self.place.layout.scheduled_run_lock)
        if self.lock is None:
            return
        for left in self.history.under_way():
            self._settle(left, self._judge(left, None, None))
        if attempt := self.history.unheard():
            self._tell(attempt)
        elif attempt := self.history.next_due(time.time(), self.only):
            self._start(attempt)

    def _start(self, attempt: Attempt) -> None:
        if is_taken(self.place.layout.lock):
            if not self.waits:
                self.say(f"{attempt.schedule}: waits for a run that is under way in this root")
            self.waits = True
            return
        self.waits = False
        now = time.time()
        log = self._log(attempt, now)
        # Written down before it is so: what is under way by the table may not have begun.
        if started := self.history.start(attempt, str(log), now):
            self.say(f"{attempt.schedule}: starts{_nth(attempt)}, log in {log}")
            self._run(started, log)

    def _run(self, attempt: Attempt, log: Path) -> None:
        schedule = self.definitions.entry(attempt.schedule).schedule
        known = self.history.last_texts(attempt.schedule)
        root, run, grace = self.place.layout.root, self.place.command, self.place.grace
        command = command_of(schedule, root, run, known)
        self.attempt = attempt
        try:
            self.run = RunProcess(command, schedule.folder, log, self.lock, grace, schedule.timeout)
        except OSError as error:
            reason = f"it cannot be started: {error.strerror}: {error.filename}"
            self._settle(attempt, Verdict("failed", reason, may_pass=True))

    def _log(self, attempt: Attempt, now: float) -> Path:
        moment = datetime.fromtimestamp(now).strftime("%Y%m%d-%H%M%S")
        return self.place.layout.logs / f"schedule-{attempt.schedule}-{moment}-{attempt.id}.log"

    def _watch(self, run: RunProcess) -> None:
        code = run.poll()
        if code is not None:
            self._settle(self.attempt, self._judge(self.attempt, code, run.asked))
            self.run = None

    def _judge(self, attempt: Attempt, code: int | None, asked: str | None) -> Verdict:
        first, *_ = self.history.of_time(attempt.schedule, attempt.fire_time)
        said, words = read_said(Path(attempt.log or ""))
        return judge(said, words, code, asked, first.started or time.time())

    def _settle(self, attempt: Attempt, verdict: Verdict) -> None:
        """Writes down what came of an attempt, and has it tried again where that is due."""
        if verdict.is_busy:
            self.history.put_back(attempt, time.time() + BUSY_SECONDS)
            return
        entry = self.definitions.entries().get(attempt.schedule)
        schedule = entry.schedule if entry else None
        again = self._again(schedule, attempt, verdict)
        event = event_of(verdict.outcome, again is None)
        hook = PENDING if schedule and event in schedule.hooks else None
        # Of a run whose scheduler is gone nobody knows when it ended.
        seconds = round(time.time() - (attempt.started or time.time()), 1) if self.run else None
        values = {**verdict.values, "seconds": seconds, "hook": hook}
        self.history.settle(attempt, values, again, verdict.outcome == INTERRUPTED)
        self.say(f"{attempt.schedule}: {_in_words(verdict, again)}")

    def _again(self, schedule: Schedule | None, attempt: Attempt, verdict: Verdict) -> float | None:
        """When the next attempt at it is due; None for never."""
        if schedule is None:
            return None
        if verdict.outcome == INTERRUPTED:
            return time.time() if self.tries_again else None
        failures = self.history.failures_before(attempt)
        if not verdict.may_pass or failures >= schedule.retries:
            return None
        return time.time() + min(schedule.retry_after * 2**failures, LONGEST_BACK_OFF)

    def _tell(self, attempt: Attempt) -> None:
        entry = self.definitions.entries().get(attempt.schedule)
        self.attempt = attempt
        self.hearing = (
            self.threads.submit(tell, entry.schedule, attempt, self.place.layout.root)
            if entry
            else self.threads.submit(lambda: "no hook")
        )

    def _listen(self, hearing: "Future[str]") -> None:
        if hearing.done():
            how = "failed: " + type(hearing.exception()).__name__
            how = hearing.result() if hearing.exception() is None else how
            self.history.heard(self.attempt, how)
            self.say(f"{self.attempt.schedule}: hook {how}")
            self.hearing = None


def _nth(attempt: Attempt) -> str:
    return f" (attempt {attempt.number})" if attempt.number > 1 else ""


def _in_words(verdict: Verdict, again: float | None) -> str:
    why = f": {verdict.reason}" if verdict.reason else ""
    if again is None:
        return f"{verdict.outcome}{why}"
    return f"{verdict.outcome}{why}; tries again at {datetime.fromtimestamp(again):%H:%M:%S}"
