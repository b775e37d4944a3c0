"""`gptfx schedule export`: what systemd and cron are told."""

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

COMMAND = str(Path(sys.executable).with_name("gptfx"))


def settings(unit: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in unit.splitlines() if re.match("[A-Z]", line))


def test_a_unit_keeps_the_scheduler_running_and_lets_a_checkpoint_be_written(place: Any) -> None:
    place.root.mkdir()
    unit = place.ask("export", "--systemd", "--grace", "5m", GPTFX_HOME="/texts").out
    said = settings(unit)
    assert said["ExecStart"] == f'"{COMMAND}" schedule run --root "{place.root}" --grace 300s'
    assert (said["Restart"], said["KillSignal"]) == ("always", "SIGTERM")
    assert int(said["TimeoutStopSec"]) > 300
    assert said["Environment"] == '"GPTFX_HOME=/texts"'
    assert f"gptfx schedule export --systemd --root {place.root}" in unit


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd is not installed")
@pytest.mark.parametrize("name", ["root", 'a $HOME "b" %h \\ c'])
def test_systemd_takes_the_unit_whatever_the_folder_is_called(
    gptfx: Any, tmp_path: Path, name: str
) -> None:
    root = tmp_path / name
    root.mkdir()
    unit = tmp_path / "gptfx-scheduler.service"
    unit.write_text(gptfx("schedule", "export", "--systemd", "--root", str(root)).out)
    command = ["systemd-analyze", "verify", "--man=no", str(unit)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_crontab_has_a_line_a_schedule(place: Any) -> None:
    place.create("nightly", "--cron", "0 3 * * mon")
    place.create("often", "--every", "15m")
    done = place.ask("export", "--crontab", GPTFX_HOME="/all 100%")
    first, second = done.out.splitlines()
    assert first.startswith(r"0 3 * * 1 GPTFX_HOME='/all 100\%' ")
    words = shlex.split(second.replace(r"\%", "%"))[6:]
    root = ["--root", str(place.root)]
    assert words == [COMMAND, "schedule", "trigger", "often", *root, "--unless-paused"]


def test_a_crontab_s_line_runs(place: Any) -> None:
    place.create("often", "--every", "15m")
    line = place.ask("export", "--crontab").out.rstrip("\n")
    command = line.split(maxsplit=5)[5].replace(r"\%", "%")
    fake = shlex.join(["--command", place.fake])
    subprocess.run(["/bin/sh", "-c", f"{command} {fake}"], check=True, capture_output=True, cwd="/")
    assert place.outcomes() == ["pushed"]


@pytest.mark.parametrize("words", [(), ("--systemd", "--crontab")])
def test_an_export_is_for_one_of_two(place: Any, words: tuple[str, ...]) -> None:
    done = place.ask("export", *words)
    assert done.code == 2
    assert "give --systemd or --crontab" in done.err


def test_what_cron_cannot_say_is_a_comment_and_a_warning(place: Any) -> None:
    place.create("nightly", "--cron", "0 3 * * 7")
    place.create("seldom", "--every", "7h")
    place.create("there", "--cron", "0 3 * * *", "--timezone", "Asia/Kathmandu")
    done = place.ask("export", "--crontab")
    said, *unsaid = done.out.splitlines()
    assert said.startswith("0 3 * * 0 ")
    assert unsaid[0] == "# left out: schedule seldom, every 7h: cron cannot say this interval"
    assert unsaid[1].startswith("# left out: schedule there, Asia/Kathmandu: cron runs in this")
    assert (done.code, done.err.count("\n")) == (0, 1)
    assert done.err.endswith(": seldom, there\n")
    named = place.ask("export", "--crontab", "nightly")
    assert (named.code, named.out, named.err) == (0, f"{said}\n", "")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--crontab"], 'cron can say none of these schedules. Received: "schedule seldom, every'),
        (["--crontab", "seldom"], "cron cannot say this interval. Received: 'schedule seldom"),
        (["--crontab", "nosuch"], "no such schedule. Received: 'nosuch'. What to do: name one of"),
        (["--systemd", "seldom"], "--systemd takes no names. Received: 'seldom'"),
    ],
)
def test_an_export_of_nothing_is_one_line(place: Any, words: list[str], why: str) -> None:
    place.create("seldom", "--every", "7h")
    place.create("there", "--cron", "0 3 * * *", "--timezone", "Asia/Kathmandu")
    done = place.ask("export", *words)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert why in done.err
