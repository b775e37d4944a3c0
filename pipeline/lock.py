"""One run at a time in a root."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from gptfx.data.errors import InputError
from gptfx.pipeline.layout import Layout


@contextmanager
def locked(layout: Layout, option: str = "--root") -> Iterator[None]:
    """Holds the root, which `option` named, for one run; the lock goes with the process."""
    layout.root.mkdir(parents=True, exist_ok=True)
    with layout.lock.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InputError(
                "another run is under way in this folder",
                str(layout.root),
                f"wait for it, or name another {option}",
            ) from None
        yield
