"""A scheduler that is stopped or killed, at any moment: nothing is lost, and nothing done twice."""

import json
import os
import random
import re
import signal
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from gptfx.pipeline.schedule.definition import Schedule
from gptfx.pipeline.schedule.history import History
from gptfx.pipeline.schedule.sqlite_file import make_store
from gptfx.pipeline.schedule.store import Store
from gptfx.pipeline.schedule.tables import BY_PERSON, BY_TIME

DAY, HOUR = 86400.0, 3600
EVERY_DAY = {"cron_expression": "0 0 3 * * *"}
LONG = {"seconds": 100}


def stored(place: Any, since: float, **more: Any) -> Store:
    """A store with a schedule that was made long ago."""
    store = Store(make_store(place.root / "schedules.sqlite"))
    store.put(Schedule("nightly", EVERY_DAY, "UTC", "smoke", str(place.folder), **more), since)
    return store


def times(place: Any) -> list[tuple[str, str]]:
    """Of each attempt the time it was for, and its outcome."""
    return [(each["scheduled"], each["outcome"]) for each in place.history()]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_run_that_lost_its_scheduler_is_interrupted_and_run_again_once(
    place: Any, number: int
) -> None:
    stored(place, time.time() - DAY)
    place.behave(LONG, {"said": place.pushed})
    scheduler = place.serve()
    place.wait(place.begun)
    code = place.stop(scheduler, number)
    assert code == (-signal.SIGKILL if number == signal.SIGKILL else 0)
    place.wait(lambda: "checkpoint" in place.notes)  # which SIGTERM had it write
    place.serve()
    place.wait(lambda: place.said.count("nightly: pushed"))
    ((first, interrupted), (second, pushed)) = times(place)
    assert (interrupted, pushed) == ("interrupted", "pushed")
    assert first == second
    assert [each["attempt"] for each in place.history()] == [1, 2]
    assert place.begun() == 2


def test_a_run_that_does_not_stop_is_killed_with_its_helpers_before_another_begins(
    place: Any, is_alive: Any
) -> None:
    stored(place, time.time() - DAY)
    place.behave({"stubborn": True, **LONG}, {"said": place.pushed})
    scheduler = place.serve("--grace", "2s")
    (helper,) = place.wait(lambda: [n for n in place.notes if n.startswith("helper")])
    place.stop(scheduler, signal.SIGKILL)
    place.serve()
    place.wait(lambda: "nightly: pushed" in place.said)
    assert not is_alive(int(helper.split()[1]))
    assert [outcome for _, outcome in times(place)] == ["interrupted", "pushed"]


def test_a_run_ends_with_its_guard_too(place: Any, is_alive: Any) -> None:
    stored(place, time.time() - DAY, retries=0)
    place.behave(LONG)
    scheduler = place.serve()
    place.wait(place.begun)
    (guard,) = children(scheduler.pid)
    (run,) = children(guard)
    os.kill(guard, signal.SIGKILL)
    place.wait(lambda: "nightly: failed: it was ended by signal 9" in place.said)
    place.wait(lambda: not is_alive(run))


def children(process_id: int) -> list[int]:
    """The processes that a process started."""
    listed = Path(f"/proc/{process_id}/task/{process_id}/children").read_text()
    return [int(word) for word in listed.split()]


def test_what_a_run_had_reached_when_its_scheduler_was_killed_is_known(place: Any) -> None:
    """Between a run's last word and the writing down of it."""
    store = stored(place, time.time() - DAY)
    history, now = History(store.engine), time.time()
    history.enqueue("nightly", now - 5, BY_TIME, now - 5)
    log = place.folder / "ended.log"
    log.write_text(json.dumps(place.pushed) + "\n")
    history.start(history.next_due(now), str(log), now - 4)
    place.serve()
    place.wait(lambda: "nightly: pushed" in place.said)
    assert place.outcomes() == ["pushed"]
    assert place.begun() == 0


def test_a_model_that_an_interrupted_attempt_pushed_is_told_as_pushed_once(place: Any) -> None:
    stored(place, time.time() - DAY, hooks={"blessed": "cat >> heard.txt"})
    fresh = f"/models/{int(time.time()) + HOUR}"  # not before the attempt, however slow it starts
    unchanged = {**place.pushed, "pushed": False, "unchanged": True, "model_dir": fresh}
    place.behave(LONG, {"said": unchanged})
    scheduler = place.serve()
    place.wait(place.begun)
    place.stop(scheduler, signal.SIGKILL)
    place.serve()
    place.wait(lambda: "nightly: hook ok" in place.said)
    assert place.outcomes() == ["interrupted", "pushed"]
    assert (place.folder / "heard.txt").read_text().count('"outcome": "pushed"') == 1


def test_a_time_that_comes_twice_is_run_once(place: Any) -> None:
    """The scheduler was killed after a time was written down, before APScheduler moved on."""
    store = stored(place, time.time() - DAY)
    history, moment = History(store.engine), time.time()
    assert history.enqueue("nightly", moment, BY_TIME, moment)
    assert not history.enqueue("nightly", moment, BY_TIME, moment)
    history.start(history.next_due(moment), "x", moment)
    assert not history.enqueue("nightly", moment, BY_TIME, moment)
    assert len(history.listed()) == 1


def test_missed_times_become_one_run_for_the_latest(place: Any) -> None:
    stored(place, time.time() - 5 * DAY)
    place.serve()
    place.wait(lambda: "nightly: pushed" in place.said)
    time.sleep(1)
    ((scheduled, outcome),) = times(place)
    assert outcome == "pushed"
    late = time.time() - datetime.fromisoformat(scheduled).timestamp()
    assert 0 < late <= DAY
    assert scheduled.endswith("03:00:00+00:00")


def test_what_waited_when_the_scheduler_was_killed_runs_after_the_next_start(place: Any) -> None:
    store = stored(place, time.time())
    store.put(Schedule("other", EVERY_DAY, "UTC", "smoke", str(place.folder)), time.time() - DAY)
    place.behave(LONG, {"said": place.pushed})
    scheduler = place.serve()
    place.wait(place.begun)
    moment = time.time()
    History(store.engine).enqueue("nightly", moment, BY_TIME, moment)
    place.stop(scheduler, signal.SIGKILL)
    place.serve()
    place.wait(lambda: "nightly: pushed" in place.said and "other: pushed" in place.said)
    assert sorted(place.outcomes()) == ["interrupted", "pushed", "pushed"]


def test_times_that_come_in_a_run_become_one_that_follows_it(place: Any) -> None:
    place.behave({"seconds": 4, "said": place.pushed}, LONG)
    place.create()
    place.serve()
    place.wait(lambda: place.begun() == 2)
    (first, second) = (each for each in place.history() if each["started"])
    gap = datetime.fromisoformat(second["scheduled"]) - datetime.fromisoformat(first["scheduled"])
    assert gap.total_seconds() >= 3
    assert len(place.history()) <= 3  # a third one may wait already


def test_a_retry_gives_way_to_a_later_time_and_what_was_interrupted_does_not(place: Any) -> None:
    history, now = History(stored(place, time.time()).engine), time.time()
    history.enqueue("nightly", now - 3, BY_TIME, now - 3)
    first = history.start(history.next_due(now), "x", now)
    history.settle(first, {"outcome": "failed"}, now, False)
    history.enqueue("nightly", now - 2, BY_TIME, now - 2)
    assert [each.outcome for each in history.listed()] == ["failed", "coalesced", None]
    second = history.start(history.next_due(now), "x", now)
    history.settle(second, {"outcome": "interrupted"}, now, True)
    history.enqueue("nightly", now - 1, BY_TIME, now - 1)
    assert [each.outcome for each in history.listed()][3:] == [None, "coalesced"]
    assert history.listed()[-1].reason == "the run that was interrupted stands for it"
    history.enqueue("nightly", now, BY_PERSON, now)  # a person's run is for all of them
    assert [each.outcome for each in history.listed()][3:] == ["coalesced", "coalesced", None]


def test_what_was_interrupted_stands_for_the_times_that_came_meanwhile(place: Any) -> None:
    """Or an older time's run would follow a newer one's, and say the same to the same hook."""
    history, now = History(stored(place, time.time()).engine), time.time()
    history.enqueue("nightly", now - 3, BY_TIME, now - 3)
    begun = history.start(history.next_due(now), "x", now)
    history.enqueue("nightly", now - 2, BY_TIME, now - 2)  # the clock is ahead of the worker
    history.settle(begun, {"outcome": "interrupted"}, now, True)
    assert [each.outcome for each in history.listed()] == ["interrupted", "coalesced", None]
    again = history.start(history.next_due(now), "x", now)
    assert (again.fire_time, again.number) == (round(now - 3, 3), 2)
    assert history.next_due(now) is None


def test_failures_count_on_where_a_retry_gives_way_to_a_later_time(place: Any) -> None:
    """Or a schedule that comes more often than its retries would fail and never say so."""
    place.behave(words="the disk hums", code=1)
    words = ("--cron", "*/2 * * * * *", "--retries", "2", "--retry-after", "30s")
    place.create("nightly", *words, "--on-failed", "cat > heard.txt")
    place.serve()
    place.wait(lambda: [each for each in place.history() if each["hook"] == "ok"])
    first = place.history()[:5]
    outcomes = [each["outcome"] for each in first]
    assert outcomes == ["failed", "coalesced", "failed", "coalesced", "failed"]
    assert [each["hook"] for each in first] == [None, None, None, None, "ok"]
    assert (place.folder / "heard.txt").exists()


def test_killed_at_any_moment_again_and_again_each_time_is_done_once(place: Any) -> None:
    place.behave(seconds=0.3, said=place.pushed)
    place.create()
    chance = random.Random(1)
    for _ in range(8):
        scheduler = place.serve("--grace", "1s")
        time.sleep(chance.uniform(0.0, 1.5))
        place.stop(scheduler, signal.SIGKILL)
    place.serve()
    pushed = place.said.count("pushed")
    place.wait(lambda: place.said.count("pushed") > pushed + 1)
    by_time: dict[str, list[str]] = {}
    for each in place.history():
        if each["outcome"]:
            by_time.setdefault(each["scheduled"], []).append(each["outcome"])
    assert all(outcomes.count("pushed") <= 1 for outcomes in by_time.values())
    *settled, _, _ = by_time.values()  # the last may be under way
    assert all(outcomes[-1] in ("pushed", "coalesced") for outcomes in settled), by_time
    assert any("interrupted" in outcomes for outcomes in settled), by_time


def test_a_pause_drops_the_time_that_waits_and_keeps_what_was_interrupted(place: Any) -> None:
    store = stored(place, time.time())
    history, now = History(store.engine), time.time()
    history.enqueue("nightly", now - 3, BY_TIME, now - 3)
    begun = history.start(history.next_due(now), "x", now)
    history.settle(begun, {"outcome": "interrupted"}, now, True)
    history.enqueue("nightly", now - 2, BY_TIME, now - 2)
    store.set_paused("nightly", True, now)
    assert history.next_due(now) is None
    store.set_paused("nightly", False, now)
    assert [each.number for each in history.listed()] == [1, 2, 1]
    assert history.next_due(time.time()).resumes


def test_a_second_scheduler_is_refused_by_one_line(place: Any) -> None:
    first = place.serve()
    second = place.ask("run")
    assert second.code == 2
    assert re.fullmatch(r"gptfx: another scheduler serves this root\. .*\n", second.err)
    assert f"process {first.pid}" in second.err
    assert f"process {first.pid}" in place.ask("list").out


def test_the_lock_is_no_file_that_outlives_its_scheduler(place: Any, tmp_path: Path) -> None:
    place.stop(place.serve(), signal.SIGKILL)
    assert (tmp_path / "root" / ".scheduler.lock").exists()
    assert "No scheduler is running" in place.ask("list").out
    place.serve()
