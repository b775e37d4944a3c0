"""When a schedule's runs come: in APScheduler's triggers, and in a crontab's words."""

from datetime import datetime, timedelta, timezone
from functools import cache
from zoneinfo import ZoneInfo

from apscheduler.triggers.base import BaseTrigger
from apscheduler.triggers.combining import OrTrigger
from apscheduler.triggers.cron import CronTrigger
from apscheduler.triggers.interval import IntervalTrigger
from tzlocal import get_localzone_name

from gptfx.data.errors import InputError
from gptfx.kubeflow.times import DAYS, FIELDS, Field, numbers
from gptfx.pipeline.schedule.definition import Schedule

NAMES = ("second", "minute", "hour", "day", "month", "day_of_week")  # APScheduler's, in our order
HOUR, DAY, WEEKDAY = 2, 3, 5
MOMENT = 0.001  # seconds; less than any two times are apart
SCHEDULER_RUNS_IT = "run the scheduler, which can (gptfx schedule run)"
A_MINUTE, AN_HOUR, A_DAY = 60, 3600, 86400
HOURS_OF_A_YEAR = 366 * 24


class NamedHours(CronTrigger):
    """A time of the day that comes twice when summer ends counts once, as cron has it."""

    __slots__ = ()

    def get_next_fire_time(
        self, previous_fire_time: datetime | None, now: datetime
    ) -> datetime | None:
        """The next time, without those that are told for the second time."""
        found = super().get_next_fire_time(previous_fire_time, now)
        while found and found.fold:
            found = super().get_next_fire_time(found, found)
        return found


def local_timezone() -> str:
    """The name of this machine's."""
    return get_localzone_name() or "UTC"


def require_timezone(name: str) -> None:
    """Raises InputError for a time zone that nobody knows."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown; no name at all; a folder of names
        remedy = "name one such as UTC or Europe/Berlin"
        raise InputError("no such time zone", name, remedy) from None


def require_some_time(schedule: Schedule) -> None:
    """Raises InputError for a time that never comes, such as the 30th of February."""
    if next_time(schedule, 0.0, datetime.now().timestamp()) is None:
        raise InputError("this time never comes", schedule.shown_when, "mend --cron")


def trigger_of(schedule: Schedule, since: float) -> BaseTrigger:
    """The times of a schedule; those of an interval are counted from `since`, a Unix time."""
    zone = schedule.timezone
    if seconds := schedule.when.get("interval_second"):
        first = datetime.fromtimestamp(since + seconds, ZoneInfo(zone))
        return IntervalTrigger(seconds=seconds, start_date=first, timezone=zone)
    written = schedule.when["cron_expression"].split()
    fields = dict(zip(NAMES, map(_field, written, range(len(NAMES))), strict=True))
    kind = CronTrigger if written[HOUR][0] == "*" else NamedHours
    if written[DAY][0] in "*?" or written[WEEKDAY][0] in "*?":
        return kind(**fields, timezone=zone)
    # In a crontab, if both days are named, either will do; APScheduler would ask for both.
    either = ({**fields, "day": "*"}, {**fields, "day_of_week": "*"})
    return OrTrigger([kind(**each, timezone=zone) for each in either])


def next_time(schedule: Schedule, since: float, after: float) -> float | None:
    """The first time of a schedule after another, both Unix times; None if there is none."""
    begin = datetime.fromtimestamp(after + MOMENT, _zone(schedule.timezone))
    found = trigger_of(schedule, since).get_next_fire_time(None, begin)
    return found.timestamp() if found else None


def crontab_times(schedule: Schedule) -> str:
    """The five fields of a crontab. Raises InputError for times that cron cannot say."""
    if seconds := schedule.when.get("interval_second"):
        return _interval(schedule, seconds)
    second, *written = schedule.when["cron_expression"].split()
    if second != "0":
        received = f"schedule {schedule.name}, {schedule.shown_when}"
        remedy = f"leave out the seconds, or {SCHEDULER_RUNS_IT}"
        raise InputError("cron knows no seconds", received, remedy)
    if not _is_here(schedule.timezone):
        problem = f"cron runs in this machine's time zone, {local_timezone()}"
        received = f"schedule {schedule.name}, {schedule.timezone}"
        raise InputError(problem, received, f"create it in that zone, or {SCHEDULER_RUNS_IT}")
    # What begins with a star stays as it is: of two days, cron asks whether one does.
    return " ".join(
        text.replace("?", "*") if text[0] in "*?" else ",".join(map(str, _numbers(text, field)))
        for text, field in zip(written, FIELDS[1:], strict=True)
    )


def _is_here(zone: str) -> bool:
    """Whether a time zone is this machine's, perhaps by another name, as Etc/UTC is UTC's: in the
    coming year its clock says the same.
    """
    here, there, now = ZoneInfo(local_timezone()), _zone(zone), datetime.now(timezone.utc)
    hours = (now + timedelta(hours=hour) for hour in range(HOURS_OF_A_YEAR))
    return all(
        hour.astimezone(here).utcoffset() == hour.astimezone(there).utcoffset() for hour in hours
    )


def _interval(schedule: Schedule, seconds: int) -> str:
    for unit, above, fields in (
        (A_MINUTE, AN_HOUR, "*/{} * * * *"),
        (AN_HOUR, A_DAY, "0 */{} * * *"),
        (A_DAY, 2 * A_DAY, "0 0 * * *"),
    ):
        if seconds < above and seconds % unit == 0 and (above % seconds == 0 or unit == A_DAY):
            return fields.format(seconds // unit)
    received = f"schedule {schedule.name}, {schedule.shown_when}"
    remedy = f"take one that divides an hour or a day, or {SCHEDULER_RUNS_IT}"
    raise InputError("cron cannot say this interval", received, remedy)


def _numbers(written: str, field: Field) -> list[int]:
    return sorted({number for part in written.split(",") for number in numbers(part, field)})


def _field(written: str, position: int) -> str:
    """A field for APScheduler, in which weeks begin with Monday, so that days go by their names."""
    field = FIELDS[position]
    found = _numbers(written, field)
    if len(found) == field.most - field.least + 1:
        return "*"
    return ",".join(DAYS[number] if position == WEEKDAY else str(number) for number in found)


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
