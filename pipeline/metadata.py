"""What ML Metadata knows: runs, their nodes, artifacts, and what was made from what.

One way to read every store (``stores.py``), and to read only: nothing here writes. TFX on a machine
and Kubeflow Pipelines on a cluster file the same things under different names; both are understood.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from google.protobuf import json_format
from ml_metadata import errors
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

from gptfx.pipeline.stores import (
    SERVICE,
    StoreAddress,
    cannot_be_had,
    connection,
    require_store,
)

RUN_TYPES = ("pipeline_run", "system.PipelineRun")  # of contexts: TFX's, Kubeflow's
PIPELINE_TYPES = ("pipeline", "system.Pipeline")
NODE_TYPE = "node"  # TFX's; Kubeflow's executions say `task_name` themselves
TASK_NAME, GROUP_TYPE = "task_name", "system.DAGExecution"  # which holds nodes, and is none
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
MADE, TAKEN = (
    (mlmd.Event.OUTPUT, mlmd.Event.DECLARED_OUTPUT, mlmd.Event.INTERNAL_OUTPUT),
    (mlmd.Event.INPUT, mlmd.Event.DECLARED_INPUT, mlmd.Event.INTERNAL_INPUT),
)


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
    """

    id: str
    pipeline: str
    noted: dict[str, Any]
    started: float
    nodes: tuple[NodeRun, ...] = ()

    def node(self, name: str) -> NodeRun | None:
        """The node of that name, if the run reached it."""
        return next((node for node in self.nodes if node.id == name), None)


def open_metadata(address: StoreAddress) -> "Metadata":
    """The store at an address. Raises InputError where there is none; none is made."""
    require_store(address)
    try:
        opened = metadata_store.MetadataStore(connection(address))
        if address.scheme == SERVICE:  # which is not asked before the first question
            opened.get_context_types()
    except (errors.StatusError, RuntimeError) as error:
        raise cannot_be_had(str(error), address) from None
    return Metadata(opened)


class Metadata:
    """A store, for reading."""

    def __init__(self, store: metadata_store.MetadataStore) -> None:
        self._store = store

    def runs(self, pipeline: str | None = None) -> Iterator[Run]:
        """Runs, the newest first, without their nodes; of one pipeline, or of all."""
        for context in self._run_contexts():
            run = self._run(context)
            if pipeline in (None, run.pipeline):
                yield run

    def run(self, run_id: str) -> Run | None:
        """A run with its nodes; None if there is none of that id."""
        for kind in RUN_TYPES:
            if context := self._store.get_context_by_type_and_name(kind, run_id):
                return self.with_nodes(self._run(context))
        return None

    def last_run(self, pipeline: str) -> Run | None:
        """The newest run of a pipeline, with its nodes; None if there is none."""
        return next((self.with_nodes(run) for run in self.runs(pipeline)), None)

    def last_output(self, pipeline: str, node: str, output: str) -> Artifact | None:
        """What a node made, or was given from the cache, in the last run that had it finish."""
        for run in self.runs(pipeline):
            found = self.with_nodes(run).node(node)
            artifact = found.outputs.get(output) if found else None
            if artifact and artifact.state == LIVE:
                return artifact
        return None

    def with_nodes(self, run: Run) -> Run:
        """The same with its nodes."""
        return next(self.with_all_nodes([run]))

    def with_all_nodes(self, runs: Sequence[Run]) -> Iterator[Run]:
        """The same for many, which takes few more questions to the store than one."""
        found = {run.id: self._executions_of(run) for run in runs}
        nodes = {node.execution: node for node in self._nodes([*chain(*found.values())])}
        for run in runs:
            of_run = [nodes[each.id] for each in found[run.id]]
            yield Run(run.id, run.pipeline, run.noted, run.started, tuple(of_run))

    def artifacts(self, kind: str | None = None) -> list[Artifact]:
        """All, the newest first; or those of a type."""
        if kind is None:
            found = self._store.get_artifacts()
        else:
            names = (kind, f"{ON_CLUSTERS}{kind}")
            found = [each for name in names for each in self._store.get_artifacts_by_type(name)]
        return [_artifact(each) for each in sorted(found, key=lambda each: -each.id)]

    def artifact(self, number: int) -> Artifact | None:
        """The artifact of that number."""
        return next((_artifact(each) for each in self._store.get_artifacts_by_id([number])), None)

    def makers(self, artifacts: Iterable[int]) -> dict[int, list[NodeRun]]:
        """By artifact, the nodes that made it: first the one that did, then those that were given
        it from the cache."""
        return self._around(list(artifacts), MADE)

    def takers(self, artifacts: Iterable[int]) -> dict[int, list[NodeRun]]:
        """By artifact, the nodes that it was handed to."""
        return self._around(list(artifacts), TAKEN)

    def nodes_of_type(self, kind: str) -> list[NodeRun]:
        """The executions of a type, the oldest first."""
        found = self._store.get_executions_by_type(kind)
        return self._nodes(sorted(found, key=lambda each: each.id))

    def nodes(self, executions: Iterable[int]) -> dict[int, NodeRun]:
        """The nodes of those executions that the store has, by their numbers."""
        numbers = sorted(executions)
        found = self._store.get_executions_by_id(numbers) if numbers else []
        return {node.execution: node for node in self._nodes(found)}

    def run_of(self, node: NodeRun) -> str | None:
        """The id of the run that a node was in."""
        contexts = self._store.get_contexts_by_execution(node.execution)
        return next((context.name for context in contexts if context.type in RUN_TYPES), None)

    def _run_contexts(self) -> list[mlmd.Context]:
        found = [each for kind in RUN_TYPES for each in self._store.get_contexts_by_type(kind)]
        return sorted(found, key=lambda context: -context.id)

    def _run(self, context: mlmd.Context) -> Run:
        noted = {} if context.type != RUN_TYPES[0] else _plain(context.custom_properties)
        started = context.create_time_since_epoch / 1000
        pipeline = noted.get("pipeline") or self._pipeline_of(context)
        return Run(context.name, pipeline, noted, started)

    def _pipeline_of(self, context: mlmd.Context) -> str:
        parents = self._store.get_parent_contexts_by_context(context.id)
        return next((each.name for each in parents if each.type in PIPELINE_TYPES), "")

    def _executions_of(self, run: Run) -> list[mlmd.Execution]:
        for kind in RUN_TYPES:
            if context := self._store.get_context_by_type_and_name(kind, run.id):
                found = self._store.get_executions_by_context(context.id)
                nodes = (each for each in found if each.type != GROUP_TYPE)
                return sorted(nodes, key=lambda each: each.id)
        return []

    def _nodes(self, executions: Sequence[mlmd.Execution]) -> list[NodeRun]:
        numbers = [each.id for each in executions]
        events = self._store.get_events_by_execution_ids(numbers) if numbers else []
        wanted = sorted({event.artifact_id for event in events})
        found = self._store.get_artifacts_by_id(wanted) if wanted else []
        artifacts = {each.id: _artifact(each) for each in found}
        sides: dict[tuple[int, bool], dict[str, Artifact]] = defaultdict(dict)
        for event in events:
            if event.artifact_id in artifacts and event.type in (*MADE, *TAKEN):
                side = sides[event.execution_id, event.type in MADE]
                side[event.path.steps[0].key] = artifacts[event.artifact_id]
        return [
            _node(each, self._node_id(each), sides[each.id, False], sides[each.id, True])
            for each in executions
        ]

    def _node_id(self, execution: mlmd.Execution) -> str:
        if TASK_NAME in execution.custom_properties:
            return execution.custom_properties[TASK_NAME].string_value
        for context in self._store.get_contexts_by_execution(execution.id):
            if context.type == NODE_TYPE:  # named PIPELINE.NODE
                return context.name.partition(".")[2]
        return execution.type

    def _around(self, artifacts: list[int], side: tuple[int, ...]) -> dict[int, list[NodeRun]]:
        events = self._store.get_events_by_artifact_ids(artifacts) if artifacts else []
        events = [event for event in events if event.type in side]
        numbers = sorted({event.execution_id for event in events})
        executions = self._store.get_executions_by_id(numbers) if numbers else []
        nodes = {node.execution: node for node in self._nodes(executions)}
        found: dict[int, list[NodeRun]] = {number: [] for number in artifacts}
        for event in sorted(events, key=lambda event: event.execution_id):
            found[event.artifact_id].append(nodes[event.execution_id])
        return found


def _node(
    execution: mlmd.Execution,
    name: str,
    inputs: dict[str, Artifact],
    outputs: dict[str, Artifact],
) -> NodeRun:
    created, updated = execution.create_time_since_epoch, execution.last_update_time_since_epoch
    return NodeRun(
        name,
        execution.id,
        STATES.get(execution.last_known_state, "unknown"),
        created / 1000,
        (updated - created) / 1000,
        {**_plain(execution.properties), **_plain(execution.custom_properties)},
        inputs,
        outputs,
    )


def _artifact(artifact: mlmd.Artifact) -> Artifact:
    return Artifact(
        artifact.id,
        artifact.type.removeprefix(ON_CLUSTERS),
        artifact.uri,
        ARTIFACT_STATES.get(artifact.state, "unknown"),
        {**_plain(artifact.properties), **_plain(artifact.custom_properties)},
        artifact.create_time_since_epoch / 1000,
    )


def _plain(values: Any) -> dict[str, Any]:
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
