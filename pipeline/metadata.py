"""What ML Metadata knows about a run: nodes, their states, what they made."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

RUN_CONTEXT, NODE_CONTEXT, PIPELINE_CONTEXT = "pipeline_run", "node", "pipeline"
STATES = {
    mlmd.Execution.COMPLETE: "complete",
    mlmd.Execution.CACHED: "cached",
    mlmd.Execution.FAILED: "failed",
    mlmd.Execution.RUNNING: "running",
    mlmd.Execution.CANCELED: "canceled",
}


@dataclass(frozen=True)
class NodeRun:
    """A node in a run.

    Attributes:
      id: the node's name in the pipeline.
      state: `complete`, `cached`, `failed`, `running` (also: killed) or `canceled`.
      seconds: between the first and the last entry about it in the metadata.
      outputs: its artifacts, by output name.
    """

    id: str
    state: str
    seconds: float
    outputs: dict[str, mlmd.Artifact]

    @property
    def is_cached(self) -> bool:
        """Whether the node was taken from the cache."""
        return self.state == STATES[mlmd.Execution.CACHED]


@dataclass(frozen=True)
class Run:
    """A run: its id and its nodes in the order in which they started."""

    id: str
    nodes: tuple[NodeRun, ...]

    def node(self, name: str) -> NodeRun | None:
        """The node of that name, if the run reached it."""
        return next((node for node in self.nodes if node.id == name), None)


def open_store(path: Path) -> metadata_store.MetadataStore:
    """The sqlite store at `path`; opened for reading, so a missing one is not made."""
    config = mlmd.ConnectionConfig()
    config.sqlite.filename_uri = str(path)
    config.sqlite.connection_mode = mlmd.SqliteMetadataSourceConfig.READONLY
    return metadata_store.MetadataStore(config)


def last_run(store: metadata_store.MetadataStore, pipeline_name: str) -> Run | None:
    """The newest run of a pipeline; None if there is none."""
    return next(runs(store, pipeline_name), None)


def runs(store: metadata_store.MetadataStore, pipeline_name: str) -> Iterator[Run]:
    """The runs of a pipeline, the newest first."""
    contexts = [
        context
        for context in store.get_contexts_by_type(RUN_CONTEXT)
        if pipeline_name in _parents(store, context)
    ]
    for context in sorted(contexts, key=lambda context: -context.id):
        executions = store.get_executions_by_context(context.id)
        nodes = [_node(store, run) for run in sorted(executions, key=lambda run: run.id)]
        yield Run(context.name, tuple(nodes))


def last_output(
    store: metadata_store.MetadataStore, pipeline_name: str, node: str, output: str
) -> mlmd.Artifact | None:
    """What a node made, or was given from the cache, in the last run that had it finish."""
    for run in runs(store, pipeline_name):
        found = run.node(node)
        artifact = found.outputs.get(output) if found else None
        if artifact and artifact.state == mlmd.Artifact.LIVE:
            return artifact
    return None


def _parents(store: metadata_store.MetadataStore, context: mlmd.Context) -> set[str]:
    return {parent.name for parent in store.get_parent_contexts_by_context(context.id)}


def _node(store: metadata_store.MetadataStore, execution: mlmd.Execution) -> NodeRun:
    milliseconds = execution.last_update_time_since_epoch - execution.create_time_since_epoch
    return NodeRun(
        _node_id(store, execution),
        STATES.get(execution.last_known_state, "unknown"),
        milliseconds / 1000,
        _outputs(store, execution),
    )


def _node_id(store: metadata_store.MetadataStore, execution: mlmd.Execution) -> str:
    for context in store.get_contexts_by_execution(execution.id):
        if context.type == NODE_CONTEXT:  # named PIPELINE.NODE
            return context.name.partition(".")[2]
    return execution.type


def _outputs(
    store: metadata_store.MetadataStore, execution: mlmd.Execution
) -> dict[str, mlmd.Artifact]:
    events = {
        event.artifact_id: event.path.steps[0].key
        for event in store.get_events_by_execution_ids([execution.id])
        if event.type == mlmd.Event.OUTPUT
    }
    artifacts = store.get_artifacts_by_id(list(events)) if events else []
    return {events[artifact.id]: artifact for artifact in artifacts}
