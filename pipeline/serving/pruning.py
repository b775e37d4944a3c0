"""Old versions go, so that a disk does not fill; never what is served, or could be served next."""

import json
from pathlib import Path
from typing import Any, NamedTuple

from gptfx.modules.export.versions import Version, versions
from gptfx.pipeline.history.artifacts import size_of
from gptfx.pipeline.layout import Layout
from gptfx.pipeline.run_record import user
from gptfx.pipeline.serving.choosing import serving_folders
from gptfx.pipeline.serving.desk import Desk
from gptfx.pipeline.serving.mending import remove_hidden
from gptfx.pipeline.serving.record import PRUNE, SERVING
from gptfx.pipeline.serving.rollback import earlier
from gptfx.pipeline.times import now


class Pruned(NamedTuple):
    """A version that went, or would go."""

    version: Version
    bytes: int

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "version": str(self.version.number),
            "preset": self.version.folder.parent.name,
            "model_dir": str(self.version.folder),
            "model_id": self.version.model_id,
            "bytes": self.bytes,
        }


def prunable(layout: Layout, keep: int, preset: str | None = None) -> list[Pruned]:
    """All but the newest `keep` of each preset, and but what a rollback would go back to, unless
    only one is to stay. Raises InputError where nothing was pushed.
    """
    found = []
    for folder in serving_folders(layout, preset):
        spare = earlier(folder) if keep > 1 else None
        old = [version for version in versions(folder)[:-keep] if version != spare]
        found += [Pruned(version, size_of(version.folder)) for version in old]
    return found


def prune(desk: Desk, keep: int, preset: str | None = None) -> list[Pruned]:
    """Removes them. Each is renamed first: a reader finds a version whole or not at all."""
    found = prunable(desk.layout, keep, preset)
    for serving in serving_folders(desk.layout, preset):
        remove_hidden(serving)
        old = [each.version.folder for each in found if each.version.folder.parent == serving]
        if old:
            entry = desk.record.begin(PRUNE, _facts(serving, old, keep))
            for folder in old:
                folder.rename(folder.with_name(f".{folder.name}.pruned"))
                remove_hidden(serving)
            desk.record.end(entry)
    return found


def _facts(serving: Path, old: list[Path], keep: int) -> dict[str, Any]:
    versions_removed = json.dumps([folder.name for folder in old])
    told = {"by": user(), "at": now(), "keep": keep}
    return {SERVING: str(serving), "versions": versions_removed, **told}
