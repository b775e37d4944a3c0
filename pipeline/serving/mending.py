"""What a killed command left of a change to the pushed models is finished, or taken back.

The steps of a change, each whole or not at all, and what the next command does if it was the last:

1. the entry in the metadata is begun          given up: nothing was changed
2. of a rollback: the model is noted as withdrawn         the note is lifted, given up
3. the folder is copied to ``.N.partial``      removed, and as 2
4. it is renamed to N: readers take it         finished, as are all that follow
5. of a promotion: the note about the model is lifted
6. the entry is ended, with an artifact for the version

At every moment the newest version is whole. Of a prune, a version is renamed to ``.N.pruned`` and
then removed: what has the hidden name goes, what has its number stays, and the entry is ended.
"""

import shutil
from pathlib import Path
from typing import Any

from gptfx.modules.export.withdrawn import lift, withdrawal_of
from gptfx.pipeline.layout import Layout
from gptfx.pipeline.metadata import Metadata
from gptfx.pipeline.records import RUNNING, NodeRun
from gptfx.pipeline.serving.record import (
    DESTINATION,
    PROMOTION,
    PRUNE,
    SERVING,
    VERSION,
    ModelRecord,
    entries,
)


def mend(layout: Layout, metadata: Metadata, record: ModelRecord) -> list[NodeRun]:
    """Of the root alone, which the caller holds; the entries that were finished."""
    return [entry for entry in unfinished(layout, metadata) if _is_finished(entry, record)]


def unfinished(layout: Layout, metadata: Metadata) -> list[NodeRun]:
    """Entries about this root's models that were begun, and not ended."""
    begun = (entry for entry in entries(metadata) if entry.state == RUNNING)
    return [entry for entry in begun if _is_about(layout, entry.parameters)]


def _is_about(layout: Layout, facts: dict[str, Any]) -> bool:
    """Whether an entry names a folder of this root, and a version in it; or no version at all."""
    serving = Path(facts[SERVING])
    is_here = serving.name != ".." and serving.parent == layout.all_serving
    number = str(facts.get(VERSION, 0))
    target = str(serving / number)
    return is_here and number.isdecimal() and facts.get(DESTINATION, target) == target


def _is_finished(entry: NodeRun, record: ModelRecord) -> bool:
    serving, model_id = Path(entry.parameters[SERVING]), str(entry.parameters.get("model_id"))
    if entry.id == PRUNE:
        remove_hidden(serving)
    elif not (target := Path(entry.parameters[DESTINATION])).exists():
        _take_back(entry, serving)
        shutil.rmtree(target.with_name(f".{target.name}.partial"), ignore_errors=True)
        record.give_up(entry.execution)
        return False
    elif entry.id == PROMOTION:
        lift(serving, model_id)
    record.end(entry.execution)
    return True


def _take_back(entry: NodeRun, serving: Path) -> None:
    """Lifts the note that this very entry left, and no other's."""
    if model_id := entry.parameters.get("withdraws"):
        note = withdrawal_of(serving, str(model_id))
        if note and note.at == entry.parameters["at"]:
            lift(serving, str(model_id))


def remove_hidden(serving: Path) -> list[Path]:
    """Removes what a killed prune or push left; nobody reads it."""
    found = [*serving.glob(".*.pruned"), *serving.glob(".*.partial")]
    for folder in found:
        shutil.rmtree(folder)
    return found
