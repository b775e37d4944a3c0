"""The scheduler of a root, in the foreground; and one run of a schedule, at a person's word."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from sqlalchemy.exc import SQLAlchemyError

from gptfx.data.errors import InputError
from gptfx.pipeline.layout import Layout
from gptfx.pipeline.lock import is_taken, take
from gptfx.pipeline.schedule.clock import Clock, Say
from gptfx.pipeline.schedule.history import INTERRUPTED, PENDING, Attempt, History
from gptfx.pipeline.schedule.store import Store
from gptfx.pipeline.schedule.tables import BY_PERSON, DONE, WAITING
from gptfx.pipeline.schedule.worker import Place, Worker

TICK_SECONDS = 0.25


def serve(place: Place, store: Store, say: Say) -> None:
    """Runs what the schedules ask for until SIGTERM or Ctrl-C, and then ends the run under way.

    Raises InputError where another scheduler serves the root.
    """
    history = History(store.engine)
    with _alone(place.layout), _told_to_stop() as told:
        worker = Worker(place, store, history, say)
        clock = Clock(place.layout.schedules, store, history, say)
        clock.start()
        names = ", ".join(store.entries()) or "none so far"
        say(f"scheduler of {place.layout.root}; schedules: {names}")
        trouble = ""
        while not (told and worker.is_idle):
            if told and not worker.is_stopping:
                say("told to stop")
                worker.stop()
            trouble = _step(clock, worker, say, trouble)
            time.sleep(TICK_SECONDS)
        clock.shutdown()
        say("stopped")


def run_now(place: Place, store: Store, name: str, say: Say) -> Attempt:
    """Runs a schedule once, with its retries; the last attempt at it, settled or stopped.

    If the scheduler takes over a later attempt, this waits for it all the same.
    """
    history, moment = History(store.engine), round(time.time(), 3)
    with _told_to_stop() as told:
        history.enqueue(name, moment, BY_PERSON, moment)
        worker = Worker(place, store, history, say, (name, moment))
        waits = False
        while True:
            if told and not worker.is_stopping:
                worker.stop(tries_again=told[0] == signal.SIGTERM)
            worker.step()
            last = history.of_time(name, moment)[-1]
            if worker.is_idle and told and last.state == WAITING and last.number == 1:
                called_off = {"outcome": INTERRUPTED, "reason": "it was called off"}
                history.settle(last, called_off, None, False)
            if worker.is_idle and (told or (last.state == DONE and last.hook != PENDING)):
                return last
            if worker.is_idle and not waits and is_taken(place.layout.scheduled_run_lock):
                say(f"{name}: waits for a scheduled run that is under way")
                waits = True
            time.sleep(TICK_SECONDS)


def process_of(layout: Layout) -> int | None:
    """The process that serves a root; None where there is none."""
    if not is_taken(layout.scheduler_lock):
        return None
    text = layout.scheduler_lock.read_text(encoding="utf-8").strip()
    return int(text) if text.isdecimal() else 0


def _step(clock: Clock, worker: Worker, say: Say, trouble: str) -> str:
    """A turn of both. A full disk or a locked store is said once, and the run goes on meanwhile."""
    try:
        if not worker.is_stopping:
            clock.tick()
        worker.step()
    except (SQLAlchemyError, OSError, InputError) as error:
        text = str(getattr(error, "orig", error))
        if text != trouble:
            say(f"cannot go on, and tries again: {text}")
        return text
    return ""


@contextmanager
def _alone(layout: Layout) -> Iterator[TextIO]:
    lock = take(layout.scheduler_lock)
    if lock is None:
        received = f"{layout.root}, process {process_of(layout)}"
        raise InputError("another scheduler serves this root", received, "leave it to that one")
    with lock:
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield lock


@contextmanager
def _told_to_stop() -> Iterator[list[int]]:
    """The signals that came."""
    told: list[int] = []
    numbers = (signal.SIGTERM, signal.SIGINT)
    before = [signal.signal(number, lambda found, _: told.append(found)) for number in numbers]
    try:
        yield told
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
