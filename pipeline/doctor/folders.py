"""Can a folder be written, and is there room? Tried, not asked: permissions do not tell it all."""

import fcntl
import os
import tempfile
from pathlib import Path

from gptfx.pipeline.doctor.finding import Finding, failure, ok, warning

MB = 1_000_000
# The root of a smoke run takes 7 MB, of a default run 19 MB; a fetched text twice its 5 MB.
NEEDED_BYTES, WANTED_BYTES = 100 * MB, 1000 * MB


def nearest(folder: Path) -> Path:
    """The folder, or the nearest of its parents that is there."""
    return next(path for path in (folder, *folder.parents) if os.path.lexists(path))


def cannot_write(folder: Path) -> str | None:
    """Why nothing can be stored in a folder that is there; None if it can. Leaves no trace."""
    if not folder.is_dir():
        return f"{folder} is not a folder"
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(1 << 16))
            file.flush()
    except OSError as error:
        return f"{folder} cannot be written: {error.strerror or error}"
    return None


def examine_space(name: str, folder: Path, remedy: str) -> Finding:
    """Bytes and entries that are free where `folder` is or will be."""
    state = os.statvfs(nearest(folder))
    free = state.f_bavail * state.f_frsize
    found = f"{free / MB:,.0f} MB free at {nearest(folder)}"
    if state.f_files and not state.f_favail:
        return failure(name, f"{found}, but no room for another file (inodes)", remedy)
    if free < NEEDED_BYTES:
        return failure(name, f"{found}; a run needs {NEEDED_BYTES // MB} MB", remedy)
    if free < WANTED_BYTES:
        return warning(name, f"{found}: enough for a few runs", remedy)
    return ok(name, found)


def is_held(lock: Path) -> bool:
    """Whether a process holds a lock file; a missing one is not made."""
    try:
        with lock.open("rb") as file:
            # Shared, and for a moment only: two doctors do not see each other.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
