"""What a check says: all is well, or what was found and what to do."""

from dataclasses import dataclass
from typing import Literal

from gptfx.data.errors import InputError


@dataclass(frozen=True)
class Finding:
    """The outcome of one check.

    Attributes:
      name: what was looked at: `python`, `package numpy`, `data shakespeare`.
      state: `failure` if a run would fail of it.
      found: what was found, in one line.
      remedy: what to do; None exactly where the state is `ok`.
    """

    name: str
    state: Literal["ok", "warning", "failure"]
    found: str
    remedy: str | None = None


def ok(name: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(name, "ok", " ".join(found.split()))


def warning(name: str, found: str, remedy: str) -> Finding:
    """A run would work; still somebody should know."""
    return Finding(name, "warning", " ".join(found.split()), remedy)


def failure(name: str, found: str, remedy: str) -> Finding:
    """A run would fail."""
    return Finding(name, "failure", " ".join(found.split()), remedy)


def refusal(name: str, error: InputError) -> Finding:
    """What a run would refuse with this error."""
    return failure(name, f"{error.problem}: {error.received}", error.remedy)
