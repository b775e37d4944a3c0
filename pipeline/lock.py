"""One run at a time in a root."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from gptfx.data.errors import InputError
from gptfx.pipeline.layout import Layout

BUSY = "another run is under way in this folder"


@contextmanager
def locked(layout: Layout, option: str = "--root") -> Iterator[None]:
    """Holds the root, which `option` named, for one run; the lock goes with the process."""
    layout.root.mkdir(parents=True, exist_ok=True)
    lock = take(layout.lock)
    if lock is None:
        raise InputError(BUSY, str(layout.root), f"wait for it, or name another {option}")
    with lock:
        yield


def take(path: Path) -> TextIO | None:
    """The lock, as the open file that holds it; None where another process has it."""
    lock = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        return None
    return lock


def is_taken(path: Path) -> bool:
    """Whether a process has the lock; makes no file."""
    if not path.exists():
        return False
    with path.open(encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
