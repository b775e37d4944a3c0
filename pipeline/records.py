"""What ML Metadata files, as it is read here: a run, a node in it, an artifact."""

from dataclasses import dataclass
from typing import Any

from google.protobuf import json_format
from ml_metadata.proto import metadata_store_pb2 as mlmd

ON_CLUSTERS = "tfx."  # before the names of TFX's own types of artifacts
COMPLETE, CACHED, FAILED, RUNNING = "complete", "cached", "failed", "running"
STATES = {
    mlmd.Execution.COMPLETE: COMPLETE,
    mlmd.Execution.CACHED: CACHED,
    mlmd.Execution.FAILED: FAILED,
    mlmd.Execution.RUNNING: RUNNING,
    mlmd.Execution.CANCELED: "canceled",
}
LIVE = "live"
ARTIFACT_STATES = {
    mlmd.Artifact.LIVE: LIVE,
    mlmd.Artifact.UNKNOWN: LIVE,  # Kubeflow does not say
    mlmd.Artifact.PENDING: "pending",
    mlmd.Artifact.MARKED_FOR_DELETION: "being removed",
    mlmd.Artifact.DELETED: "removed",
    mlmd.Artifact.ABANDONED: "abandoned",
}


@dataclass(frozen=True)
class Artifact:
    """Something that a node made, or was given.

    Attributes:
      id: its number in the store.
      type: `Examples`, `Model`, `gptfx.Tokenizer` ...
      uri: where it lies.
      state: `live`; `pending` where its node did not finish; `removed`.
      properties: what its node noted about it.
      created: seconds since 1970.
    """

    id: int
    type: str
    uri: str
    state: str
    properties: dict[str, Any]
    created: float


@dataclass(frozen=True)
class NodeRun:
    """A node in a run.

    Attributes:
      id: the node's name in the pipeline.
      execution: its number in the store.
      state: `complete`, `cached`, `failed`, `running` (also: killed) or `canceled`.
      started: seconds since 1970.
      seconds: between the first and the last entry about it in the metadata.
      parameters: what it was told.
      inputs, outputs: its artifacts, by name; the last, where there are several.
    """

    id: str
    execution: int
    state: str
    started: float
    seconds: float
    parameters: dict[str, Any]
    inputs: dict[str, Artifact]
    outputs: dict[str, Artifact]

    @property
    def is_cached(self) -> bool:
        """Whether the node was taken from the cache."""
        return self.state == CACHED


@dataclass(frozen=True)
class Run:
    """A run: its id, its nodes in the order in which they started.

    Attributes:
      id: its name in the store.
      pipeline: the name of its pipeline.
      noted: what `gptfx run` wrote down about it (see ``run_record.py``); empty on a cluster.
      started: seconds since 1970.
      nodes: empty if they were not asked for.
      number: of its context in the store; None where it has none.
    """

    id: str
    pipeline: str
    noted: dict[str, Any]
    started: float
    nodes: tuple[NodeRun, ...] = ()
    number: int | None = None

    def node(self, name: str) -> NodeRun | None:
        """The node of that name, if the run reached it."""
        return next((node for node in self.nodes if node.id == name), None)


def node_of(
    execution: mlmd.Execution,
    name: str,
    inputs: dict[str, Artifact],
    outputs: dict[str, Artifact],
) -> NodeRun:
    """An execution as it is read here."""
    created, updated = execution.create_time_since_epoch, execution.last_update_time_since_epoch
    return NodeRun(
        name,
        execution.id,
        STATES.get(execution.last_known_state, "unknown"),
        created / 1000,
        (updated - created) / 1000,
        {**plain(execution.properties), **plain(execution.custom_properties)},
        inputs,
        outputs,
    )


def artifact_of(artifact: mlmd.Artifact) -> Artifact:
    """An artifact as it is read here."""
    return Artifact(
        artifact.id,
        artifact.type.removeprefix(ON_CLUSTERS),
        artifact.uri,
        ARTIFACT_STATES.get(artifact.state, "unknown"),
        {**plain(artifact.properties), **plain(artifact.custom_properties)},
        artifact.create_time_since_epoch / 1000,
    )


def plain(values: Any) -> dict[str, Any]:
    """Properties as Python's own values."""
    return {name: _value(value) for name, value in values.items()}


def _value(value: mlmd.Value) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    found = getattr(value, kind)
    if kind == "struct_value":
        found = json_format.MessageToDict(found)
        return found.get("__value__", found)  # TFX wraps what is no mapping
    return str(found) if kind == "proto_value" else found
