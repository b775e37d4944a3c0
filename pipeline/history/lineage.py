"""What a model was made from, down to the files with their hashes, and what was made from those."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from gptfx.data.errors import InputError
from gptfx.modules.export.card import read_card
from gptfx.pipeline.changes import texts_of
from gptfx.pipeline.history.summary import LATEST
from gptfx.pipeline.metadata import Artifact, Metadata, NodeRun

MODEL, PUSHED_MODEL, EXAMPLES = "Model", "PushedModel", "Examples"
SERVED = "Format-Serving"  # where TFX's Model artifacts hold the SavedModel
SHORTEST_ID = 6  # characters of a model's id that are enough to name it


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
    """

    target: Artifact
    up: dict[int, Made] = field(default_factory=dict)
    down: dict[int, Made] = field(default_factory=dict)
    texts: dict[int, list[Text]] = field(default_factory=dict)

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


def find_artifact(metadata: Metadata, name: str) -> Artifact:
    """An artifact by its number, a pushed version, a model's id, a run's id, or `latest`: what was
    pushed last.

    Raises InputError where there is none, or are several.
    """
    if name.isdecimal() and (artifact := metadata.artifact(int(name))):
        return artifact
    if pushed := _pushed(metadata, name):
        return pushed
    if run := metadata.run(name):
        made = {each.type: each for node in run.nodes for each in node.outputs.values()}
        pushed = made.get(PUSHED_MODEL)
        is_pushed = pushed is not None and pushed.properties.get("pushed")
        if found := pushed if is_pushed else _of_trainer(run.nodes):
            return found
        raise InputError("the run made no model", name, "name one that did: gptfx runs list")
    return _by_model_id(metadata, name)


def _of_trainer(nodes: Iterable[NodeRun]) -> Artifact | None:
    return next((node.outputs.get("model") for node in nodes if node.id == "trainer"), None)


def _pushed(metadata: Metadata, name: str) -> Artifact | None:
    """The version of that number, or the latest. Raises InputError where nothing was pushed."""
    pushed = [each for each in metadata.artifacts(PUSHED_MODEL) if each.properties.get("pushed")]
    if name == LATEST and not pushed:
        raise InputError("no model was pushed yet", name, "name an artifact's number")
    return next(
        (each for each in pushed if name in (LATEST, each.properties.get("pushed_version"))), None
    )


def _by_model_id(metadata: Metadata, name: str) -> Artifact:
    """The artifact of a model whose text a reader holds; the models' own cards say their ids."""
    known: dict[str, Artifact] = {}
    for model_id, artifact in model_ids(metadata):
        known.setdefault(model_id, artifact)
    found = {model_id: each for model_id, each in known.items() if model_id == name}
    if not found and len(name) >= SHORTEST_ID:
        found = {model_id: each for model_id, each in known.items() if model_id.startswith(name)}
    if len(found) == 1:
        return next(iter(found.values()))
    remedy = "name an artifact's number, a version, a run's or a model's id, or `latest`"
    if found:
        remedy = f"name one of: {', '.join(found)}"
    raise InputError("several models" if found else "no such artifact", name, remedy)


def model_ids(metadata: Metadata) -> Iterator[tuple[str, Artifact]]:
    """Each model that is there still, with its id; the oldest first, as copies have the same."""
    for artifact in reversed(metadata.artifacts(MODEL)):
        if card := read_card(model_folder(artifact)):
            yield str(card["model_id"]), artifact


def model_folder(artifact: Artifact) -> Path:
    """Where a Model artifact, or a pushed one, has its SavedModel."""
    if artifact.type == PUSHED_MODEL:
        return Path(str(artifact.properties.get("pushed_destination", "")))
    return Path(artifact.uri, SERVED)
