"""Patterns with spans, in TFX's form: ``logs/{SPAN}`` names a folder or file for each stretch of
time.

``{SPAN}`` is a number (``{SPAN:3}``: of three digits); or ``{YYYY}``, ``{MM}`` and ``{DD}`` give a
date, whose span is its day since 1970-01-01. ``{VERSION}`` numbers deliveries of a span, of which
the last counts. ``*`` and ``?`` match within a name. As documented for TFX's ExampleGen; but where
TFX takes the latest span, all spans count here unless a number of them is asked for.
"""

import datetime
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from gptfx.data.errors import InputError
from gptfx.data.storage import Stored

NUMBERS = re.compile(r"\{(SPAN|VERSION)(?::(\d+))?\}")
DATES = {"{YYYY}": r"(?P<YYYY>\d{4})", "{MM}": r"(?P<MM>\d{2})", "{DD}": r"(?P<DD>\d{2})"}
SPECIAL = re.compile(rf"({NUMBERS.pattern}|\{{(?:YYYY|MM|DD)\}}|[*?])")
EPOCH = datetime.date(1970, 1, 1)


def is_pattern(path: str) -> bool:
    """Whether a path names spans."""
    return NUMBERS.search(path) is not None or any(date in path for date in DATES)


class Match(NamedTuple):
    """A file and the span and version it belongs to; a version of 0 where there is none."""

    span: int
    version: int
    file: Stored


@dataclass(frozen=True)
class SpanPattern:
    """A pattern taken apart.

    Attributes:
      text: as it was written.
      folder: the longest part before anything special; file names count from there.
      expression: matches names from `folder` on; what lies below a matching folder counts too.
    """

    text: str
    folder: str
    expression: re.Pattern[str]

    @classmethod
    def parse(cls, text: str) -> "SpanPattern":
        """Raises InputError for a pattern that says its span twice, half, or not at all."""
        _check(text)
        special = SPECIAL.search(text)
        start = text.rfind("/", 0, special.start() if special else None) + 1
        body = "".join(map(_expression, _pieces(text[start:])))
        return cls(text, text[:start] or "./", re.compile(body + "(?:/.*)?"))

    def match(self, files: Iterable[Stored]) -> list[Match]:
        """The files that belong to a span, whatever their version."""
        found = ((file, self.expression.fullmatch(file.relative)) for file in files)
        numbered = ((file, _span(match), match) for file, match in found if match)
        return [
            Match(span, int(match.groupdict().get("VERSION") or 0), file)
            for file, span, match in numbered
            if span is not None
        ]


def latest(matches: Iterable[Match], count: int | None) -> list[Match]:
    """Of each span its last version; of the spans the ``count`` latest, all if that is None."""
    listed = list(matches)
    versions: dict[int, int] = {}
    for match in listed:
        versions[match.span] = max(match.version, versions.get(match.span, 0))
    spans = set(sorted(versions)[-count:] if count else versions)
    return [
        match for match in listed if match.span in spans and match.version == versions[match.span]
    ]


def _pieces(text: str) -> list[str]:
    """The text cut at whatever is special, with the special parts."""
    pieces, end = [], 0
    for special in SPECIAL.finditer(text):
        pieces += [text[end : special.start()], special.group()]
        end = special.end()
    return [*pieces, text[end:].rstrip("/")]


def _expression(piece: str) -> str:
    if number := NUMBERS.fullmatch(piece):
        digits = f"{{{number.group(2)}}}" if number.group(2) else "+"
        return rf"(?P<{number.group(1)}>[0-9]{digits})"
    return DATES.get(piece) or {"*": "[^/]*", "?": "[^/]"}.get(piece) or re.escape(piece)


def _span(match: re.Match[str]) -> int | None:
    """None for what looks like a date and is none."""
    values = match.groupdict()
    if "SPAN" in values:
        return int(values["SPAN"])
    try:
        date = datetime.date(int(values["YYYY"]), int(values["MM"]), int(values["DD"]))
    except ValueError:
        return None
    return (date - EPOCH).days


def _check(text: str) -> None:
    kinds = [number.group(1) for number in NUMBERS.finditer(text)]
    dates = [text.count(date) for date in DATES]
    has_span, has_date = kinds.count("SPAN") == 1, dates == [1, 1, 1]
    stray = (any(dates) and not has_date) or ("SPAN" in kinds and not has_span)
    if has_span != has_date and not stray and kinds.count("VERSION") < 2:
        return
    remedy = "write {SPAN} once, or {YYYY}, {MM} and {DD} once each; {VERSION} at most once"
    raise InputError("the pattern does not say its span once", text, remedy)
