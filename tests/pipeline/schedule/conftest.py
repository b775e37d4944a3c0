"""A root with schedules, the real scheduler in a process of its own, and a run that is none."""

import json
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

FAKE = Path(__file__).with_name("fake_run.py")
COMMAND = Path(sys.executable).with_name("gptfx")
PATIENCE_SECONDS = 60.0  # the machine may be shared
PUSHED = {
    "run_id": "2026-01-01",
    "blessed": True,
    "pushed": True,
    "unchanged": False,
    "model_dir": "/models/7",
    "metrics": {"bits_per_byte": 2.5},
    "refused": [],
}


class Place:
    """A folder with a root, the stand-in's behaviour and notes, and any scheduler started in it."""

    pushed = PUSHED

    def __init__(self, folder: Path, gptfx: Any) -> None:
        self.folder, self.root, self.gptfx = folder, folder / "root", gptfx
        self.fake = f"{shlex.quote(sys.executable)} {shlex.quote(str(FAKE))} {folder}"
        self.log = folder / "scheduler.log"
        self.started: list[subprocess.Popen] = []
        self.behave(said=PUSHED)

    def ask(self, *words: str, **environment: str) -> Any:
        """`gptfx schedule WORDS` in the folder."""
        root = ("--root", str(self.root))
        return self.gptfx("schedule", *words, *root, cwd=self.folder, **environment)

    def create(self, name: str = "nightly", *words: str, cwd: Path | None = None) -> None:
        """A schedule that comes every second, unless the words say otherwise."""
        when = () if {"--cron", "--every"} & set(words) else ("--cron", "* * * * * *")
        told = (*when, "--preset", "smoke", *words, "--root", str(self.root))
        (cwd or self.folder).mkdir(exist_ok=True)
        done = self.gptfx("schedule", "create", name, *told, cwd=cwd or self.folder)
        assert done.code == 0, done.err

    def behave(self, *several: dict[str, Any], **one: Any) -> None:
        """What the next runs do."""
        (self.folder / "behaviour.json").write_text(json.dumps(several or one))

    def serve(self, *words: str) -> subprocess.Popen:
        """Starts a scheduler, and waits until it says so."""
        command = [str(COMMAND), "schedule", "run", "--root", str(self.root), *words]
        before = self.said.count("scheduler of")
        with self.log.open("a") as log:
            started = subprocess.Popen(
                [*command, "--command", self.fake], stdout=log, stderr=log, cwd="/"
            )
        self.started.append(started)
        self.wait(lambda: self.said.count("scheduler of") > before)
        return started

    def stop(self, process: subprocess.Popen, number: int = signal.SIGTERM) -> int:
        """Sends a signal, and waits for the end."""
        process.send_signal(number)
        return process.wait(PATIENCE_SECONDS)

    def wait(self, until: Callable[[], Any]) -> Any:
        """What `until` gives as soon as that is something."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not (found := until()):
            assert time.monotonic() < end, f"{self.said[-3000:]}\n{self.notes[-20:]}"
            time.sleep(0.05)
        return found

    @property
    def said(self) -> str:
        """What the schedulers printed."""
        return self.log.read_text() if self.log.exists() else ""

    @property
    def notes(self) -> list[str]:
        """What the runs noted."""
        path = self.folder / "notes.txt"
        return path.read_text().splitlines() if path.exists() else []

    def begun(self) -> int:
        """How many runs began."""
        return sum(note.startswith("begins") for note in self.notes)

    def history(self, *words: str) -> list[dict[str, Any]]:
        """All attempts."""
        return self.ask("history", *words, "--json").json

    def outcomes(self) -> list[str]:
        """Of the attempts that ended."""
        return [each["outcome"] for each in self.history() if each["outcome"]]


@pytest.fixture
def place(tmp_path: Path, gptfx: Any) -> Iterator[Place]:
    """A place, in which nothing runs any more when the test ends."""
    made = Place(tmp_path, gptfx)
    yield made
    for process in made.started:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(PATIENCE_SECONDS)
    assert "two at a time" not in made.notes


@pytest.fixture
def is_alive() -> Callable[[int], bool]:
    """Whether a process is there and no zombie."""

    def look(process_id: int) -> bool:
        try:
            state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
        except (ProcessLookupError, FileNotFoundError):
            return False
        return state != "Z"

    return look
