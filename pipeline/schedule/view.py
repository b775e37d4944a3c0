"""What a person and a program see of schedules and of their history."""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from gptfx.pipeline.schedule.definition import masked
from gptfx.pipeline.schedule.history import Attempt, History
from gptfx.pipeline.schedule.hooks import iso
from gptfx.pipeline.schedule.store import Entry, Store
from gptfx.pipeline.schedule.tables import DONE, RUNNING, WAITING
from gptfx.pipeline.schedule.triggers import next_time

NOTHING = "-"


def schedule_as_json(store: Store, is_run: bool) -> list[dict[str, Any]]:
    """For ``gptfx schedule list --json``; `is_run` says whether there is a scheduler."""
    history = History(store.engine)
    return [_entry_as_json(each, history, is_run) for each in store.entries().values()]


def _entry_as_json(entry: Entry, history: History, is_run: bool) -> dict[str, Any]:
    schedule, paused, since = entry
    attempts = history.listed(schedule.name)
    done = [attempt for attempt in attempts if attempt.started and attempt.state == DONE]
    waiting = [attempt.due for attempt in attempts if attempt.state == WAITING]
    first = next_time(schedule, since, time.time())
    due = None if paused else min([*waiting, *([first] if first else [])])
    return {
        "name": schedule.name,
        "when": schedule.shown_when,
        "timezone": schedule.timezone,
        "next_run": iso(due, ZoneInfo(schedule.timezone)),
        "paused": paused,
        "state": _state(attempts),
        "last_outcome": done[-1].outcome if done else None,
        "last_run": iso(done[-1].started) if done else None,
        "preset": schedule.preset,
        "settings": list(schedule.settings),
        "corpora": list(schedule.corpora),
        "when_data_changes": schedule.when_data_changes,
        "retries": schedule.retries,
        "retry_after": schedule.retry_after,
        "timeout": schedule.timeout,
        "hooks": {event: masked(hook) for event, hook in schedule.hooks.items()},
        "scheduler": is_run,
    }


def _state(attempts: Sequence[Attempt]) -> str | None:
    """Whether one is under way, or waits; None if there was none."""
    states = {attempt.state for attempt in attempts}
    return next((state for state in (RUNNING, WAITING, DONE) if state in states), None)


def schedule_as_row(listed: dict[str, Any]) -> dict[str, str]:
    """A line of ``gptfx schedule list``, its times in the schedule's time zone."""
    zone = ZoneInfo(listed["timezone"])
    return {
        "name": listed["name"],
        "when": listed["when"],
        "time zone": listed["timezone"],
        "next run": "paused" if listed["paused"] else _shown(listed["next_run"], zone),
        "last run": _shown(listed["last_run"], zone),
        "outcome": RUNNING if listed["state"] == RUNNING else listed["last_outcome"] or NOTHING,
    }


def attempt_as_json(attempt: Attempt) -> dict[str, Any]:
    """For ``gptfx schedule history --json``."""
    result = attempt.result or {}
    return {
        "schedule": attempt.schedule,
        "scheduled": iso(attempt.fire_time),
        "attempt": attempt.number,
        "cause": attempt.cause,
        "state": attempt.state,
        "due": iso(attempt.due),
        "started": iso(attempt.started),
        "seconds": attempt.seconds,
        "outcome": attempt.outcome,
        "reason": attempt.reason,
        "run_id": attempt.run_id,
        "model_dir": result.get("model_dir"),
        "metrics": result.get("metrics") or {},
        "hook": attempt.hook,
        "log": attempt.log,
    }


def attempt_as_row(attempt: Attempt) -> dict[str, str]:
    """A line of ``gptfx schedule history``."""
    seconds = NOTHING if attempt.seconds is None else f"{attempt.seconds:,.0f} s"
    hook = f"hook {attempt.hook}" if attempt.hook else ""
    return {
        "schedule": attempt.schedule,
        "scheduled": _shown(iso(attempt.fire_time)),
        "attempt": str(attempt.number),
        "started": _shown(iso(attempt.started)),
        "took": seconds,
        "outcome": attempt.outcome or attempt.state,
        "run": attempt.run_id or NOTHING,
        "log": attempt.log or NOTHING,
        "why": "; ".join(filter(None, (attempt.reason, hook))),
    }


def columns(rows: Sequence[dict[str, str]]) -> str:
    """Rows under their names, as wide as need be."""
    names = list(rows[0])
    lines = [names, *([row[name] for name in names] for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(names))]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _shown(moment: str | None, zone: ZoneInfo | None = None) -> str:
    """A time for a person, with its zone; in this machine's, if none is given."""
    if moment is None:
        return NOTHING
    return f"{datetime.fromisoformat(moment).astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"
