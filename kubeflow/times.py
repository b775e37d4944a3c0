"""When a schedule's runs come."""

import re
from typing import Any, NamedTuple

from gptfx.data.errors import InputError

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
LEAST_SECONDS = 60
MONTHS = "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"
DAYS = "sun", "mon", "tue", "wed", "thu", "fri", "sat"


class Field(NamedTuple):
    """A field of a cron expression: what may stand in it."""

    name: str
    least: int
    most: int
    names: dict[str, int]
    """Words that stand for numbers."""


FIELDS = (
    Field("second", 0, 59, {}),
    Field("minute", 0, 59, {}),
    Field("hour", 0, 23, {}),
    Field("day of the month", 1, 31, {}),
    Field("month", 1, 12, {name: number for number, name in enumerate(MONTHS, 1)}),
    Field("day of the week", 0, 6, {name: number for number, name in enumerate(DAYS)}),
)


def when(cron: str | None, every: str | None) -> dict[str, Any]:
    """The trigger of a recurring run: `cron_expression`, of six fields, or `interval_second`.

    Raises InputError for both, for neither, and for what is no time.
    """
    if (cron is None) == (every is None):
        given = "neither" if cron is None else f"--cron {cron}, --every {every}"
        raise InputError("a schedule needs --cron or --every", given, "give one of the two")
    return {"cron_expression": _cron(cron)} if cron else {"interval_second": seconds(every or "")}


def _cron(text: str) -> str:
    """The server's form begins with seconds, which a crontab has not."""
    fields = text.split()
    if len(fields) not in (5, 6):
        remedy = "give five fields, such as '0 3 * * *', or six that begin with seconds"
        raise InputError("not a cron expression", text, remedy)
    fields = fields if len(fields) == 6 else ["0", *fields]
    fields[-1] = ",".join(map(_with_sunday_first, fields[-1].split(",")))
    for written, field in zip(fields, FIELDS, strict=True):
        if not all(numbers(part, field) for part in written.split(",")):
            span = f"{field.least} to {field.most}"
            remedy = f"the {field.name} is {span}, *, A-B or */STEP, several with commas"
            raise InputError(f"not a cron expression: {field.name} {written}", text, remedy)
    return " ".join(fields)


def _with_sunday_first(part: str) -> str:
    """Days of the week in numbers up to 6, as the server and APScheduler have them; to cron 7 is
    Sunday, too.
    """
    if "7" not in part.partition("/")[0].split("-"):
        return part
    days = numbers(part, FIELDS[-1]._replace(most=7))
    return ",".join(map(str, sorted({day % 7 for day in days}))) or part


def numbers(part: str, field: Field) -> range:
    """What a field's part stands for: a number or a name, a range, or all, and perhaps a step.

    Empty for what is none of these.
    """
    span, slash, step = part.lower().partition("/")
    if slash and not (step.isdecimal() and int(step)):
        return range(0)
    every = int(step) if slash else 1
    if span in ("*", "?"):
        return range(field.least, field.most + 1, every)
    ends = [field.names.get(end, int(end) if end.isdecimal() else -1) for end in span.split("-")]
    if len(ends) > 2 or ends != sorted(ends) or ends[0] < field.least or ends[-1] > field.most:
        return range(0)
    last = field.most if slash and len(ends) == 1 else ends[-1]
    return range(ends[0], last + 1, every)


def seconds(
    text: str, least: int = LEAST_SECONDS, problem: str = "not a time between two runs"
) -> int:
    """The seconds of ``30m``, ``6h`` or ``1d``. Raises InputError for what is no such length."""
    found = re.fullmatch(r"([0-9]{1,9})([smhd])", text)
    length = int(found[1]) * UNITS[found[2]] if found else 0
    if length < least:
        raise InputError(problem, text, f"write 30m, 6h or 1d; at least {least}s")
    return length


def shown(trigger: Any) -> str:
    """A trigger as `when` takes it."""
    if trigger.cron_schedule:
        return f"cron {trigger.cron_schedule.cron}"
    return f"every {length(int(trigger.periodic_schedule.interval_second))}"


def length(seconds: int) -> str:
    """The inverse of `seconds`, in the largest unit of which it is a whole number."""
    unit = max((unit for unit in UNITS if seconds % UNITS[unit] == 0), key=UNITS.__getitem__)
    return f"{seconds // UNITS[unit]}{unit}"
