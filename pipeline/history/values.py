"""Values of configurations and parameters, as a person compares them."""

import json
from collections.abc import Mapping
from itertools import takewhile
from typing import Any

LONGEST = 60  # characters of a value
BEFORE = 15  # of them before the first that differs


def flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings, JSON in strings included, as one of dotted names; of a list of mappings each
    entry has its number in its name.

    >>> flat({"a": {"b": 1}, "c": '{"d": [2, 3], "e": [{"f": 4}]}'})
    {'a.b': 1, 'c.d': [2, 3], 'c.e.0.f': 4}
    """
    found: dict[str, Any] = {}
    for name, value in values.items():
        inner = _parsed(value)
        if isinstance(inner, list) and any(isinstance(each, dict) for each in inner):
            inner = {str(number): each for number, each in enumerate(inner)}
        if isinstance(inner, dict) and inner:
            found |= flat(inner, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = inner
    return found


def _parsed(value: Any) -> Any:
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def shown_apart(first: Any, second: Any) -> tuple[str, str]:
    """Two values that differ, each not longer than a reader reads, with the place where they do."""
    one, two = _text(first), _text(second)
    alike = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, two, strict=False)))
    start = 0 if max(len(one), len(two)) <= LONGEST or alike < LONGEST // 2 else alike - BEFORE
    return _cut(one, start), _cut(two, start)


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(text: str, start: int) -> str:
    head, text = "..." if start else "", text[start:]
    return head + (text if len(text) <= LONGEST else f"{text[: LONGEST - 3]}...")
