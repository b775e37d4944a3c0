"""`gptfx schedule`: what it makes, lists and refuses."""

import pickletools
import re
import sqlite3
import stat
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest


def test_a_schedule_is_made_changed_listed_and_deleted(place: Any) -> None:
    words = ("create", "nightly", "--cron", "0 3 * * *", "--timezone", "Europe/Berlin")
    words += ("--preset", "smoke")
    assert place.ask(*words).out == "nightly: created\n"
    assert place.ask(*words).out == "nightly: unchanged\n"
    (listed,) = place.ask("list", "--json").json
    assert (listed["name"], listed["when"]) == ("nightly", "cron 0 3 * * *")
    assert datetime.fromisoformat(listed["next_run"]).minute == 0
    assert (listed["paused"], listed["last_outcome"], listed["scheduler"]) == (False, None, False)
    place.ask("pause", "nightly")
    assert place.ask("pause", "nightly").out == "nightly: was paused already\n"
    changed = place.ask(*words, "--timeout", "8h", "--set", "trainer.steps=9")
    assert changed.out == "nightly: updated\n"
    (listed,) = place.ask("list", "--json").json
    assert (listed["paused"], listed["next_run"], listed["timeout"]) == (True, None, 28800)
    shown = place.ask("list").out
    assert re.search(r"^name +when +time zone +next run +last run +outcome$", shown, re.MULTILINE)
    row = r"^nightly +cron 0 3 \* \* \* +Europe/Berlin +paused +- +-$"
    assert re.search(row, shown, re.MULTILINE)
    assert f"No scheduler is running here: gptfx schedule run --root {place.root}" in shown
    assert place.ask("resume", "nightly").out == "nightly: resumed\n"
    assert place.ask("resume", "nightly").out == "nightly: was not paused\n"
    assert place.ask("delete", "nightly").out == "nightly: deleted\n"
    assert place.ask("list", "--json").json == []


def test_the_next_run_is_told_in_the_schedule_s_time_zone(place: Any) -> None:
    place.create("tokyo", "--cron", "0 3 * * *", "--timezone", "Asia/Tokyo")
    (listed,) = place.ask("list", "--json").json
    assert listed["timezone"] == "Asia/Tokyo"
    assert listed["next_run"].endswith("T03:00:00+09:00")
    shown = place.ask("list").out
    assert re.search(r"^tokyo .+ Asia/Tokyo +\d{4}-\d\d-\d\d 03:00:00 JST  ", shown, re.MULTILINE)


def test_another_preset_does_not_put_off_the_next_run(place: Any) -> None:
    place.create("nightly", "--every", "6h")
    (before,) = place.ask("list", "--json").json
    place.create("nightly", "--every", "6h", "--set", "trainer.steps=9")
    (after,) = place.ask("list", "--json").json
    assert before["next_run"] == after["next_run"]
    assert before["when"] == "every 6h"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "a schedule needs --cron or --every"),
        (("--cron", "0 3 * * *", "--every", "6h"), "a schedule needs --cron or --every"),
        (("--cron", "0 25 * * *"), "the hour is 0 to 23"),
        (("--cron", "nightly"), "give five fields"),
        (("--cron", "0 0 30 2 *"), "this time never comes"),
        (("--every", "6"), "write 30m, 6h or 1d; at least 60s"),
        (("--every", "10s"), "at least 60s"),
        (("--every", "6h", "--timezone", "Mars/Base"), "no such time zone. Received: 'Mars/Base'"),
        (("--every", "6h", "--timezone", "../../etc/passwd"), "no such time zone"),
        (("--every", "6h", "--timeout", "soon"), "not a length of time. Received: 'soon'"),
        (("--every", "6h", "--retry-after", "0s"), "at least 1s"),
        (("--every", "6h", "--retries", "-1"), "--retries"),
        (("--every", "6h", "--set", "trainer.stepz=3"), "unknown key trainer.stepz"),
        (("--every", "6h", "--preset", "nope"), "no such preset. Received: 'nope'"),
        (("--every", "6h", "--on-failed", " "), "--on-failed names no hook"),
        (("--every", "6h", "--on-failed", "https:///x?token=hunter2"), "--on-failed is no address"),
        (("--every", "6h", "--root", "/proc/nowhere"), "/proc/nowhere"),
    ],
)
def test_what_cannot_be_scheduled_is_one_line_and_makes_nothing(
    gptfx: Any, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    done = gptfx("schedule", "create", "nightly", "--preset", "smoke", *words, cwd=tmp_path)
    assert done.code == 2
    assert done.err.count("\n") == 1
    assert said in done.err
    assert "hunter2" not in done.err
    assert not list(tmp_path.rglob("*.sqlite"))


def test_a_name_is_small_letters_digits_and_dashes(place: Any) -> None:
    done = place.ask("create", "../x", "--every", "6h", "--preset", "smoke")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "a schedule cannot have this name. Received: '../x'" in done.err


@pytest.mark.parametrize("command", ["pause", "resume", "delete", "trigger", "history"])
def test_an_unknown_name_lists_the_known_ones_and_makes_no_store(place: Any, command: str) -> None:
    place.root.mkdir()
    done = place.ask(command, "weekly")
    assert done.code == 2
    assert "no such schedule. Received: 'weekly'. What to do: create it" in done.err
    assert list(place.root.iterdir()) == []
    place.create("nightly", "--every", "6h")
    done = place.ask(command, "weekly")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "What to do: name one of nightly." in done.err


@pytest.mark.parametrize(
    "command",
    ["list", "history", "export --crontab", "export --systemd", "pause a", "resume a", "delete a",
     "trigger a", "history a"],
)  # fmt: skip
def test_a_root_that_is_not_there_is_one_line_and_not_made(place: Any, command: str) -> None:
    done = place.ask(*command.split())
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert f"there is no such root. Received: '{place.root}'. What to do: run `gptfx" in done.err
    assert not place.root.exists()


def test_what_only_reads_makes_nothing(place: Any) -> None:
    place.root.mkdir()
    assert place.ask("list", "--json").json == []
    assert place.ask("history").out == ""
    assert place.ask("export", "--crontab").out == ""
    assert place.ask("export", "--systemd").code == 0
    assert list(place.root.iterdir()) == []


def foreign(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE schedules (mine TEXT)")
    connection.close()


def newer(path: Path) -> None:
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()


def damaged(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:9000])


def no_database(path: Path) -> None:
    path.write_text("not a database, but long enough to be looked at" * 30)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (newer, "another gptfx made these schedules"),
        (damaged, "the schedules cannot be read"),
        (no_database, "the schedules cannot be read: file is not a database"),
        (folder, "the schedules cannot be read"),
    ],
)
def test_a_store_that_cannot_be_read_is_one_line_and_stays_as_it_is(
    place: Any, spoil: Any, said: str
) -> None:
    place.create("nightly", "--every", "6h")
    path = place.root / "schedules.sqlite"
    spoil(path)
    before = path.read_bytes() if path.is_file() else b""
    for words in (("list",), ("pause", "nightly"), ("run",), ("create", "x", "--every", "6h")):
        done = place.ask(*words)
        assert (done.code, done.err.count("\n")) == (2, 1), done.err
        assert said in done.err
        assert str(path) in done.err
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_another_program_s_file_is_left_alone(place: Any) -> None:
    place.root.mkdir()
    path = place.root / "schedules.sqlite"
    foreign(path)
    before = path.read_bytes()
    for words in (("list",), ("create", "x", "--every", "6h", "--preset", "smoke")):
        done = place.ask(*words)
        assert done.code == 2
        assert "this is another program's sqlite file" in done.err
    assert path.read_bytes() == before


def test_nobody_else_reads_a_store_for_hooks_may_hold_passwords(place: Any) -> None:
    place.create("nightly", "--every", "6h", "--on-failed", "curl -H 'Token: hunter2' example.com")
    mode = (place.root / "schedules.sqlite").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600
    done = place.ask("list", "--json")
    assert done.json[0]["hooks"] == {"failed": "curl ..."}
    assert "hunter2" not in done.out
    place.create("nightly", "--every", "6h", "--on-failed", "TOKEN=hunter2 tell")
    assert place.ask("list", "--json").json[0]["hooks"] == {"failed": "..."}


def test_what_apscheduler_keeps_is_a_function_s_name_and_plain_values(place: Any) -> None:
    place.create("nightly", "--every", "6h")
    scheduler = place.serve()
    place.stop(scheduler)
    with sqlite3.connect(place.root / "schedules.sqlite") as connection:
        ((state,),) = connection.execute("SELECT job_state FROM apscheduler_jobs").fetchall()
    connection.close()
    words = {argument for _, argument, _ in pickletools.genops(state) if isinstance(argument, str)}
    ours = {word for word in words if word.startswith("gptfx")}
    assert ours == {"gptfx.pipeline.schedule.clock:due"}
