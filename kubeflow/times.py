"""When a schedule's runs come."""

import re
from typing import Any

from gptfx.data.errors import InputError

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LEAST_SECONDS = 60
MONTHS = "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"
DAYS = "sun", "mon", "tue", "wed", "thu", "fri", "sat"
# Of each field: its name, the least and the largest number, and names that stand for numbers.
FIELDS = (
    ("second", 0, 59, {}),
    ("minute", 0, 59, {}),
    ("hour", 0, 23, {}),
    ("day of the month", 1, 31, {}),
    ("month", 1, 12, {name: number for number, name in enumerate(MONTHS, 1)}),
    ("day of the week", 0, 6, {name: number for number, name in enumerate(DAYS)}),
)


def when(cron: str | None, every: str | None) -> dict[str, Any]:
    """The trigger of a recurring run: `cron_expression`, of six fields, or `interval_second`.

    Raises InputError for both, for neither, and for what is no time.
    """
    if (cron is None) == (every is None):
        given = "neither" if cron is None else f"--cron {cron}, --every {every}"
        raise InputError("a schedule needs --cron or --every", given, "give one of the two")
    return {"cron_expression": _cron(cron)} if cron else {"interval_second": _seconds(every or "")}


def _cron(text: str) -> str:
    """The server's form begins with seconds, which a crontab has not."""
    fields = text.split()
    if len(fields) not in (5, 6):
        remedy = "give five fields, such as '0 3 * * *', or six that begin with seconds"
        raise InputError("not a cron expression", text, remedy)
    fields = fields if len(fields) == 6 else ["0", *fields]
    for field, (name, least, most, names) in zip(fields, FIELDS, strict=True):
        if not all(_is_part(part.lower(), least, most, names) for part in field.split(",")):
            remedy = f"the {name} is {least} to {most}, *, A-B or */STEP, several with commas"
            raise InputError(f"not a cron expression: {name} {field}", text, remedy)
    return " ".join(fields)


def _is_part(part: str, least: int, most: int, names: dict[str, int]) -> bool:
    """Whether a field may hold it: a number or a name, a range, or all, and perhaps a step."""
    span, slash, step = part.partition("/")
    if slash and not (step.isdecimal() and int(step)):
        return False
    if span in ("*", "?"):
        return True
    ends = [names.get(end, int(end) if end.isdecimal() else -1) for end in span.split("-")]
    return len(ends) <= 2 and ends == sorted(ends) and least <= ends[0] and ends[-1] <= most


def _seconds(text: str) -> int:
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    seconds = int(found[1]) * UNITS[found[2]] if found else 0
    if seconds < LEAST_SECONDS:
        raise InputError("not a time between two runs", text, "write 30m, 6h or 1d; at least 60s")
    return seconds


def shown(trigger: Any) -> str:
    """A trigger as `when` takes it."""
    if trigger.cron_schedule:
        return f"cron {trigger.cron_schedule.cron}"
    seconds = int(trigger.periodic_schedule.interval_second)
    unit = max((unit for unit in UNITS if seconds % UNITS[unit] == 0), key=UNITS.__getitem__)
    return f"every {seconds // UNITS[unit]}{unit}"
