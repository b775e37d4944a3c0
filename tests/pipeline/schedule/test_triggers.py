"""When runs come: a crontab's meaning in APScheduler's triggers, and back again."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from gptfx.data.errors import InputError
from gptfx.kubeflow.times import when
from gptfx.pipeline.schedule.definition import Schedule
from gptfx.pipeline.schedule.triggers import crontab_times, local_timezone, next_time

BEFORE = datetime(2026, 1, 1, 0, 0)  # a Thursday


def schedule(cron: str | None = None, every: str | None = None, zone: str = "UTC") -> Schedule:
    return Schedule("nightly", when(cron, every), zone, "smoke", "/")


def following(made: Schedule, count: int, begin: datetime = BEFORE) -> list[str]:
    """The next times, as they are told in the schedule's zone."""
    zone, found = ZoneInfo(made.timezone), []
    since = moment = begin.replace(tzinfo=zone).timestamp()
    for _ in range(count):
        moment = next_time(made, since, moment)
        found.append(f"{datetime.fromtimestamp(moment, zone):%m-%d %H:%M:%S}")
    return found


@pytest.mark.parametrize(
    ("cron", "times"),
    [
        ("0 3 * * *", ["01-01 03:00:00", "01-02 03:00:00"]),
        ("0 3 * * 0", ["01-04 03:00:00", "01-11 03:00:00"]),  # Sunday, which APScheduler counts 6
        ("0 3 * * 7", ["01-04 03:00:00", "01-11 03:00:00"]),  # Sunday again
        ("0 3 * * 5-7", ["01-02 03:00:00", "01-03 03:00:00", "01-04 03:00:00", "01-09 03:00:00"]),
        ("0 3 * * mon-wed/2", ["01-05 03:00:00", "01-07 03:00:00"]),
        ("0 3 13 * fri", ["01-02 03:00:00", "01-09 03:00:00", "01-13 03:00:00"]),  # either will do
        ("0 3 */2 * mon", ["01-05 03:00:00", "01-19 03:00:00"]),  # what begins with a star, both
        ("5/20 1 * * ?", ["01-01 01:05:00", "01-01 01:25:00", "01-01 01:45:00"]),
        ("10,40 0 0 1 feb,mar *", ["02-01 00:00:10", "02-01 00:00:40", "03-01 00:00:10"]),
    ],
)
def test_a_cron_expression_means_what_it_means_to_cron(cron: str, times: list[str]) -> None:
    assert following(schedule(cron), len(times)) == times


def test_an_interval_is_counted_from_when_the_schedule_was_made() -> None:
    assert following(schedule(every="6h"), 2) == ["01-01 06:00:00", "01-01 12:00:00"]


def test_a_time_that_the_summer_leaves_out_comes_and_one_that_comes_twice_comes_once() -> None:
    made = schedule("30 2 * * *", zone="Europe/Berlin")
    (first, second) = following(made, 2, datetime(2026, 3, 28, 12, 0))
    assert (first[:5], second) == ("03-29", "03-30 02:30:00")
    autumn = following(made, 2, datetime(2026, 10, 24, 12, 0))
    assert autumn == ["10-25 02:30:00", "10-26 02:30:00"]


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({"cron": "0 3 * * *"}, "0 3 * * *"),
        ({"cron": "0 0 3 * jan sun-tue"}, "0 3 * 1 0,1,2"),
        ({"cron": "5/20 */6 * * ?"}, "5,25,45 */6 * * *"),
        ({"every": "15m"}, "*/15 * * * *"),
        ({"every": "1h"}, "0 */1 * * *"),
        ({"every": "6h"}, "0 */6 * * *"),
        ({"every": "1d"}, "0 0 * * *"),
    ],
)
def test_times_are_said_in_a_crontab_s_words(told: dict[str, Any], line: str) -> None:
    assert crontab_times(schedule(**told, zone=local_timezone())) == line


@pytest.mark.parametrize(
    ("told", "said"),
    [
        ({"every": "7h"}, "cron cannot say this interval. Received: 'schedule nightly, every 7h'"),
        ({"every": "90m"}, "cron cannot say this interval"),
        ({"every": "2d"}, "cron cannot say this interval"),
        ({"every": "90s"}, "cron cannot say this interval"),
        ({"cron": "30 0 3 * * *"}, "cron knows no seconds. Received: 'schedule nightly"),
        ({"cron": "0 3 * * *", "zone": "Asia/Kathmandu"}, "schedule nightly, Asia/Kathmandu"),
    ],
)
def test_what_cron_cannot_say_is_refused_by_name(told: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        crontab_times(schedule(**told))
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("zone", "here"), [("UTC", "Etc/UTC"), ("Asia/Katmandu", "Asia/Kathmandu"), ("GMT", "UTC")]
)
def test_a_time_zone_may_go_by_another_name(
    monkeypatch: pytest.MonkeyPatch, zone: str, here: str
) -> None:
    monkeypatch.setattr("gptfx.pipeline.schedule.triggers.get_localzone_name", lambda: here)
    assert crontab_times(schedule("0 3 * * *", zone=zone)) == "0 3 * * *"


def test_a_clock_that_differs_for_an_hour_of_the_year_is_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    name = "gptfx.pipeline.schedule.triggers.get_localzone_name"
    monkeypatch.setattr(name, lambda: "America/New_York")
    with pytest.raises(InputError, match="this machine's time zone, America/New_York"):
        crontab_times(schedule("0 3 * * *", zone="America/Havana"))
