"""What killed runs and commands left behind. The next passes over it or replaces it; it only takes
room.
"""

import re
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from gptfx.pipeline.doctor.finding import Finding, ok, warning
from gptfx.pipeline.doctor.folders import is_held
from gptfx.pipeline.layout import Layout
from gptfx.pipeline.sqlite_store import connect

# Nodes that were at work when their run was killed; 2 is ml_metadata's Execution.RUNNING.
UNFINISHED = """
    SELECT Execution.id, Context.name FROM Execution
    JOIN Association ON Association.execution_id = Execution.id
    JOIN Context ON Context.id = Association.context_id
    JOIN Type ON Type.id = Context.type_id
    WHERE Execution.last_known_state = 2 AND Type.name = 'node' ORDER BY Execution.id
"""


def examine_leftovers(layout: Layout, home: Path) -> Finding:
    """Paths that no run needs, their size, and the command that removes them."""
    name = "leftovers"
    if is_held(layout.lock):
        return ok(name, "not looked for while a run is under way")
    sizes = {path: _size(path) for path in (*_in_root(layout), *_in_home(home / "corpora"))}
    if not sizes:
        return ok(name, "none of killed runs")
    found = f"{len(sizes)} of killed runs, {sum(sizes.values()):,} bytes; runs work all the same"
    return warning(name, found, "rm -r " + " ".join(shlex.quote(str(path)) for path in sizes))


def _in_root(layout: Layout) -> Iterator[Path]:
    yield from _matching(layout.all_serving, "*/.*", r"\.\d+\.(partial|pruned)")
    yield from _matching(layout.all_artifacts, "*/*/*/.*", r"\.\d+\.removed")
    # The folders of a node that was killed before it wrote anything are no more than folders.
    unfinished = [path for path in _unfinished(layout) if _size(path)]
    yield from unfinished
    for path in sorted(layout.all_artifacts.glob("**/beam-temp-*")):
        if not any(path.is_relative_to(folder) for folder in unfinished):
            yield path


def _unfinished(layout: Layout) -> Iterator[Path]:
    """Folders of half-made outputs: ``PIPELINE/NODE/OUTPUT/EXECUTION``."""
    try:
        with closing(connect(layout.metadata)) as database:
            rows = database.execute(UNFINISHED).fetchall()
    except sqlite3.Error:  # missing, empty or damaged, which another finding says
        return
    for execution, context in rows:
        node = layout.all_artifacts.joinpath(*context.split(".", 1))
        yield from sorted(node.glob(f"*/{execution}"))
        yield from sorted(node.glob(f".system/executor_execution/{execution}"))


def _in_home(corpora: Path) -> Iterator[Path]:
    """What killed fetches left; one that is under way holds the lock of its text."""
    for path in _matching(corpora, ".*-*", r"\..+-[^-]+"):
        text = path.name[1:].rpartition("-")[0]
        if path.is_dir() and not is_held(corpora / f".{text}.lock"):
            yield path


def _matching(folder: Path, pattern: str, name: str) -> Iterator[Path]:
    yield from (path for path in sorted(folder.glob(pattern)) if re.fullmatch(name, path.name))


def _size(path: Path) -> int:
    inside = path.rglob("*") if path.is_dir() else [path]
    return sum(file.lstat().st_size for file in inside if not file.is_dir())
