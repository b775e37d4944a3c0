"""What the gates said of a model."""

from gptfx.pipeline.history.derived import reasons
from gptfx.pipeline.history.summary import summarize
from gptfx.pipeline.metadata import Metadata
from gptfx.pipeline.records import Artifact, NodeRun

INFRA = "infra_blessing"
GATES = {  # the pusher's inputs (see components/blessings.py), in words
    "blessing": "the gate with the absolute bound refused it",
    "regression_blessing": "the gate against the last blessed model refused it",
    INFRA: "infra validation refused it",
}
UNKNOWN = "the metadata do not know what the gates said of it"
UNJUDGED = "its run did not come to all of its gates"


def refusals(metadata: Metadata, model: Artifact | None, run_id: str | None = None) -> list[str]:
    """Why the gates refused a model, a line each; empty where all of them blessed it.

    Those of a run count, or of the last that handed the model and the verdicts to its pusher.
    """
    if model is None:
        return [UNKNOWN]
    judged = _judged(metadata, model, run_id)
    if judged is None:
        return [UNJUDGED]
    against = [name for name in GATES if name in judged.inputs and not _blessed(judged, name)]
    if not against:
        return []
    noted = _noted(metadata, judged)
    said = [line for name in against for line in reasons(_verdict(judged, name))]
    return noted or said or [GATES[name] for name in against]


def infra_refused(metadata: Metadata, model: Artifact | None, run_id: str | None = None) -> bool:
    """Whether it did not answer as it must, in a process of its own."""
    judged = _judged(metadata, model, run_id) if model else None
    return judged is not None and INFRA in judged.inputs and not _blessed(judged, INFRA)


def _judged(metadata: Metadata, model: Artifact, run_id: str | None) -> NodeRun | None:
    """The last node that was handed the model together with what every gate said of it."""
    nodes = [node for node in metadata.takers([model.id])[model.id] if "blessing" in node.inputs]
    if run_id is not None:
        nodes = [node for node in nodes if metadata.run_of(node) == run_id]
    return nodes[-1] if nodes else None


def _verdict(judged: NodeRun, name: str) -> dict:
    properties = judged.inputs[name].properties
    return {**properties, "blessed": bool(properties.get("blessed"))}


def _blessed(judged: NodeRun, name: str) -> bool:
    return bool(_verdict(judged, name)["blessed"])


def _noted(metadata: Metadata, judged: NodeRun) -> list[str]:
    """What `gptfx run` noted, which has the figures."""
    run_id = metadata.run_of(judged)
    run = metadata.run(run_id) if run_id else None
    return summarize(run).refused if run else []
