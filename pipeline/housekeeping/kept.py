"""What is kept of a root's artifacts: that of the newest runs, and all that models were made of."""

import os
from collections import defaultdict
from collections.abc import Iterable

from gptfx.modules.export.versions import Version, versions
from gptfx.pipeline.history.artifacts import model_ids
from gptfx.pipeline.housekeeping.folders import own_folder
from gptfx.pipeline.layout import Layout
from gptfx.pipeline.metadata import Metadata
from gptfx.pipeline.records import NodeRun, Run
from gptfx.pipeline.serving.origin import model_of, origins


def kept_artifacts(metadata: Metadata, layout: Layout, keep: int) -> set[int]:
    """The numbers of what the `keep` newest runs of each pipeline made, or were given from the
    cache; of the pushed models that are there; and of everything that those descend from.
    """
    nodes = [node for run in newest_runs(metadata, layout, keep) for node in run.nodes]
    return _with_ancestors(metadata, _of_nodes(nodes) | _of_versions(metadata, layout))


def newest_runs(metadata: Metadata, layout: Layout, keep: int) -> list[Run]:
    """The newest of each pipeline in this root, with their nodes."""
    found: dict[str, list[Run]] = defaultdict(list)
    for run in own_runs(metadata, layout):
        if len(found[run.pipeline]) < keep:
            found[run.pipeline].append(run)
    return [run for runs in found.values() for run in runs]


def own_runs(metadata: Metadata, layout: Layout) -> list[Run]:
    """The runs of this root, the newest first; a shared store knows of others."""
    real = os.path.realpath(layout.root)
    possible = [
        run
        for run in metadata.runs()
        if "root" not in run.noted or os.path.realpath(run.noted["root"]) == real
    ]
    told = metadata.with_all_nodes(possible)
    return [run for run in told if "root" in run.noted or _made_here(run, layout)]


def _made_here(run: Run, layout: Layout) -> bool:
    made = (artifact for node in run.nodes for artifact in node.outputs.values())
    return any(own_folder(layout, artifact.uri) for artifact in made)


def _of_nodes(nodes: Iterable[NodeRun]) -> set[int]:
    sides = [side for node in nodes for side in (node.inputs, node.outputs)]
    return {artifact.id for side in sides for artifact in side.values()}


def _of_versions(metadata: Metadata, layout: Layout) -> set[int]:
    """What each version in the serving folders was made of, withdrawn ones included."""
    known, found, untold = origins(metadata), set(), set()
    for version in all_versions(layout):
        origin = known.get(str(version.folder))
        if origin is None:
            untold.add(version.model_id)
            continue
        model = model_of(metadata, origin)
        found |= _of_nodes([origin]) | ({model.id} if model else set())
    if untold:
        found |= {artifact.id for model_id, artifact in model_ids(metadata) if model_id in untold}
    return found


def all_versions(layout: Layout) -> list[Version]:
    """Those of every preset."""
    return [each for folder in sorted(layout.all_serving.glob("*")) for each in versions(folder)]


def _with_ancestors(metadata: Metadata, artifacts: set[int]) -> set[int]:
    found, layer = set(artifacts), set(artifacts)
    while layer:
        makers = [node for nodes in metadata.makers(layer).values() for node in nodes]
        inputs = {artifact.id for node in makers for artifact in node.inputs.values()}
        layer = inputs - found
        found |= layer
    return found
