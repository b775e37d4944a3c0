"""The preset `smoke` on a schedule: its scheduler is killed while it trains, and started again."""

import signal
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from gptfx.modules.export.versions import versions

COMMAND = str(Path(sys.executable).with_name("gptfx"))


@pytest.mark.slow
def test_a_scheduler_killed_while_it_trains_loses_nothing_and_doubles_nothing(place: Any) -> None:
    soon = datetime.now() + timedelta(seconds=5)
    once = f"{soon:%S %M %H %d %m} *"  # the next is in a year
    hook = 'echo "$GPTFX_OUTCOME $GPTFX_MODEL_DIR" >> heard.txt'
    place.create("yearly", "--cron", once, "--on-blessed", hook)

    def serve() -> subprocess.Popen:
        command = [COMMAND, "schedule", "run", "--root", str(place.root)]
        place.started.append(subprocess.Popen(command, stdout=subprocess.DEVNULL, cwd="/"))
        return place.started[-1]

    def trains() -> bool:
        logs = (place.root / "logs").glob("schedule-*.log")
        return any("training: step" in log.read_text() for log in logs)

    first = serve()
    wait(trains)
    place.stop(first, signal.SIGKILL)
    second = serve()
    wait(lambda: [each for each in place.history() if each["hook"] == "ok"])
    interrupted, pushed = place.history()
    assert (interrupted["outcome"], pushed["outcome"]) == ("interrupted", "pushed")
    assert interrupted["scheduled"] == pushed["scheduled"]
    (version,) = versions(place.root / "serving" / "smoke")
    assert pushed["model_dir"] == str(version.folder)
    assert pushed["run_id"]
    assert "goes on" in Path(pushed["log"]).read_text()  # from its checkpoint
    assert place.ask("trigger", "yearly").code == 0
    assert place.outcomes() == ["interrupted", "pushed", "unchanged"]
    assert (place.folder / "heard.txt").read_text() == f"pushed {version.folder}\n"
    assert place.stop(second) == 0
    assert len(versions(place.root / "serving" / "smoke")) == 1


def wait(until: Any) -> None:
    """A run takes minutes where the machine is shared."""
    end = time.monotonic() + 600
    while not until():
        assert time.monotonic() < end
        time.sleep(0.2)
