"""Where a pushed version came from: the node or command that laid it down, the model, its run."""

from pathlib import Path

from gptfx.components.model_card.pages import PAGE, README
from gptfx.pipeline.metadata import Metadata
from gptfx.pipeline.records import Artifact, NodeRun
from gptfx.pipeline.serving.record import DESTINATION, MODEL, PUSHED, PUSHED_MODEL, entries


def origins(metadata: Metadata) -> dict[str, NodeRun]:
    """By the folder of a version, what laid it down: GatedPusher, or an entry of a command.

    Entries count first: a run that finds its model served already tells of the same folder, too.
    """
    pushed = {
        each.id: str(each.properties[DESTINATION])
        for each in metadata.artifacts(PUSHED_MODEL)
        if each.properties.get(PUSHED)
    }
    makers = metadata.makers(pushed)
    found = {folder: makers[number][0] for number, folder in pushed.items() if makers[number]}
    by_hand = (entry for entry in entries(metadata) if DESTINATION in entry.parameters)
    return found | {entry.parameters[DESTINATION]: entry for entry in by_hand}


def model_of(metadata: Metadata, origin: NodeRun) -> Artifact | None:
    """The Model artifact that a version was made of; None where the metadata know none."""
    if model := origin.inputs.get("model"):
        return model
    number = origin.parameters.get(MODEL)  # an entry that was not ended
    return metadata.artifact(int(number)) if number else None


def pages_of(
    metadata: Metadata, model: Artifact | None, run_id: str | None = None
) -> dict[str, bytes]:
    """The pages of a model's card, by name, as far as they are there: of a run's, or the newest."""
    takers = metadata.takers([model.id])[model.id] if model else []
    nodes = [node for node in takers if "card" in node.outputs]
    if run_id is not None:
        nodes = [node for node in nodes if metadata.run_of(node) == run_id]
    return pages_in(Path(nodes[-1].outputs["card"].uri)) if nodes else {}


def pages_in(folder: Path) -> dict[str, bytes]:
    """Those that lie in a folder."""
    paths = [path for name in (README, PAGE) if (path := folder / name).is_file()]
    return {path.name: path.read_bytes() for path in paths}
