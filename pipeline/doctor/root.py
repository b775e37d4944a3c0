"""The root of the run: can it be written, is it taken, is its metadata sound?"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from gptfx.pipeline.doctor.finding import Finding, failure, ok, warning
from gptfx.pipeline.doctor.folders import cannot_write, examine_space, is_held, nearest
from gptfx.pipeline.layout import Layout
from gptfx.pipeline.sqlite_store import connect, has_journal, is_busy

ANOTHER = "name another --root"


def examine_root(layout: Layout) -> Iterator[Finding]:
    """Everything about the root but what killed runs left in it. Makes nothing there."""
    yield _examine_writing(layout)
    yield examine_space("disk", layout.root, f"free space there, or {ANOTHER}")
    if is_held(layout.lock):
        found = f"one is under way in {layout.root}"
        yield failure("other run", found, f"wait for it, or {ANOTHER}")
        return
    yield ok("other run", "none in this root")
    yield _examine_metadata(layout.metadata)


def _examine_writing(layout: Layout) -> Finding:
    inside = (layout.logs, layout.all_serving, layout.all_artifacts)
    for folder in (nearest(layout.root), *(path for path in inside if path.exists())):
        if reason := cannot_write(folder):
            return failure("root", reason, ANOTHER)
    for file in (layout.lock, layout.metadata):
        try:
            if file.exists():
                file.open("r+b").close()
        except OSError as error:
            return failure("root", f"{file} cannot be written: {error.strerror}", ANOTHER)
    state = "can be written" if layout.root.exists() else "is not there yet and can be made"
    return ok("root", f"{layout.root} {state}")


def _examine_metadata(path: Path) -> Finding:
    if not path.exists():
        return ok("metadata", "none yet")
    aside = f"move it away (what was pushed stays, the cache is lost), or {ANOTHER}"
    try:
        with closing(connect(path)) as database:
            verdict = database.execute("PRAGMA quick_check(1)").fetchone()[0]
            runs = database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    except sqlite3.Error as error:
        if is_busy(error):
            return warning("metadata", f"{path}: somebody is writing it", "wait, and ask again")
        if isinstance(error, sqlite3.OperationalError) and has_journal(path):
            return ok("metadata", "a killed process left a journal; the next command takes it back")
        return failure("metadata", f"{path}: {error}", aside)
    if verdict != "ok":
        return failure("metadata", f"{path} is damaged: {verdict}", aside)
    return ok("metadata", f"{path.name} is sound" if runs else f"{path.name} is empty")
