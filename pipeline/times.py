"""Times as ISO 8601 has them, with the offset of this machine's zone."""

import time
from datetime import datetime, timezone


def iso(seconds: float) -> str:
    """Of a number of seconds since 1970."""
    found = datetime.fromtimestamp(seconds, timezone.utc).astimezone()
    return found.isoformat(timespec="seconds")


def now() -> str:
    """The present."""
    return iso(time.time())
