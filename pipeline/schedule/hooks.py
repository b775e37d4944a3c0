"""Tells a command or an address what came of a run."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timezone, tzinfo
from pathlib import Path
from typing import Any

from gptfx.data.index_client import web_session
from gptfx.data.index_settings import read_index_settings
from gptfx.pipeline.schedule.definition import Schedule, is_address, masked
from gptfx.pipeline.schedule.history import Attempt

SECONDS = 30.0  # a command has
REQUEST_SECONDS, TRIES = 10.0, 3  # an address has
OK = "ok"
EVENT_OF = {"pushed": "blessed", "refused": "refused", "failed": "failed", "timed out": "failed"}


def event_of(outcome: str, is_last: bool) -> str | None:
    """Of which event an outcome is; a failure is one when it is not tried again."""
    return EVENT_OF.get(outcome) if is_last else None


def message(schedule: Schedule, attempt: Attempt, root: Path) -> dict[str, Any]:
    """What a hook is told."""
    result = attempt.result or {}
    return {
        "schedule": attempt.schedule,
        "event": EVENT_OF.get(attempt.outcome or ""),
        "outcome": attempt.outcome,
        "reason": attempt.reason,
        "preset": schedule.preset,
        "root": str(root),
        "scheduled": iso(attempt.fire_time),
        "started": iso(attempt.started),
        "seconds": attempt.seconds,
        "attempt": attempt.number,
        "run_id": attempt.run_id,
        "model_dir": result.get("model_dir"),
        "metrics": result.get("metrics") or {},
        "log": attempt.log,
    }


def iso(moment: float | None, zone: tzinfo = timezone.utc) -> str | None:
    """A Unix time for a machine to read, with the offset of a time zone."""
    return datetime.fromtimestamp(moment, zone).isoformat() if moment else None


def tell(schedule: Schedule, attempt: Attempt, root: Path) -> str:
    """Tells the hook of the attempt's event; `ok`, `no hook`, or why it did not take it."""
    told = message(schedule, attempt, root)
    hook = schedule.hooks.get(str(told["event"]))
    if hook is None:
        return "no hook"
    try:
        return _post(hook, told) if is_address(hook) else _run(hook, told, schedule.folder)
    except OSError as error:
        return f"failed: {error.strerror}"


def _run(hook: str, told: Mapping[str, Any], folder: str) -> str:
    """Its own words go to the run's log."""
    text = {name: value for name, value in told.items() if not isinstance(value, Mapping)}
    variables = {
        f"GPTFX_{name.upper()}": "" if value is None else str(value) for name, value in text.items()
    }
    with open(told["log"] or os.devnull, "ab") as log:
        process = subprocess.Popen(
            hook,
            shell=True,
            cwd=folder,
            env={**os.environ, **variables},
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        process.communicate((json.dumps(told) + "\n").encode(), SECONDS)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return f"failed: not done within {SECONDS:.0f} s"
    code = process.returncode
    return OK if code == 0 else f"failed: exit code {code if code > 0 else 128 - code}"


def _post(hook: str, told: Mapping[str, Any]) -> str:
    settings = replace(read_index_settings(), timeout_s=REQUEST_SECONDS)
    reason = ""
    for number in range(TRIES):
        if number:
            time.sleep(2**number)
        try:
            with web_session(settings) as client:
                status = client.post(hook, json=told).status_code
        except Exception as error:  # the client's errors have no base that both lines share
            reason = f"{masked(hook)}: {type(error).__name__}"  # its words may show the address
        else:
            if status < 400:
                return OK
            reason = f"{masked(hook)} answers {status}"
    return f"failed: {reason}"
