"""What ML Metadata knows: runs, their nodes, artifacts, and what was made from what.

One way to read every store (``stores.py``), and to read only: nothing here writes. TFX on a machine
and Kubeflow Pipelines on a cluster file the same things under different names; both are understood.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain

from ml_metadata import errors
from ml_metadata.metadata_store import metadata_store
from ml_metadata.proto import metadata_store_pb2 as mlmd

from gptfx.pipeline.records import (
    LIVE,
    ON_CLUSTERS,
    Artifact,
    NodeRun,
    Run,
    artifact_of,
    node_of,
    plain,
)
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
MADE, TAKEN = (
    (mlmd.Event.OUTPUT, mlmd.Event.DECLARED_OUTPUT, mlmd.Event.INTERNAL_OUTPUT),
    (mlmd.Event.INPUT, mlmd.Event.DECLARED_INPUT, mlmd.Event.INTERNAL_INPUT),
)


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
        run = self.run_without_nodes(run_id)
        return self.with_nodes(run) if run else None

    def run_without_nodes(self, run_id: str) -> Run | None:
        """The same, which takes fewer questions to the store."""
        for kind in RUN_TYPES:
            if context := self._store.get_context_by_type_and_name(kind, run_id):
                return self._run(context)
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
        found = [self._executions_of(run) for run in runs]
        nodes = {node.execution: node for node in self._nodes([*chain(*found)])}
        for run, executions in zip(runs, found, strict=True):
            yield replace(run, nodes=tuple(nodes[each.id] for each in executions))

    def artifacts(self, kind: str | None = None) -> list[Artifact]:
        """All, the newest first; or those of a type."""
        if kind is None:
            found = self._store.get_artifacts()
        else:
            names = (kind, f"{ON_CLUSTERS}{kind}")
            found = [each for name in names for each in self._store.get_artifacts_by_type(name)]
        return [artifact_of(each) for each in sorted(found, key=lambda each: -each.id)]

    def artifact(self, number: int) -> Artifact | None:
        """The artifact of that number."""
        return next((artifact_of(each) for each in self._store.get_artifacts_by_id([number])), None)

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
        noted = {} if context.type != RUN_TYPES[0] else plain(context.custom_properties)
        started = context.create_time_since_epoch / 1000
        pipeline = noted.get("pipeline") or self._pipeline_of(context)
        return Run(context.name, pipeline, noted, started, number=context.id)

    def _pipeline_of(self, context: mlmd.Context) -> str:
        parents = self._store.get_parent_contexts_by_context(context.id)
        return next((each.name for each in parents if each.type in PIPELINE_TYPES), "")

    def _executions_of(self, run: Run) -> list[mlmd.Execution]:
        found = [] if run.number is None else self._store.get_executions_by_context(run.number)
        nodes = (each for each in found if each.type != GROUP_TYPE)
        return sorted(nodes, key=lambda each: each.id)

    def _nodes(self, executions: Sequence[mlmd.Execution]) -> list[NodeRun]:
        numbers = [each.id for each in executions]
        events = self._store.get_events_by_execution_ids(numbers) if numbers else []
        wanted = sorted({event.artifact_id for event in events})
        found = self._store.get_artifacts_by_id(wanted) if wanted else []
        artifacts = {each.id: artifact_of(each) for each in found}
        sides: dict[tuple[int, bool], dict[str, Artifact]] = defaultdict(dict)
        for event in events:
            if event.artifact_id in artifacts and event.type in (*MADE, *TAKEN):
                side = sides[event.execution_id, event.type in MADE]
                side[event.path.steps[0].key] = artifacts[event.artifact_id]
        return [
            node_of(each, self._node_id(each), sides[each.id, False], sides[each.id, True])
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
