"""The folders that nodes made below a root's ``pipelines``; no other is ever touched.

TFX gives an output the folder ``PIPELINE/NODE/OUTPUT/EXECUTION``, and an execution of a node that
was killed leaves some in ``PIPELINE/NODE/.system``. What is to be removed is renamed to
``.EXECUTION.removed`` first, so that nothing with a number is ever half there.
"""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from gptfx.pipeline.layout import Layout

DEPTH = 4  # parts of a folder's path below `pipelines`
SYSTEM, OF_EXECUTIONS = ".system", "executor_execution"


class NodeFolder(NamedTuple):
    """A folder, the node that made it, and the number of the execution."""

    path: Path
    pipeline: str
    node: str
    execution: int


def own_folder(layout: Layout, uri: str) -> Path | None:
    """The folder of an output of this root; None for whatever else a URI may name.

    Neither ``..`` nor a link leads out: below `pipelines` the path is what it says.
    """
    path = Path(uri)
    if not path.is_absolute() or ".." in path.parts or len(path.parts) <= DEPTH:
        return None
    real = os.path.realpath(layout.all_artifacts)
    tail = path.parts[-DEPTH:]
    is_below = os.path.realpath(path.parents[DEPTH - 1]) == real
    if not is_below or os.path.realpath(path) != os.path.join(real, *tail):
        return None
    return layout.all_artifacts.joinpath(*tail) if _is_number(tail[-1]) else None


def node_folders(layout: Layout) -> Iterator[NodeFolder]:
    """All that are there; links are passed over."""
    for pipeline in _inside(layout.all_artifacts):
        for node in _inside(pipeline):
            outputs = [each for each in _inside(node) if each.name != SYSTEM]
            for output in (*outputs, node / SYSTEM / OF_EXECUTIONS):
                for folder in _inside(output):
                    if _is_number(folder.name):
                        yield NodeFolder(folder, pipeline.name, node.name, int(folder.name))


def half_removed(layout: Layout) -> list[Path]:
    """What was renamed, when a removal was killed."""
    found = []
    for pipeline in _inside(layout.all_artifacts):
        for output in (each for node in _inside(pipeline) for each in _inside(node)):
            hidden = (each for each in _inside(output) if each.name.startswith("."))
            found += [each for each in hidden if each.name.endswith(".removed")]
    return found


def remove(folder: Path) -> None:
    """Removes a folder, at once for who looks for its number; and parents that are empty then."""
    if not folder.name.startswith("."):
        hidden = folder.with_name(f".{folder.name}.removed")
        if hidden.exists():
            shutil.rmtree(hidden)
        folder = folder.rename(hidden)
    shutil.rmtree(folder)


def remove_empty(layout: Layout, folder: Path) -> None:
    """The parents of a folder that was removed, up to its pipeline's, as far as they are empty."""
    for parent in folder.parents:
        if parent == layout.all_artifacts or not parent.is_dir():
            return
        if parent.parent.parent == layout.all_artifacts:  # of a node
            _remove_empty_inside(parent)
        if any(parent.iterdir()):
            return
        parent.rmdir()


def _remove_empty_inside(node: Path) -> None:
    """TFX's own folders, and that of checkpoints, where no output and no file is left."""
    is_known = {each.name for each in node.iterdir()} <= {SYSTEM, "checkpoints"}
    if is_known and not any(path.is_symlink() or path.is_file() for path in node.rglob("*")):
        for each in node.iterdir():
            shutil.rmtree(each)


def _inside(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(each for each in folder.iterdir() if each.is_dir() and not each.is_symlink())


def _is_number(name: str) -> bool:
    return name.isascii() and name.isdecimal()
