"""What a model was made from, down to the files with their hashes, and what was made from those."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from gptfx.pipeline.changes import texts_of
from gptfx.pipeline.metadata import Metadata
from gptfx.pipeline.records import Artifact, NodeRun, Run
from gptfx.pipeline.times import iso

EXAMPLES = "Examples"  # the type


class Made(NamedTuple):
    """An arrow of the graph: a node made an artifact from others, in a run."""

    artifact: Artifact
    node: NodeRun
    run_id: str | None


class Text(NamedTuple):
    """A file that examples were made from."""

    source: str
    bytes: int
    identity: str


@dataclass
class Lineage:
    """A graph of artifacts around one.

    Attributes:
      target: the artifact that was asked about.
      up: what it was made from, by id: first itself, then the nearest.
      down: what was made from the examples that it goes back to, by id, the oldest first; what is
        in `up` too is in both.
      texts: the files, by the id of the examples; absent where they do not say.
      runs: in which all that was made, by id, the oldest first; without their nodes.
    """

    target: Artifact
    up: dict[int, Made] = field(default_factory=dict)
    down: dict[int, Made] = field(default_factory=dict)
    texts: dict[int, list[Text]] = field(default_factory=dict)
    runs: dict[str, Run] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """For ``gptfx lineage --json``."""
        return {
            "target": self.target.id,
            "up": [_made_as_json(made) for made in self.up.values()],
            "down": [_made_as_json(made) for made in self.down.values()],
            "texts": {
                str(number): [text._asdict() for text in texts]
                for number, texts in self.texts.items()
            },
            "runs": [_run_as_json(run) for run in self.runs.values()],
        }


def _run_as_json(run: Run) -> dict[str, Any]:
    keys = ("gptfx_version", "revision", "user", "host")
    return {
        "run_id": run.id,
        "started": iso(run.started),
        **{key: run.noted.get(key) for key in keys},
    }


def _made_as_json(made: Made) -> dict[str, Any]:
    return {
        "artifact": made.artifact.id,
        "type": made.artifact.type,
        "uri": made.artifact.uri,
        "state": made.artifact.state,
        "node": made.node.id,
        "execution": made.node.execution,
        "run_id": made.run_id,
        "from": {name: artifact.id for name, artifact in made.node.inputs.items()},
    }


def lineage(metadata: Metadata, target: Artifact) -> Lineage:
    """The graph around an artifact."""
    found = Lineage(target)
    layer = [target]
    while layer:
        makers = _makers(metadata, layer)
        found.up |= makers
        inputs = [each for made in makers.values() for each in made.node.inputs.values()]
        layer = [*{each.id: each for each in inputs if each.id not in found.up}.values()]
    roots = [made.artifact for made in found.up.values() if not made.node.inputs]
    for examples in (each for each in roots if each.type == EXAMPLES):
        if (files := texts_of(examples)) is not None:
            found.texts[examples.id] = [Text(*file) for file in files]
    found.down = _descendants(metadata, [each for each in roots if each.type == EXAMPLES])
    ids = {made.run_id: None for made in (*found.up.values(), *found.down.values())}
    runs = (metadata.run_without_nodes(each) for each in ids if each)
    found.runs = {run.id: run for run in sorted(filter(None, runs), key=lambda run: run.started)}
    return found


def _makers(metadata: Metadata, artifacts: Iterable[Artifact]) -> dict[int, Made]:
    by_id = {each.id: each for each in artifacts}
    found = {}
    for number, nodes in metadata.makers(by_id).items():
        if nodes:  # the first made it, the others were given it from the cache
            found[number] = Made(by_id[number], nodes[0], metadata.run_of(nodes[0]))
    return found


def _descendants(metadata: Metadata, artifacts: Iterable[Artifact]) -> dict[int, Made]:
    found: dict[int, Made] = {}
    layer = {each.id: each for each in artifacts}
    while layer:
        takers = metadata.takers(layer)
        nodes = {node.execution: node for some in takers.values() for node in some}
        layer = {}
        for node in nodes.values():
            for artifact in () if node.is_cached else node.outputs.values():
                if artifact.id not in found:
                    found[artifact.id] = Made(artifact, node, metadata.run_of(node))
                    layer[artifact.id] = artifact
    return dict(sorted(found.items()))
