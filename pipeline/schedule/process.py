"""A scheduled run: the process, its time, and what it says."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from gptfx.pipeline.schedule import guard
from gptfx.pipeline.schedule.definition import Schedule

FIRST_WORDS = "gptfx: preset "  # of every run
TIMED_OUT = "timed out"


def gptfx() -> str:
    """The command that is installed beside this Python."""
    return str(Path(sys.executable).with_name("gptfx"))


def command_of(schedule: Schedule, root: Path, run: list[str], known: str | None) -> list[str]:
    """What does a schedule's run: `run`, its options, and before it, if asked for, the look at the
    texts, which are compared with those `known`."""
    command = [*run, *schedule.run_options, "--root", str(root), "--json"]
    if not schedule.when_data_changes:
        return command
    look = [gptfx(), "schedule", "look", *schedule.run_options, "--then", json.dumps(command)]
    return [*look, *(["--known", known] if known else [])]


class RunProcess:
    """A run under way. `asked` says why it was told to stop, if it was.

    The guard inherits the lock, so that it stays taken while anything of the run is alive.
    """

    def __init__(
        self,
        command: list[str],
        folder: str,
        log: Path,
        lock: TextIO,
        grace: float,
        timeout: float | None,
    ) -> None:
        """Raises OSError where it cannot be started."""
        self.asked: str | None = None
        self.deadline = time.monotonic() + timeout if timeout else None
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-I", guard.__file__, str(os.getpid()), str(grace), *command],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(lock.fileno(),),
                start_new_session=True,  # Ctrl-C is for the scheduler
            )

    def poll(self) -> int | None:
        """The exit code, as a shell has it; None while it runs. Stops it when its time is over."""
        code = self.process.poll()
        if code is None and self.deadline and time.monotonic() > self.deadline:
            self.stop(TIMED_OUT)
        return code if code is None or code >= 0 else 128 - code

    def stop(self, why: str) -> None:
        """Tells it to write its checkpoint and to end; the first reason counts."""
        if not self.asked:
            self.asked = why
            self.process.send_signal(signal.SIGTERM)


def read_said(log: Path) -> tuple[dict[str, Any], str]:
    """Of a run's output: what its lines of JSON say, together; and its last words to a person."""
    said: dict[str, Any] = {}
    words = ""
    text = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    for line in text.splitlines():
        if line.startswith("gptfx: ") and not line.startswith(FIRST_WORDS):
            words = line.removeprefix("gptfx: ")
        if isinstance(found := _json(line), Mapping):
            said.update(found)
    return said, words


def _json(line: str) -> Any:
    if not line.startswith("{"):
        return None
    try:
        return json.loads(line)
    except ValueError:  # cut off, or no JSON at all
        return None
