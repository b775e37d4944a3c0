"""A schedule: when its runs come, what they are, and who hears of them."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any
from urllib.parse import urlsplit

from gptfx.data.errors import InputError
from gptfx.kubeflow.times import length


@dataclass(frozen=True)
class Schedule:
    """What ``gptfx schedule create`` was told.

    Attributes:
      name: of the schedule.
      when: `cron_expression`, of six fields, or `interval_second`, as ``kubeflow.times`` has them.
      timezone: the one that a cron expression is told in.
      preset: as for ``gptfx run``; so are `settings` and `corpora`.
      folder: where relative paths of these, and hooks, start from.
      when_data_changes: whether a run is left out while the corpora are those of the last one.
      retries: how often a run that failed is tried again.
      retry_after: seconds until the first retry; each further one waits twice as long.
      timeout: seconds after which a run is stopped; None for never.
      hooks: by event, a shell command or an address that hears of it.
    """

    name: str
    when: dict[str, Any]
    timezone: str
    preset: str
    folder: str
    settings: tuple[str, ...] = ()
    corpora: tuple[str, ...] = ()
    when_data_changes: bool = False
    retries: int = 2
    retry_after: int = 60
    timeout: int | None = None
    hooks: dict[str, str] = field(default_factory=dict)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Schedule":
        """The inverse of `as_json`."""
        lists = {name: tuple(content[name]) for name in ("settings", "corpora")}
        return cls(**{**content, **lists})

    def as_json(self) -> dict[str, Any]:
        """Plain values, for the store."""
        return asdict(self)

    @property
    def shown_when(self) -> str:
        """As it was asked for."""
        if "interval_second" in self.when:
            return f"every {length(self.when['interval_second'])}"
        return f"cron {self.when['cron_expression'].removeprefix('0 ')}"

    @property
    def run_options(self) -> list[str]:
        """What ``gptfx run`` is told of texts and configuration."""
        settings = [word for each in self.settings for word in ("--set", each)]
        corpora = [word for each in self.corpora for word in ("--corpus", each)]
        return ["--preset", self.preset, *settings, *corpora]


def require_hook(event: str, hook: str) -> None:
    """Raises InputError for what is neither a command nor an address; shows no more than needed."""
    if not hook.strip():
        remedy = "give a shell command, or an address that begins with http:// or https://"
        raise InputError(f"--on-{event} names no hook", hook, remedy)
    if not is_address(hook):
        return
    try:
        has_host = bool(urlsplit(hook).hostname) and urlsplit(hook).port != 0
    except ValueError:
        has_host = False
    if not has_host:
        problem = f"--on-{event} is no address"
        raise InputError(problem, masked(hook), "write https://HOST/PATH")


def is_address(hook: str) -> bool:
    """Whether a hook is told by HTTP."""
    return re.match("https?://", hook, re.IGNORECASE) is not None


def masked(hook: str) -> str:
    """A hook as lists and logs show it: passwords, paths and queries may be credentials."""
    if not is_address(hook):
        first, *rest = hook.split()
        return "..." if "=" in first else first + (" ..." if rest else "")
    scheme, _, rest = hook.partition("://")
    return f"{scheme}://{re.split('[/?#]', rest)[0].rpartition('@')[2]}/***"
