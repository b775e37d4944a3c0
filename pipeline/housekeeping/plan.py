"""What a collection of garbage would remove, found without removing anything."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gptfx.data.errors import InputError
from gptfx.pipeline.history.artifacts import size_of
from gptfx.pipeline.housekeeping.folders import NodeFolder, half_removed, node_folders, own_folder
from gptfx.pipeline.housekeeping.kept import kept_artifacts
from gptfx.pipeline.layout import Layout
from gptfx.pipeline.metadata import Metadata
from gptfx.pipeline.records import CACHED, COMPLETE, LIVE, Artifact

REMOVED = "removed"


@dataclass(frozen=True)
class Plan:
    """What goes.

    Attributes:
      artifacts: that nothing kept descends from, or that were never finished, with their folders.
      lost: kept, as far as the metadata know, but gone from the disk.
      leftovers: folders of executions that were killed, or that no store of the root knows.
      kept: how many artifacts stay.
    """

    artifacts: list[tuple[Artifact, Path]]
    lost: list[Artifact]
    leftovers: list[Path]
    kept: int

    @property
    def bytes(self) -> int:
        """Of all folders together; to be asked before they go."""
        folders = [*(folder for _, folder in self.artifacts), *self.leftovers]
        return sum(size_of(folder) for folder in folders)

    def as_json(self) -> dict[str, Any]:
        """For ``gptfx gc --json``; the keys stay."""
        rows = [
            {"id": each.id, "type": each.type, "uri": str(folder), "bytes": size_of(folder)}
            for each, folder in self.artifacts
        ]
        left = [{"path": str(path), "bytes": size_of(path)} for path in self.leftovers]
        lost = [{"id": each.id, "type": each.type, "uri": each.uri} for each in self.lost]
        return {
            "removed": rows,
            "leftovers": left,
            "lost": lost,
            "kept": self.kept,
            "bytes": self.bytes,
        }


def make_plan(
    layout: Layout, metadata: Metadata, keep: int, stores: Iterable[Metadata] | None
) -> Plan:
    """Of a root that the caller holds, by its store.

    `stores` are all that know of the root's executions; None where one of them cannot be had, and
    no folder is therefore known to be a leftover.
    """
    own = own_artifacts(layout, metadata)
    require_mounted(layout, own)
    keeping = kept_artifacts(metadata, layout, keep)
    kept = [(each, folder) for each, folder in own if each.state == LIVE and each.id in keeping]
    safe, staying = {folder for _, folder in kept}, {each.id for each, _ in kept}
    others = ((each, folder) for each, folder in own if each.id not in staying)
    going = [(each, folder) for each, folder in others if folder not in safe]
    named = safe | {folder for _, folder in going}
    return Plan(
        going,
        [each for each, folder in kept if not folder.is_dir()],
        [*half_removed(layout), *leftovers(layout, stores, named)],
        len(kept),
    )


def own_artifacts(layout: Layout, metadata: Metadata) -> list[tuple[Artifact, Path]]:
    """Those that lie below the root's pipelines, and were not removed."""
    found = ((each, own_folder(layout, each.uri)) for each in metadata.artifacts())
    return [(each, folder) for each, folder in found if folder and each.state != REMOVED]


def require_mounted(layout: Layout, own: list[tuple[Artifact, Path]]) -> None:
    """Raises InputError where not one artifact is on the disk, as of a volume that is not there."""
    if own and not any(folder.is_dir() for _, folder in own):
        problem = f"none of the {len(own)} artifacts of this root is on the disk"
        raise InputError(problem, str(layout.all_artifacts), "is its volume mounted?")


def leftovers(layout: Layout, stores: Iterable[Metadata] | None, named: set[Path]) -> list[Path]:
    """Folders that are none of `named`, of executions that were killed or that no store knows."""
    if stores is None:
        return []
    found = [each for each in node_folders(layout) if each.path not in named]
    for store in stores:
        nodes = store.nodes({each.execution for each in found})
        found = [each for each in found if not _is_known(each, nodes)]
    return [each.path for each in found]


def _is_known(folder: NodeFolder, nodes: dict[int, Any]) -> bool:
    """Whether a store has the execution, finished; the number may be another node's in it."""
    node = nodes.get(folder.execution)
    return node is not None and node.id == folder.node and node.state in (COMPLETE, CACHED)
